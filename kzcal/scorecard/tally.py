"""What one pass over a file of events keeps of it, in blocks of events that can be dealt anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int64
from torch import Tensor

from kzcal.calibrate.arrivals import energy_class
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.stream import DetectorTensors, EventColumns, HitBatch, RunStream
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.geometry import Detector
from kzcal.hits import RunHeader
from kzcal.io.source import EventSource
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW
from kzcal.scorecard.features import N_FEATURES, features_of
from kzcal.scorecard.sphere import SphereTables, presence

EVENTS_AT_ONCE = 2048
"""Events whose hits are laid out over all PMTs at a time."""
FEW_FOR_TIME, FEW_FOR_CHARGE = 0.6, 0.25
"""Photoelectrons that a PMT may expect of an event where its hit counts as near a single one."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Even bins.

    Args:
        first: lower edge of the first.
        step: width.
        n: number.
    """

    first: float
    step: float
    n: int

    @property
    def centres(self) -> np.ndarray:
        """Middle of each bin."""
        return np.asarray(self.first + self.step * (np.arange(self.n) + 0.5))

    def of(self, values: Float[Tensor, " hit"]) -> Int[Tensor, " hit"]:
        """Bin of each value; not in 0 to n - 1 outside of all."""
        return ((values - self.first) / self.step).floor().long()


TIME = Bins(-16.0, 0.25, 176)
"""Of residuals, ns."""
CHARGE = Bins(-1 / 128, 1 / 16, 96)
"""Of charges, p.e.; edges lie between the steps of 1/64 p.e. that files store."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which events take part, and in which block.

    Args:
        block: of each event of the file; -1 for one that is left out.
        n_blocks: number of blocks.
    """

    block: Int64[np.ndarray, " event"]
    n_blocks: int


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Sums of a file.

    Args:
        n_events: physics events, by block.
        n_hits: hits of physics events in their whole window.
        window: time recorded in physics events, s.
        dark: hits where no light is.
        dark_time: time in which they were counted, s.
        occupied: physics events in which a PMT has light.
        residual: hits of little light by residual, in the bins TIME.
        charge: hits of less light, and those of forced triggers, by charge, in the bins CHARGE.
        n_forced: forced triggers, by block.
        features: of the physics events, in their order, by the names of FEATURES.
        row: of these events in the file.
        event_block: their block.
        energy_class: theirs.
    """

    n_events: Int64[np.ndarray, " block"]
    n_hits: Int64[np.ndarray, " block"]
    window: np.ndarray
    dark: Int64[np.ndarray, "block pmt"]
    dark_time: np.ndarray
    occupied: Int64[np.ndarray, "block pmt"]
    residual: np.ndarray
    charge: np.ndarray
    n_forced: Int64[np.ndarray, " block"]
    features: Float32[np.ndarray, "event feature"]
    row: Int64[np.ndarray, " event"]
    event_block: Int64[np.ndarray, " event"]
    energy_class: Int64[np.ndarray, " event"]


def gather(
    source: EventSource,
    plan: Plan,
    detector: Detector,
    config: CalibrationConfig,
    *,
    device: torch.device,
    tables: SphereTables | None = None,
) -> Tally:
    """Read the file once."""
    stream = _stream(source, plan, detector, config, device)
    counting = _Counting(
        stream,
        torch.from_numpy(plan.block).to(device),
        plan.n_blocks,
        tables or SphereTables.of(detector.directions, device),
    )
    n_pmt = detector.n_pmt
    sums = [torch.zeros(plan.n_blocks * n, dtype=torch.int64, device=device) for n in (1, n_pmt)]
    n_hits, dark = sums
    occupied = torch.zeros(plan.n_blocks, n_pmt, device=device)
    residual, charge = (
        torch.zeros(plan.n_blocks * n_pmt * bins.n, dtype=torch.int32, device=device)
        for bins in (TIME, CHARGE)
    )
    features = torch.zeros(len(plan.block), N_FEATURES, device=device)
    for batch in stream.batches():
        block = counting.block[batch.rows][batch.event]
        counting.add(n_hits, block, batch.used)
        counting.add(dark, block * n_pmt + batch.pmt, counting.dark(batch))
        expected = counting.expected(batch)
        counting.histogram(residual, batch, block, batch.residual, TIME, expected < FEW_FOR_TIME)
        single = (expected < FEW_FOR_CHARGE) | batch.forced
        counting.histogram(charge, batch, block, batch.charge, CHARGE, single)
        counting.events(batch, occupied, features)
    return _tally(stream, plan, n_hits, dark, occupied, residual, charge, features)


