"""Photons traced from where a run's events gave light, as the run's hits would see them.

They leave the points of the events' decays, simulated with their centroid on the reconstructed
vertex, and are looked at from that vertex as hits are: the same distances, angles of incidence and
times less the straight way, through the same dead and exchanged PMTs.

Assumption: light leaves the reconstructed vertex, not the true one, which scatters by some
centimetres about it; that moves what PMTs beyond 3 m collect by less than 0.1 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.fit.light.points import EmissionPoints
from kzcal.fit.run import CalibratedRun
from kzcal.optics.acceptance import Sightline, sightline_of_hits
from kzcal.optics.tracer import Detections, FullTracer

AT_ONCE = 2_000_000
"""Photons traced at a time; some 15 % of them are detected and held."""

LEAST_LIGHT = 0.1
"""Of the mean: events get photons in proportion to their light, and at least for this much."""


@dataclass(frozen=True, slots=True, eq=False)
class TracedBlock:
    """Traced photons that were detected, of some events of the samples.

    Args:
        row: event in the run.
        sample: that the event is in, index into the names of the points.
        decay: that it came from, by its number in the points.
        pmt: cable number.
        view: from the reconstructed vertex, as for hits.
        residual: what a hit's residual would be without the scintillation's time, the PMT's own
            and errors of the reconstruction, ns.
        slopes: of the log of each one's probability, in the order of the tracer's SLOPES.
        weight: photoelectrons per photon in a PMT of relative efficiency 1.
        events: rows of the events in the run, ascending within a sample.
        event: place of each photon's event in ``events``.
        samples: sample of each of ``events``.
        emitted: photons that each of ``events`` emitted for those detected here.
    """

    row: Int[Tensor, " photon"]
    sample: Int[Tensor, " photon"]
    decay: Int[Tensor, " photon"]
    pmt: Int[Tensor, " photon"]
    view: Sightline
    residual: Float[Tensor, " photon"]
    slopes: Float[Tensor, "photon scale"]
    weight: float
    events: Int[Tensor, " event"]
    event: Int[Tensor, " photon"]
    samples: Int[Tensor, " event"]
    emitted: Float[Tensor, " event"]


def traced(
    points: EmissionPoints, run: CalibratedRun, photons: float, *, seed: int
) -> Iterator[TracedBlock]:
    """Trace the light of events, some at a time; the seed decides all of it.

    Args:
        points: where the events gave light.
        run: that they are in; its detector's light is what photons are traced with.
        photons: per event on average; in proportion to the light that an event has.
        seed: of the photons.

    Raises:
        ConfigurationError: fewer than one photon per event.
    """
    if not photons >= 1:
        message = f"light is traced with at least one photon per event, got photons={photons}"
        raise ConfigurationError(message)
    if not len(points.row):
        return
    generator = torch.Generator().manual_seed(seed)
    order = np.lexsort((points.row, points.sample))
    events = _Events.of(points, order, run, photons, generator)
    tracer = FullTracer(run.detector, run.materials, device=run.stream.detector.device)
    for first, last in events.blocks():
        chosen = slice(events.first[first], events.first[last])
        rows = order[chosen]
        number = events.number[chosen]
        position = np.ascontiguousarray(points.position[rows], np.float64)
        found = tracer.trace(position, number, generator=generator)
        yield _block(points, run, found, rows, events, slice(first, last))


@dataclass(frozen=True, slots=True, eq=False)
class _Events:
    """Events of the points, sorted by sample and row, and the photons of each of their points."""

    row: Int64[np.ndarray, " event"]
    sample: Int64[np.ndarray, " event"]
    first: Int64[np.ndarray, " end"]
    emitted: Int64[np.ndarray, " event"]
    number: Int64[np.ndarray, " point"]

    @classmethod
    def of(
        cls,
        points: EmissionPoints,
        order: np.ndarray,
        run: CalibratedRun,
        photons: float,
        generator: torch.Generator,
    ) -> _Events:
        row, sample = points.row[order], points.sample[order]
        share = points.share[order].astype(np.float64)
        begins = np.flatnonzero(np.diff(row, prepend=-1) | np.diff(sample, prepend=-1))
        first = np.append(begins, len(row))
        light = run.result.light.light.double().cpu().numpy()[row[begins]]
        relative = np.maximum(light / light.mean(), LEAST_LIGHT) if light.any() else 1.0 + light
        emitted = np.rint(photons * relative / np.mean(relative)).astype(np.int64).clip(min=1)
        event = np.repeat(np.arange(len(begins)), np.diff(first))
        number = _split(share, event, first, emitted, generator)
        return cls(row[begins], sample[begins], first, emitted, number)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """First and last event of parts of about AT_ONCE photons."""
        part = np.cumsum(self.emitted) // AT_ONCE
        cuts = np.flatnonzero(np.diff(part, prepend=-1, append=-1))
        cuts[0] = 0
        yield from zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)


def _split(
    share: np.ndarray,
    event: np.ndarray,
    first: np.ndarray,
    emitted: np.ndarray,
    generator: torch.Generator,
) -> Int64[np.ndarray, " point"]:
    """An event's photons over its points, in proportion to their shares and without bias."""
    total = np.add.reduceat(share, first[:-1])
    upto = np.cumsum(share / total[event])
    upto -= np.repeat(np.append(0.0, upto[first[1:-1] - 1]), np.diff(first))
    upto[first[1:] - 1] = 1.0
    shift = torch.rand(len(emitted), generator=generator, dtype=torch.float64).numpy()
    ends = np.floor(np.maximum(upto, 0.0) * emitted[event] + shift[event]).astype(np.int64)
    begins = np.append(0, ends[:-1])
    begins[first[:-1]] = 0
    number: np.ndarray = ends - begins
    return number


def _block(
    points: EmissionPoints,
    run: CalibratedRun,
    found: Detections,
    rows: np.ndarray,
    events: _Events,
    chosen: slice,
) -> TracedBlock:
    stream = run.stream
    device = stream.detector.device
    event = np.repeat(np.arange(chosen.stop - chosen.start), np.diff(events.first)[chosen])
    cable = np.argsort(run.place)[found.pmt]
    place = event[found.source]
    flight = points.time[rows][found.source] + found.time

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    row, pmt = tensor(events.row[chosen][place]), tensor(cable)
    view = sightline_of_hits(
        stream.events.vertex[row], stream.detector.direction[pmt], stream.detector.radius
    )
    straight = view.distance / stream.config.light_speed
    return TracedBlock(
        row=row,
        sample=tensor(events.sample[chosen][place]),
        decay=tensor(points.decay[rows][found.source]),
        pmt=pmt,
        view=view,
        residual=tensor(flight.astype(np.float32)) - straight,
        slopes=tensor(found.slopes),
        weight=found.weight,
        events=tensor(events.row[chosen]),
        event=tensor(place),
        samples=tensor(events.sample[chosen]),
        emitted=tensor(events.emitted[chosen].astype(np.float64)),
    )
