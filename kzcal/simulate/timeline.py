"""When decays happen: components of a simulation, each in blocks that are in time order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.particles import Primaries
from kzcal.parts import ParticleSource
from kzcal.simulate.chain import Batch
from kzcal.simulate.energy_window import Thinning
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.volumes import Volume

BLOCK = 64
"""Decays that are drawn together, with generators of their own."""
SPACING_NS = 10**9
"""Time between the decays of a sample that is not a run."""


class Component(Protocol):
    """One kind of decay, or forced triggers, as blocks in time order."""

    @property
    def name(self) -> str:
        """Unique in the simulation; its generators depend on it."""

    @property
    def kind(self) -> str:
        """What the truth calls its events."""

    @property
    def n_decays(self) -> int:
        """Number of decays."""

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""

    def begin(self, block: int) -> int:
        """No event of this or a later block is earlier, ns."""

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The decays of a block."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """So many decays, one a second: a sample, not a run.

    Every block is drawn whole, so that more decays only add to fewer.
    """

    name: str
    kind: str
    source: ParticleSource
    volume: Volume
    n_decays: int

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return -(-self.n_decays // BLOCK)

    def begin(self, block: int) -> int:
        """The time of its first decay, ns."""
        return block * BLOCK * SPACING_NS

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The decays of a block."""
        first = block * BLOCK
        return Batch(
            self.source.sample(BLOCK, generator=key.numpy("source")),
            self.volume.sample(BLOCK, generator=key.numpy("volume")),
            (first + np.arange(BLOCK)) * SPACING_NS,
            self.kind,
            first,
            min(BLOCK, self.n_decays - first),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Steady:
    """Decays at any time of a run; each block is an equal part of it.

    Args:
        name: unique in the simulation.
        kind: what the truth calls them.
        source: of the particles, or None for forced triggers.
        volume: where.
        duration_ns: of the run.
        counts: decays in each block.
    """

    name: str
    kind: str
    source: ParticleSource | None
    volume: Volume
    duration_ns: int
    counts: Int64[np.ndarray, " block"]

    @property
    def n_decays(self) -> int:
        """Number of decays."""
        return int(self.counts.sum())

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.counts)

    def begin(self, block: int) -> int:
        """The beginning of its part of the run, ns."""
        return block * self.duration_ns // len(self.counts)

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The decays of a block."""
        n = int(self.counts[block])
        span = self.begin(block), self.begin(block + 1)
        source = self.source
        return Batch(
            no_particles(n) if source is None else source.sample(n, generator=key.numpy("source")),
            self.volume.sample(n, generator=key.numpy("volume")),
            np.sort(key.numpy("time").integers(*span, n)),
            self.kind,
            int(self.counts[:block].sum()),
            n,
            forced=source is None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scheduled:
    """Decays at times and places that are known beforehand, as of captures after muons.

    Args:
        name: unique in the simulation.
        kind: what the truth calls them.
        source: of the particles.
        timestamp: ns, ascending.
        position: m.
    """

    name: str
    kind: str
    source: ParticleSource
    timestamp: Int64[np.ndarray, " decay"]
    position: Float64[np.ndarray, "decay 3"]

    @property
    def n_decays(self) -> int:
        """Number of decays."""
        return len(self.timestamp)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return -(-self.n_decays // BLOCK)

    def begin(self, block: int) -> int:
        """The time of its first decay, ns."""
        return int(self.timestamp[block * BLOCK])

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The decays of a block."""
        rows = slice(block * BLOCK, min((block + 1) * BLOCK, self.n_decays))
        n = rows.stop - rows.start
        primaries = self.source.sample(n, generator=key.numpy("source"))
        timestamp, position = self.timestamp[rows], self.position[rows]
        return Batch(primaries, position, timestamp, self.kind, rows.start, n)


@dataclass(frozen=True, slots=True, eq=False)
class Thinned:
    """A component of whose events some stay.

    Args:
        component: all of them.
        thinning: which stay.
    """

    component: Component
    thinning: Thinning

    @property
    def name(self) -> str:
        """Unique in the simulation."""
        return self.component.name

    @property
    def kind(self) -> str:
        """What the truth calls its events."""
        return self.component.kind

    @property
    def n_decays(self) -> int:
        """Number of decays, those included of which nothing stays."""
        return self.component.n_decays

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.component.n_blocks

    def begin(self, block: int) -> int:
        """No event of this or a later block is earlier, ns."""
        return self.component.begin(block)

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The decays of a block."""
        return replace(self.component.batch(block, key), thinning=self.thinning)


def steady_counts(
    duration_ns: int,
    *,
    rate_hz: float = 0.0,
    number: int | None = None,
    at_once: int = BLOCK,
    key: BlockKey,
) -> Int64[np.ndarray, " block"]:
    """Decays in each block of a run: Poisson numbers for a rate, or parts of an exact number.

    A block has about ``at_once`` of them.
    """
    generator = key.numpy("counts")
    if number is None:
        expected = rate_hz * duration_ns * 1e-9
        n_blocks = max(1, -int(-expected // at_once))
        return generator.poisson(expected / n_blocks, n_blocks)
    n_blocks = max(1, -(-number // at_once))
    return generator.multinomial(number, np.full(n_blocks, 1 / n_blocks))


def no_particles(n: int) -> Primaries:
    """So many decays that send out nothing."""
    none = np.zeros(0)
    return Primaries(
        np.zeros(n + 1, np.int64), np.zeros(0, np.int32), none, none, np.zeros((0, 3))
    )


@dataclass(frozen=True, slots=True)
class Task:
    """One block of one component, and the time before which no later task has events."""

    component: int
    block: int
    settled: int | None


def tasks(components: Sequence[Component]) -> Iterator[Task]:
    """Every block of every component, by the time at which it begins.

    ``settled`` is the beginning of the task that follows, None for the last: the events before
    it are complete once a task is done.
    """
    heap = [(c.begin(0), i, 0) for i, c in enumerate(components) if c.n_blocks]
    heapify(heap)
    while heap:
        _, i, block = heappop(heap)
        if block + 1 < components[i].n_blocks:
            heappush(heap, (components[i].begin(block + 1), i, block + 1))
        yield Task(i, block, heap[0][0] if heap else None)
