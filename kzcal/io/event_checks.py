"""What events must keep to before they are written, so that every reader takes the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from kzcal.errors import FileFormatError
from kzcal.hits import Events, Hits
from kzcal.io import schema
from kzcal.io.hdf5_checks import check_trigger
from kzcal.io.schema import Dataset as Spec

Column = Shaped[np.ndarray, " row"]


def event_columns(events: Events) -> dict[str, Column]:
    """Columns of the file that have a row per event, truth left out."""
    vertex = {spec.name: events.vertex[:, axis] for axis, spec in enumerate(schema.VERTEX)}
    return vertex | {
        schema.EVENT_NUMBER.name: events.event,
        schema.EVENT_TIMESTAMP.name: events.timestamp,
        schema.TRIGGER.name: events.trigger,
        schema.ENERGY.name: events.energy,
        schema.T0.name: events.t0,
    }


def hit_columns(hits: Hits) -> dict[str, Column]:
    """Columns of the file that have a row per hit; the offsets must be in order."""
    rows = slice(int(hits.offsets[0]), int(hits.offsets[-1]))
    return {
        schema.PMT.name: hits.pmt[rows],
        schema.TIME.name: hits.time[rows],
        schema.CHARGE.name: hits.charge[rows],
    }


def check_hits(events: Events, path: Path) -> None:
    """Refuse offsets that do not ascend over the events, and hits that they do not reach."""
    hits = events.hits
    falls = np.flatnonzero(hits.offsets[1:] < hits.offsets[:-1])
    if len(falls) or len(hits) != len(events) or hits.offsets[0] < 0:
        message = (
            f"{path}: {schema.OFFSETS.name} must be {len(events) + 1} ascending numbers, got "
            f"{len(hits) + 1} with {len(falls)} descents from {hits.offsets[0]}"
        )
        raise FileFormatError(message)
    for spec in schema.HITS:
        rows = len(getattr(hits, spec.name.removeprefix("hits/")))
        if rows < hits.offsets[-1]:
            message = f"{path}: {spec.name} must have {hits.offsets[-1]} rows, got {rows}"
            raise FileFormatError(message)


def check_columns(columns: dict[str, Column], events: Events, path: Path) -> None:
    """Refuse what the reader would refuse, and hits that are not sorted by time."""
    for spec in (*schema.EVENTS, *schema.HITS):
        check_dtype(spec, columns[spec.name], path)
    truth = {f"truth/{name}": values for name, values in events.truth.items()}
    for name in (*(spec.name for spec in schema.EVENTS), *truth):
        length = len((columns | truth)[name])
        if length != len(events):
            message = f"{path}: {name} must have a row per event ({len(events)}), got {length}"
            raise FileFormatError(message)
    check_trigger(events.trigger, 0, path)
    _check_sorted(events.hits, columns[schema.TIME.name], path)


def _check_sorted(hits: Hits, time: Column, path: Path) -> None:
    """Refuse times that descend within an event."""
    falls = time[1:] < time[:-1]
    first_of_event = hits.offsets[1:-1] - hits.offsets[0]
    falls[first_of_event[(first_of_event > 0) & (first_of_event < len(time))] - 1] = False
    if falls.any():
        row = int(np.argmax(falls))
        message = (
            f"{path}: {schema.TIME.name} must ascend within an event, got {time[row + 1]} ns "
            f"after {time[row]} ns: sort each event's hits by time"
        )
        raise FileFormatError(message)


def check_dtype(spec: Spec, values: Column, path: Path) -> None:
    """Refuse a column of another type, which would not be read back bit by bit."""
    if values.dtype != np.dtype(spec.dtype):
        message = f"{path}: {spec.name} must have the type {spec.dtype}, got {values.dtype}"
        raise FileFormatError(message)
