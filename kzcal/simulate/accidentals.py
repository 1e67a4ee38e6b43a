"""Pairs of single events that look like an antineutrino, drawn without waiting for them.

A run of a year holds some tens; here two events of a run of single events become a pair at a
random delay, if their energies and places let them pass. That is what happens by accident, as
long as pairs are rare: times are independent, and so are energies and places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.coincidence.captures import in_windows
from kzcal.coincidence.config import NS_PER_S, NS_PER_US, IbdSettings, Window
from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.simulate.order import joined
from kzcal.simulate.timeline import SPACING_NS

PAIRS_AT_ONCE, TRIALS_AT_ONCE, MOST_TRIALS = 4096, 2**16, 2**28
DAY_S = 86_400.0


def like(events: Events, windows: tuple[Window, ...], radius: float) -> Bool[np.ndarray, " event"]:
    """Which events have an energy in one of some windows, MeV, inside a sphere, m."""
    inside = np.linalg.norm(events.vertex, axis=1) < radius
    return np.asarray(inside & in_windows(events.energy, windows))


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The single events of a run that can be half a pair.

    Args:
        events: all of them.
        prompt: rows of those that can be the first.
        delayed: rows of those that can be the second.
    """

    events: Events
    prompt: Int64[np.ndarray, " prompt"]
    delayed: Int64[np.ndarray, " delayed"]

    @classmethod
    def of(cls, parts: Iterable[Events], cuts: IbdSettings) -> Pool:
        """Keep what the cuts allow.

        Raises:
            ConfigurationError: nothing can be first, or nothing second.
        """
        windows = ((cuts.prompt,), cuts.delayed)
        kept: list[Events] = []
        halves = np.zeros(2, np.int64)
        for part in parts:
            first, second = (like(part, window, cuts.radius) for window in windows)
            halves += first.sum(), second.sum()
            kept.append(part.take(first | second))
        if not halves.all():
            message = (
                "pairs need single events of both energies, got "
                f"{halves[0]} prompt and {halves[1]} delayed: simulate more days"
            )
            raise ConfigurationError(message)
        events = joined(kept)
        rows = (np.flatnonzero(like(events, window, cuts.radius)) for window in windows)
        return cls(events, *rows)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPairs:
    """Pairs by accident.

    Args:
        first, second: rows of the pool's events.
        delay_ns: from the first to the second.
        near: share of all pairs that are close enough to each other.
    """

    first: Int64[np.ndarray, " pair"]
    second: Int64[np.ndarray, " pair"]
    delay_ns: Float64[np.ndarray, " pair"]
    near: float


def draw_pairs(
    pool: Pool, cuts: IbdSettings, number: int, *, generator: np.random.Generator
) -> DrawnPairs:
    """So many pairs of events that are near each other.

    Every draw takes any two events of the pool, so that each pair of them is as likely as any
    other, and an event may be half of several pairs: with many more pairs than events, pairs are
    not independent.

    Raises:
        ConfigurationError: they hardly ever are.
    """
    found: list[tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]] = []
    have, tried = 0, 0
    place = pool.events.vertex.astype(np.float64)
    while have < number:
        if tried >= MOST_TRIALS:
            message = f"pairs must be nearer than {cuts.distance} m, got {have} of {tried} tried"
            raise ConfigurationError(message)
        first = generator.choice(pool.prompt, TRIALS_AT_ONCE)
        second = generator.choice(pool.delayed, TRIALS_AT_ONCE)
        near = np.linalg.norm(place[first] - place[second], axis=1) < cuts.distance
        near &= first != second
        found.append((first[near], second[near]))
        have, tried = have + int(near.sum()), tried + TRIALS_AT_ONCE
    first, second = (np.concatenate(rows)[:number] for rows in zip(*found, strict=True))
    low, high = (NS_PER_US * edge for edge in cuts.time)
    delay = generator.uniform(low, high, number)
    return DrawnPairs(first, second, delay, have / tried)


def pairs_per_day(pool: Pool, drawn: DrawnPairs, cuts: IbdSettings, duration_s: float) -> float:
    """Pairs by accident of a day at the rates of the pool's run.

    Args:
        pool: the single events.
        drawn: says how often two are near each other.
        cuts: say how long after the first the second may come.
        duration_s: of the pool's run.
    """
    wait = (cuts.time[1] - cuts.time[0]) * NS_PER_US / NS_PER_S
    prompt, delayed = len(pool.prompt) / duration_s, len(pool.delayed) / duration_s
    return prompt * delayed * wait * drawn.near * DAY_S


def paired_events(pool: Pool, drawn: DrawnPairs) -> Iterator[Events]:
    """The events of pairs in time order, a pair a second, some thousand pairs at a time."""
    for begin in range(0, len(drawn.first), PAIRS_AT_ONCE):
        pairs = slice(begin, begin + PAIRS_AT_ONCE)
        number = begin + np.arange(len(drawn.first[pairs]))
        late = np.maximum(1, np.rint(drawn.delay_ns[pairs])).astype(np.int64)
        rows = np.stack([drawn.first[pairs], drawn.second[pairs]], axis=1).ravel()
        events = pool.events.take(rows)
        time = np.stack([number * SPACING_NS, number * SPACING_NS + late], axis=1).ravel()
        yield replace(events, event=2 * begin + np.arange(len(rows)), timestamp=time)
