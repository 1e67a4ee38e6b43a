"""What plugins add to a calibration: samples before it, estimates of every PMT after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16

from kzcal.components import Component, Estimator, Sample
from kzcal.conditions.payload import Column
from kzcal.errors import PluginError
from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.io.source import EventSource
from kzcal.parts import CalibrationChunk, PmtEstimator, SampleSelection, Selection
from kzcal.plugins import FAILURES


@contextmanager
def credited(part: Component, doing: str) -> Iterator[None]:
    """Turn the failure of a plugin's part into one sentence that names the plugin.

    Raises:
        PluginError: the block failed; a failure of kzcal's own part goes through as it is.
    """
    try:
        yield
    except FAILURES as error:
        if part.provider == "kzcal":
            raise
        reason = f"failed while {doing}: {type(error).__name__}: {error}"
        message = f"{part.name} of plugin {part.provider} {reason}"
        raise PluginError(message) from error


@dataclass(frozen=True, slots=True, eq=False)
class CheckedSample:
    """A sample whose selections are checked and whose failures name the plugin."""

    record: Sample
    selection: SampleSelection

    @classmethod
    def build(cls, record: Sample) -> CheckedSample:
        """The sample of a record."""
        with credited(record, "being built"):
            return cls(record, record.build())

    def select(
        self, events: Events, muons: Muons, header: RunHeader, detector: Detector
    ) -> Selection:
        """Select from all events of a run.

        Raises:
            PluginError: the selection is not what the hook promises.
        """
        with credited(self.record, "selecting"):
            found = self.selection.select(events, muons, header, detector)
            rows = np.asarray(found.rows)
            numbers = (found.purity, found.purity_error)
            whole = rows.shape == (len(events),) and rows.dtype == np.bool_
            if not whole or not all(math.isfinite(number) for number in numbers):
                message = (
                    f"a selection is a mask of {len(events)} events with a finite purity and "
                    f"error, got {rows.dtype} of shape {rows.shape}, {numbers[0]} and "
                    f"{numbers[1]} from {self.record.name} of {self.record.provider}"
                )
                raise PluginError(message)
            return found


def estimate(
    chunks: Iterator[CalibrationChunk],
    estimators: Mapping[str, Estimator],
    n_pmt: int,
    taken: frozenset[str],
) -> dict[str, Column]:
    """Show a run to every estimator and collect their columns.

    Args:
        chunks: the run; read only if there is an estimator.
        estimators: records by name.
        n_pmt: rows that each column must have.
        taken: names of columns that an estimator must not use.

    Raises:
        PluginError: an estimator fails, or gives a column that cannot join the others.
    """
    built: list[tuple[Estimator, PmtEstimator]] = []
    for record in estimators.values():
        with credited(record, "being built"):
            built.append((record, record.build()))
    for chunk in chunks if built else ():
        for record, estimator in built:
            with credited(record, "accumulating"):
                estimator.accumulate(chunk)
    columns: dict[str, Column] = {}
    for record, estimator in built:
        with credited(record, "estimating"):
            found = dict(estimator.estimate())
            _check(record, found, n_pmt, taken | frozenset(columns))
        columns |= found
    return columns


def _check(
    record: Estimator, found: Mapping[str, Column], n_pmt: int, taken: frozenset[str]
) -> None:
    for name, column in found.items():
        if name in taken:
            message = f"a column is there once, got another {name!r}"
        elif column.values.shape[:1] != (n_pmt,):
            message = f"{name} has a row for each of {n_pmt} PMTs, got {column.values.shape}"
        else:
            continue
        message = f"{message} from {record.name} of {record.provider}: correct the plugin"
        raise PluginError(message)


def calibration_chunks(
    source: EventSource,
    selections: Mapping[str, Selection],
    place: np.ndarray,
    detector: Detector,
    light_speed: float,
    hits_per_chunk: int,
    advance: Callable[[int], None],
) -> Iterator[CalibrationChunk]:
    """The run from the start, as estimators see it.

    Args:
        source: the open run.
        selections: samples by name.
        place: position at which each cable ends.
        detector: the detector.
        light_speed: for the time of flight, m/ns.
        hits_per_chunk: about so many.
        advance: called with the number of hits read.
    """
    position = detector.positions[place]
    sample = membership(selections, source.n_events)
    first = 0
    for events in source.chunks(hits_per_chunk):
        rows = slice(first, first + len(events))
        first = rows.stop
        yield CalibrationChunk(
            events,
            residuals(events, position, light_speed),
            sample[rows],
            tuple(selections),
            detector,
            source.header,
        )
        advance(len(events.hits.pmt))


def membership(selections: Mapping[str, Selection], n_events: int) -> Int16[np.ndarray, " event"]:
    """Number of the sample that each event belongs to; of several, the one of fewest events."""
    sample = np.full(n_events, -1, np.int16)
    numbered = enumerate(selections.values())
    for number, selection in sorted(numbered, key=lambda item: -int(item[1].rows.sum())):
        sample[selection.rows] = number
    return sample


def residuals(
    events: Events, position: np.ndarray, light_speed: float
) -> Float32[np.ndarray, " hit"]:
    """Hit time less t0 and time of flight, ns; NaN where an event has no vertex or t0.

    Args:
        events: with their hits.
        position: place of each cable's PMT, m.
        light_speed: m/ns.
    """
    hits, row = events.hits, events.hits.event_index
    offset = position.astype(np.float32)[hits.pmt] - events.vertex[row]
    flight = np.sqrt(np.einsum("ij,ij->i", offset, offset)) / np.float32(light_speed)
    known = np.where(events.forced, np.float32(np.nan), events.t0)
    return np.asarray(hits.time - known[row] - flight, np.float32)
