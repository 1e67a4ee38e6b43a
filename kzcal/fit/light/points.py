"""Where the light of calibration samples is made: decays of their sources at the vertices found.

Every event of a sample gets decays of the sample's source, drawn once with a fixed seed. They
begin at the event's reconstructed vertex and each is then moved so that the centroid of its light
lies there, because that is what a reconstruction finds. Alphas and betas are points; gammas
spread their light over some decimetres and give it later. How much of a decay's light comes from
gammas goes with how much there is in all: bright events get decays that look bright.

Assumption: the vertex resolution moves the points of a decay together and by no more than the
light changes over; terms that see it (times, edges) fold it in themselves. A decay drawn at one
event's vertex shines alike at another's: walls are farther away than its gammas go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.light import LightSites
from kzcal.particles import GAMMA
from kzcal.parts import ParticleSource, Selection
from kzcal.physics.decay import Chain, Decay
from kzcal.physics.given import GivenParticle
from kzcal.physics.transport import Transport
from kzcal.physics.visible import CAPTURE_GAMMA

SAMPLES = ("neutron-capture", "c11", "po210", "po214", "bi214")
"""Samples whose decays are known."""

Rows = Int64[np.ndarray, " event"]
Vertices = Float64[np.ndarray, "event 3"]
Columns = tuple[
    Int64[np.ndarray, " point"],
    Float64[np.ndarray, "point 3"],
    Float64[np.ndarray, " point"],
    Float64[np.ndarray, " point"],
    Int64[np.ndarray, " point"],
]


@dataclass(frozen=True, slots=True, eq=False)
class EmissionPoints:
    """Points that emit the light of events, by sample and within a sample by event.

    Args:
        row: of the event in the run.
        position: m.
        time: after the decay, ns.
        share: of the event's light; adds up to one for every event.
        decay: that gave it.
        sample: index into ``names``.
        names: of the samples.
    """

    row: Int64[np.ndarray, " point"]
    position: Float64[np.ndarray, "point 3"]
    time: Float64[np.ndarray, " point"]
    share: Float64[np.ndarray, " point"]
    decay: Int64[np.ndarray, " point"]
    sample: Int64[np.ndarray, " point"]
    names: tuple[str, ...]

    @property
    def n_events(self) -> int:
        """Number of events, each of which has a point at least."""
        return len(np.unique(self.row))


def source_of(sample: str) -> ParticleSource:
    """What decays in a sample.

    Raises:
        ConfigurationError: no such sample, or its decays are not known.
    """
    if sample == "neutron-capture":
        return GivenParticle(GAMMA, CAPTURE_GAMMA)
    if sample == "bi214":
        return Chain.named("bi214", "po214").decays[0]
    if sample in SAMPLES:
        return Decay.named(sample)
    message = f"decays are known of the samples {', '.join(SAMPLES)}, got {sample!r}"
    raise ConfigurationError(message)


def rows_of_samples(
    selections: Mapping[str, Selection],
    chosen: Bool[np.ndarray, " event"],
    names: tuple[str, ...] = SAMPLES,
    *,
    most: int | None = None,
) -> dict[str, Rows]:
    """Events of each sample; one that is in several belongs to that with the fewest events.

    Args:
        selections: samples of a run by name.
        chosen: events that may take part.
        names: of the samples wanted; those that the run has not are left out.
        most: of a sample with more events, every n-th that leaves so many at most; None for all.
    """
    known = [name for name in names if name in selections]
    free = chosen.copy()
    found = {}
    for name in sorted(known, key=lambda n: int(selections[n].rows.sum())):
        rows = np.flatnonzero(selections[name].rows & free)
        free[rows] = False
        step = 1 if most is None else -(-len(rows) // most)
        found[name] = rows[:: max(step, 1)]
    return {name: found[name] for name in known}


def emission_points(
    rows: Mapping[str, Rows],
    vertex: Vertices,
    transport: Transport,
    *,
    light: Float64[np.ndarray, " event"] | None = None,
    ordering: Transport | None = None,
    sources: Mapping[str, ParticleSource] | None = None,
    decays: int = 1,
    seed: int,
) -> EmissionPoints:
    """Points of the events of samples; decays that make no light leave their event without.

    Args:
        rows: events of each sample, such as of ``rows_of_samples``.
        vertex: of every event of the run, m.
        transport: of the detector.
        light: of every event of the run, in hits, whose number fluctuates; decays are given such
            fluctuations and go to the events of their sample in the order of light. None for any
            decays.
        ordering: transport whose light decays are ordered by; None for ``transport``. With one
            that stays the same, slightly other Birks constants lead to no other decay anywhere.
        sources: what decays in a sample, by its name; None for ``source_of`` each.
        decays: drawn for every event, which share its light: where and when gammas shine differs
            from one to the next, and events are few.
        seed: of the decays; those of a sample do not depend on the other samples.
    """
    names = tuple(rows)
    parts = []
    for name in names:
        source = source_of(name) if sources is None else sources[name]
        generator = np.random.default_rng([seed, *name.encode()])
        drawn = np.repeat(rows[name], decays)
        parts.append(
            _points(drawn, vertex, light, source, transport, ordering or transport, generator)
        )
    row, position, time, share, own = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    before = np.cumsum([0, *(len(rows[name]) * decays for name in names)])
    decay = own + np.repeat(before[:-1], [len(part[0]) for part in parts])
    sample = np.repeat(np.arange(len(names)), [len(part[0]) for part in parts])
    return EmissionPoints(row, position, time, share, decay, sample, names)


def _points(
    rows: Rows,
    vertex: Vertices,
    brightness: Float64[np.ndarray, " event"] | None,
    source: ParticleSource,
    transport: Transport,
    ordering: Transport,
    generator: np.random.Generator,
) -> Columns:
    """Columns of the points of one sample; a decay for every row given."""
    start = vertex[rows].astype(np.float64)
    primaries = source.sample(len(rows), generator=generator)
    deposits = transport.deposits(primaries, start, generator=generator)
    light = transport.light(deposits)
    if brightness is not None:
        shining = light if ordering is transport else ordering.light(deposits)
        rows = _ranked(rows, brightness[rows], shining, generator)
    return _laid(light, rows, vertex[rows].astype(np.float64))


def _ranked(
    rows: Rows,
    hits: Float64[np.ndarray, " decay"],
    light: LightSites,
    generator: np.random.Generator,
) -> Rows:
    """Row for every decay: those that look brightest belong to the brightest events."""
    total = np.bincount(light.event.numpy(), light.scintillation.numpy(), len(rows))
    mean = total * (hits.sum() / max(total.sum(), 1e-12))
    seen = mean + np.sqrt(mean) * generator.standard_normal(len(mean))
    ranked = np.empty_like(rows)
    ranked[np.argsort(seen, kind="stable")] = rows[np.argsort(hits, kind="stable")]
    return ranked


def _laid(light: LightSites, rows: Rows, vertex: Vertices) -> Columns:
    """Light that scintillates, with the centroid of every decay moved to the vertex."""
    shines = light.scintillation.numpy() > 0
    event = light.event.numpy()[shines]
    amount = light.scintillation.numpy()[shines].astype(np.float64)
    position = light.position.numpy()[shines].astype(np.float64)
    total = np.bincount(event, amount, len(rows))
    share = amount / total[event]
    centroid = np.stack([np.bincount(event, share * x, len(rows)) for x in position.T], axis=1)
    row = rows[event]
    return (
        row,
        position + (vertex - centroid)[event],
        light.time.numpy()[shines].astype(np.float64),
        share / np.bincount(row, share)[row],
        event.astype(np.int64),
    )
