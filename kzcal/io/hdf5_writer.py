"""The writer of HDF5 event files, version 1: streamed, and whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Shaped

from kzcal.errors import FileFormatError
from kzcal.hits import Events, Hits, Muons, RunHeader
from kzcal.io import schema
from kzcal.io.atomic import replacing
from kzcal.io.hdf5_checks import check_time_order, check_trigger
from kzcal.io.schema import Dataset as Spec

Column = Shaped[np.ndarray, " row"]

ROWS_PER_HDF5_CHUNK = {"hits": 1 << 17, "events": 1 << 12, "truth": 1 << 12, "muons": 1 << 12}


def write_events(
    path: Path | str,
    header: RunHeader,
    chunks: Iterable[Events],
    muons: Muons | None = None,
) -> None:
    """Write events as they come; the file takes its name when it is whole and on disk.

    Args:
        path: the file, which may exist and is then replaced.
        header: what is known about the run.
        chunks: consecutive events; one chunk at a time is held in memory.
        muons: reconstructed muons of the run.

    Raises:
        FileFormatError: the events break the format, so that no reader would take them.
        ConfigurationError: the file cannot be written there.
    """
    path = Path(path)
    with replacing(path) as beside, h5py.File(beside, "w", libver="v110") as file:
        _write_header(file, header)
        writer = _Writer(file, path)
        ordered = header.sample is None
        for chunk in chunks:
            writer.append(chunk, ordered=ordered)
        writer.finish()
        if muons is not None and len(muons):
            _write_muons(file, muons, path)


class _Writer:
    """Datasets that grow chunk by chunk, and what has to fit between chunks."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file = file
        self._path = path
        self._n_hits = 0
        self._last_timestamp: Column = np.zeros(0, np.int64)
        self._truth: Mapping[str, str] | None = None
        for spec in (*schema.EVENTS, *schema.HITS):
            _create(file, spec)
        _append(_create(file, schema.OFFSETS), np.zeros(1, np.int64))

    def append(self, events: Events, *, ordered: bool) -> None:
        """Check and add some events."""
        if len(events) or events.truth:
            self._check_truth(events)
        if not len(events):
            return
        _check_hits(events, self._path)
        columns = _event_columns(events) | _hit_columns(events.hits)
        _check_columns(columns, events, self._path)
        if ordered:
            whole = np.concatenate([self._last_timestamp, events.timestamp])
            check_time_order(whole, self._path)
            self._last_timestamp = events.timestamp[-1:]
        for name, values in columns.items():
            _append(self._file[name], values)
        ends = events.hits.offsets[1:] - events.hits.offsets[0] + self._n_hits
        _append(self._file[schema.OFFSETS.name], ends)
        self._n_hits = int(ends[-1])
        for name, values in events.truth.items():
            _append(self._file[f"truth/{name}"], np.asarray(values))

    def finish(self) -> None:
        """Flush to disk."""
        self._file.flush()

    def _check_truth(self, events: Events) -> None:
        """The first chunk decides which truth columns there are."""
        found = {name: np.asarray(values).dtype.str for name, values in events.truth.items()}
        if self._truth is None:
            for name, dtype in found.items():
                _create(self._file, Spec(f"truth/{name}", dtype, schema.TRUTH_UNITS.get(name)))
            self._truth = found
        if found != self._truth:
            message = (
                f"{self._path}: truth must have the same columns and types in every chunk "
                f"({dict(self._truth)}), got {found}"
            )
            raise FileFormatError(message)


def _event_columns(events: Events) -> dict[str, Column]:
    vertex = {spec.name: events.vertex[:, axis] for axis, spec in enumerate(schema.VERTEX)}
    return vertex | {
        schema.EVENT_NUMBER.name: events.event,
        schema.EVENT_TIMESTAMP.name: events.timestamp,
        schema.TRIGGER.name: events.trigger,
        schema.ENERGY.name: events.energy,
        schema.T0.name: events.t0,
    }


def _hit_columns(hits: Hits) -> dict[str, Column]:
    rows = slice(int(hits.offsets[0]), int(hits.offsets[-1]))
    return {
        schema.PMT.name: hits.pmt[rows],
        schema.TIME.name: hits.time[rows],
        schema.CHARGE.name: hits.charge[rows],
    }


def _check_hits(events: Events, path: Path) -> None:
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


def _check_columns(columns: dict[str, Column], events: Events, path: Path) -> None:
    """Refuse what the reader would refuse, and hits that are not sorted by time."""
    for spec in (*schema.EVENTS, *schema.HITS):
        _check_dtype(spec, columns[spec.name], path)
    truth = {f"truth/{name}": values for name, values in events.truth.items()}
    for name in (*(spec.name for spec in schema.EVENTS), *truth):
        length = len((columns | truth)[name])
        if length != len(events):
            message = f"{path}: {name} must have a row per event ({len(events)}), got {length}"
            raise FileFormatError(message)
    check_trigger(events.trigger, 0, path)
    _check_sorted(events.hits, columns[schema.TIME.name], path)


def _check_sorted(hits: Hits, time: Column, path: Path) -> None:
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


def _check_dtype(spec: Spec, values: Column, path: Path) -> None:
    if values.dtype != np.dtype(spec.dtype):
        message = f"{path}: {spec.name} must have the type {spec.dtype}, got {values.dtype}"
        raise FileFormatError(message)


def _write_header(file: h5py.File, header: RunHeader) -> None:
    known = {
        "format": schema.FORMAT,
        "version": np.int64(schema.VERSION),
        "run": np.int64(header.run),
        "livetime_ns": None if header.livetime_ns is None else np.int64(header.livetime_ns),
    }
    for name in (*schema.HEADER_TEXTS, *schema.HEADER_WINDOWS):
        known[name] = getattr(header, name)
    for name, value in known.items():
        if value is not None:
            file.attrs[name] = value


def _write_muons(file: h5py.File, muons: Muons, path: Path) -> None:
    columns = {
        schema.MUON_TIMESTAMP: muons.timestamp,
        schema.MUON_CHARGE: muons.charge,
        **{spec: muons.entry[:, axis] for axis, spec in enumerate(schema.MUON_ENTRY)},
        **{spec: muons.direction[:, axis] for axis, spec in enumerate(schema.MUON_DIRECTION)},
    }
    for spec in schema.MUONS:
        _check_dtype(spec, columns[spec], path)
        _append(_create(file, spec), columns[spec])


def _create(file: h5py.File, spec: Spec) -> h5py.Dataset:
    created = file.create_dataset(
        spec.name,
        shape=(0,),
        maxshape=(None,),
        dtype=spec.dtype,
        chunks=(ROWS_PER_HDF5_CHUNK[spec.name.split("/")[0]],),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    if spec.units is not None:
        created.attrs["units"] = spec.units
    return created


def _append(dataset: h5py.Dataset, values: Column) -> None:
    start = len(dataset)
    dataset.resize(start + len(values), axis=0)
    dataset[start:] = values
