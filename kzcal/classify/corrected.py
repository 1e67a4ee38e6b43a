"""Hits less all that the calibration of their run knows: offsets, gains, exchanged, bad PMTs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt16

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.extensions import residuals
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import GOOD, check_kind
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events, Hits
from kzcal.io.source import EventSource
from kzcal.learning import CorrectedEvents
from kzcal.response.constants import EXCHANGED, cable_of_place

LIGHT_SPEED = CalibrationConfig().light_speed
"""For the time of flight, m/ns, where the constants do not say with which they were found."""
HITS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What a calibration knows of the PMTs of a run, as far as it corrects hits.

    Args:
        place: PMT whose place each cable number has; its own unless two are exchanged.
        time_offset: of each cable, ns.
        gain: of each cable.
        live: PMTs in use, by place.
        light_speed: for the time of flight, m/ns: that which the offsets were found with.
    """

    place: UInt16[np.ndarray, " cable"]
    time_offset: Float32[np.ndarray, " cable"]
    gain: Float32[np.ndarray, " cable"]
    live: Bool[np.ndarray, " pmt"]
    light_speed: float = LIGHT_SPEED

    @classmethod
    def of(cls, payload: Payload, detector: Detector) -> Correction:
        """The correction that the constants of a run make.

        PMTs that are good are in use, and so are those whose cables are known to be exchanged;
        dead, hot, weak and misplaced ones are not, nor any without an offset or a gain.

        Args:
            payload: of kind "pmt-response".
            detector: whose PMTs it describes.

        Raises:
            ConfigurationError: the payload describes another number of PMTs.
        """
        check_kind(payload, "correction of hits")
        columns = payload.columns
        status = columns["status"].values
        if len(status) != detector.n_pmt:
            message = (
                f"constants correct the hits of the detector that they describe, got constants of "
                f"{len(status)} PMTs for {detector.n_pmt} PMTs of {detector.name}"
            )
            raise ConfigurationError(message)
        offset, gain = columns["time_offset"].values, columns["gain"].values
        used = ((status == GOOD) | (status == EXCHANGED)) & np.isfinite(offset) & (gain > 0)
        cable = cable_of_place(payload)
        place = np.empty_like(cable)
        place[cable] = np.arange(len(cable))
        return cls(
            place.astype(np.uint16),
            np.where(used, offset, 0.0).astype(np.float32),
            np.where(used, gain, 1.0).astype(np.float32),
            used[cable],
            float(payload.lineage.configuration.get("light_speed", LIGHT_SPEED)),
        )


def corrected(events: Events, correction: Correction, detector: Detector) -> CorrectedEvents:
    """The events as a classifier sees them, all of one run.

    Events that have no vertex, energy or emission time keep no hit.

    Args:
        events: with their hits.
        correction: of their run.
        detector: whose PMTs the hits belong to.
    """
    hits = events.hits
    residual = residuals(events, detector.positions[correction.place], correction.light_speed)
    pmt = correction.place[hits.pmt]
    moved = Hits(
        hits.offsets,
        pmt,
        residual - correction.time_offset[hits.pmt],
        (hits.charge / correction.gain[hits.pmt]).astype(np.float32),
    )
    kept = moved.where(correction.live[pmt] & events.reconstructed[hits.event_index])
    run = np.zeros(len(events), np.int64)
    return CorrectedEvents(kept, events.vertex, events.energy, run, correction.live[None])


def corrected_chunks(
    source: EventSource,
    detector: Detector,
    correction: Correction,
    hits_per_chunk: int = HITS_AT_ONCE,
) -> Iterator[CorrectedEvents]:
    """All events of a file in its order, some at a time."""
    for events in source.chunks(hits_per_chunk):
        yield corrected(events, correction, detector)


def corrected_events(
    source: EventSource,
    detector: Detector,
    correction: Correction,
    rows: Int64[np.ndarray, " event"] | None = None,
) -> CorrectedEvents:
    """Some events of a file, all of one run.

    Args:
        source: the file, open.
        detector: whose PMTs the hits belong to.
        correction: of the run.
        rows: ascending, of the events to take; None for all.
    """
    chosen = np.arange(source.n_events) if rows is None else rows
    parts, first = [], 0
    for part in corrected_chunks(source, detector, correction):
        begin, end = np.searchsorted(chosen, (first, first + len(part)))
        parts.append(part.take(chosen[begin:end] - first))
        first += len(part)
    if not parts:
        empty = source.table()
        return corrected(empty, correction, detector)
    whole = together(parts)
    return replace(whole, run=np.zeros_like(whole.run), live=correction.live[None])


def together(parts: Sequence[CorrectedEvents]) -> CorrectedEvents:
    """Events one after the other; runs with the same PMTs in use become one."""
    live, row = np.unique(
        np.concatenate([part.live for part in parts]), axis=0, return_inverse=True
    )
    first = np.cumsum([0, *(len(part.live) for part in parts[:-1])])
    runs = [part.run + begin for part, begin in zip(parts, first, strict=True)]
    return CorrectedEvents(
        Hits.from_counts(
            np.concatenate([part.hits.counts for part in parts]),
            np.concatenate([part.hits.pmt for part in parts]),
            np.concatenate([part.hits.time for part in parts]),
            np.concatenate([part.hits.charge for part in parts]),
        ),
        np.concatenate([part.vertex for part in parts]),
        np.concatenate([part.energy for part in parts]),
        row.reshape(-1)[np.concatenate(runs)],
        live,
    )
