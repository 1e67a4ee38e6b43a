"""What happens to PMTs in the course of a year, drawn from a seed.

Assumption: crates and delays are taken to follow the cable numbers, and the numbers and sizes of
changes are chosen so that a year holds some of each, most of them a few stated errors of a short
run; whoever looks for changes must not rely on either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.calibrate.demo import DemoTruth

YEAR_DAYS = 365.0
QUIET = 0.08
"""Share of the year at its begin and at its end in which nothing happens suddenly."""
CRATE, DELAY_GROUP = 160, 48
"""Neighbouring cables that are powered together, and that share a delay."""
SPELL_DAYS = (30.0, 80.0)

Sizes = Callable[[np.random.Generator, int], Float64[np.ndarray, " cable"]]


@dataclass(frozen=True, slots=True)
class Change:
    """Something sudden.

    Args:
        kind: in words.
        quantity: constant that changes; "status" for PMTs that die or come back.
        day: of the year when it happens.
        until: day when it is over; infinite if it stays.
        cables: of the PMTs.
        sizes: for each, what a constant is multiplied by, or for "time_offset" what is added,
            ns; 0 for a PMT that dies and 1 for one that comes back.
    """

    kind: str
    quantity: str
    day: float
    until: float
    cables: tuple[int, ...]
    sizes: tuple[float, ...]

    def holds(self, day: float) -> bool:
        """Whether it is so on a day."""
        return self.day <= day < self.until


@dataclass(frozen=True, slots=True)
class _Kind:
    """Changes of one PMT each: how many there are in a year, and how large."""

    name: str
    quantity: str
    number: int
    sizes: Sizes
    passing: int = 0
    """How many of them end again."""


def _between(low: float, high: float) -> Sizes:
    return lambda rng, n: rng.uniform(low, high, n)


def _either_way(low: float, high: float) -> Sizes:
    """Factors whose logarithm is of this size, up or down."""
    return lambda rng, n: np.exp(rng.choice([-1.0, 1.0], n) * rng.uniform(low, high, n))


SINGLE = (
    _Kind("died", "status", 10, _between(0.0, 0.0)),
    _Kind("flash", "dark_rate", 6, _between(15.0, 30.0), passing=3),
    _Kind("noisier", "dark_rate", 6, _between(2.5, 4.0)),
    _Kind("gain step", "gain", 10, _either_way(0.12, 0.30)),
    _Kind("efficiency step", "qe", 8, _between(0.60, 0.80)),
)
RETURNING = 2
"""PMTs that are dead at first and come back."""


def draw_changes(base: DemoTruth, *, generator: np.random.Generator) -> tuple[Change, ...]:
    """The changes of a year, in order of time; no PMT has two changes of its own.

    Args:
        base: constants at the begin of the year.
        generator: source of randomness.
    """
    good = generator.permutation(np.flatnonzero(base.status == "good"))
    dead = generator.permutation(np.flatnonzero(base.status == "dead"))
    changes = [
        *_single(good, generator),
        *_groups(base, generator),
        *(
            _change("came back", "status", dead[k : k + 1], np.ones(1), generator)
            for k in range(min(RETURNING, len(dead)))
        ),
    ]
    return tuple(sorted(changes, key=lambda change: change.day))


def _single(good: Int64[np.ndarray, " pmt"], generator: np.random.Generator) -> Iterator[Change]:
    """Changes of single PMTs, each of a PMT of its own."""
    start = 0
    for kind in SINGLE:
        cables, start = good[start : start + kind.number], start + kind.number
        for k, size in enumerate(kind.sizes(generator, len(cables))):
            length = generator.uniform(*SPELL_DAYS) if k < kind.passing else np.inf
            rows = cables[k : k + 1]
            yield _change(kind.name, kind.quantity, rows, np.array([size]), generator, length)


def _groups(base: DemoTruth, generator: np.random.Generator) -> Iterator[Change]:
    """A power cycle after which a crate's gains differ, and a group of cables with a new delay."""
    crate = _neighbours(base, CRATE, generator)
    factors = np.exp(generator.normal(0.05, 0.04, len(crate)))
    yield _change("power cycle", "gain", crate, factors, generator)
    group = _neighbours(base, DELAY_GROUP, generator)
    shift = generator.choice([-1.0, 1.0]) * generator.uniform(1.5, 3.0)
    yield _change("delay step", "time_offset", group, np.full(len(group), shift), generator)


def _neighbours(
    base: DemoTruth, number: int, generator: np.random.Generator
) -> Int64[np.ndarray, " cable"]:
    """Living PMTs of one group of neighbouring cables."""
    n_groups = max(1, len(base.status) // number)
    first = number * int(generator.integers(n_groups))
    cables = np.arange(first, min(first + number, len(base.status)))
    return np.asarray(cables[base.status[cables] != "dead"])


def _change(
    kind: str,
    quantity: str,
    cables: Int64[np.ndarray, " cable"],
    sizes: Float64[np.ndarray, " cable"],
    generator: np.random.Generator,
    length: float = np.inf,
) -> Change:
    """A change on a day on which it can be seen before and after."""
    day = YEAR_DAYS * generator.uniform(QUIET, 1 - QUIET)
    return Change(kind, quantity, day, day + length, tuple(cables.tolist()), tuple(sizes.tolist()))