@dataclass(frozen=True, slots=True, eq=False)
class _Counting:
    """How hits of a batch are counted."""

    stream: RunStream
    block: Int[Tensor, " event"]
    n_blocks: int
    tables: SphereTables

    def add(self, total: Tensor, index: Tensor, chosen: Tensor) -> None:
        total += torch.bincount(index[chosen], minlength=len(total))

    def dark(self, batch: HitBatch) -> Tensor:
        return batch.forced | (batch.used & (batch.time < -self.stream.config.dark_margin))

    def expected(self, batch: HitBatch) -> Float[Tensor, " hit"]:
        """Photoelectrons that the PMT of each hit expects; infinite for hits without light.

        An event's charge is shared out by solid angle; what that leaves out, it leaves out in
        both files.
        """
        lower, upper = LIGHT_WINDOW
        light = batch.used & (batch.residual > lower) & (batch.residual < upper)
        tubes, view = self.stream.detector, batch.view
        total = torch.zeros(batch.rows.stop - batch.rows.start, device=light.device)
        total.index_add_(0, batch.event, torch.where(light, batch.charge, 0.0))
        aperture = tubes.aperture_radius
        coverage = (aperture**2).sum() / (4 * tubes.radius**2)
        share = 0.25 * aperture[batch.pmt] ** 2 * view.cosine / view.distance**2 / coverage
        return torch.where(light, total[batch.event] * share, torch.inf)

    def histogram(
        self,
        total: Tensor,
        batch: HitBatch,
        block: Tensor,
        values: Tensor,
        bins: Bins,
        chosen: Tensor,
    ) -> None:
        """Chosen hits by block, PMT and bin."""
        place = bins.of(values)
        inside = chosen & (place >= 0) & (place < bins.n)
        index = (block * self.stream.detector.n_pmt + batch.pmt) * bins.n + place
        index = index[inside]
        total.index_add_(0, index, torch.ones_like(index, dtype=total.dtype))

    def events(self, batch: HitBatch, occupied: Tensor, features: Tensor) -> None:
        """Occupancy and features, some events at a time."""
        lower, upper = LIGHT_WINDOW
        light = batch.used & (batch.residual > lower) & (batch.residual < upper)
        n_pmt = self.stream.detector.n_pmt
        for first in range(0, batch.rows.stop - batch.rows.start, EVENTS_AT_ONCE):
            rows = slice(
                batch.rows.start + first,
                min(batch.rows.start + first + EVENTS_AT_ONCE, batch.rows.stop),
            )
            mine = (batch.event >= first) & (batch.event < first + EVENTS_AT_ONCE) & batch.used
            lit = mine & light
            n_event = rows.stop - rows.start
            present = presence(batch.event[lit] - first, batch.pmt[lit], n_event, n_pmt)
            used = self.stream.events.used[rows]
            occupied.index_add_(0, self.block[rows][used], present[used])
            features[rows] = features_of(batch, mine, first, present, self.stream, self.tables)


def _stream(
    source: EventSource,
    plan: Plan,
    detector: Detector,
    config: CalibrationConfig,
    device: torch.device,
) -> RunStream:
    """The file with the events of the plan alone taking part."""
    events = EventColumns.of(source.table(), config, device)
    chosen = torch.from_numpy(plan.block >= 0).to(device)
    events = replace(events, used=events.used & chosen, forced=events.forced & chosen)
    tubes = DetectorTensors.of(detector, np.arange(detector.n_pmt), device)
    return RunStream(source, events, tubes, config, lambda _hits: None)


def _tally(
    stream: RunStream,
    plan: Plan,
    n_hits: Tensor,
    dark: Tensor,
    occupied: Tensor,
    residual: Tensor,
    charge: Tensor,
    features: Tensor,
) -> Tally:
    """The sums as arrays, with the numbers of events and the times that they stand for."""
    shape = (plan.n_blocks, stream.detector.n_pmt)
    used, forced = (rows.cpu().numpy() for rows in (stream.events.used, stream.events.forced))
    t0 = stream.events.t0.cpu().numpy().astype(np.float64)
    physics, off_time = windows(stream.source.header)
    before = np.maximum(t0 - stream.config.dark_margin - physics[0], 0.0)
    dark_time = np.where(used, before, np.where(forced, off_time[1] - off_time[0], 0.0))
    row = np.flatnonzero(used)
    per_block = {"minlength": plan.n_blocks}
    n_events = np.bincount(plan.block[row], **per_block)
    kinds = energy_class(stream.events.energy).cpu().numpy()
    taken = plan.block >= 0
    return Tally(
        n_events=n_events,
        n_hits=n_hits.cpu().numpy(),
        window=1e-9 * (physics[1] - physics[0]) * n_events,
        dark=dark.reshape(shape).cpu().numpy(),
        dark_time=1e-9 * np.bincount(plan.block[taken], dark_time[taken], **per_block),
        occupied=occupied.cpu().numpy().astype(np.int64),
        residual=residual.reshape(*shape, TIME.n).cpu().numpy(),
        charge=charge.reshape(*shape, CHARGE.n).cpu().numpy(),
        n_forced=np.bincount(plan.block[forced], **per_block),
        features=features.cpu().numpy()[row],
        row=row,
        event_block=plan.block[row],
        energy_class=kinds[row].astype(np.int64),
    )


def windows(header: RunHeader) -> tuple[tuple[float, float], tuple[float, float]]:
    """Windows of physics and forced triggers, ns; the usual ones where a file does not say."""
    return header.physics_window_ns or PHYSICS_WINDOW, header.forced_window_ns or FORCED_WINDOW
