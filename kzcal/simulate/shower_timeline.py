"""A run with all its muons: captures after them, isotopes of their showers, double beta decays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.hits import Events, Muons
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.shower_decays import DecayStream
from kzcal.simulate.shower_events import (
    ALONE,
    ISOTOPE,
    LONG_LIVED,
    SIGNAL,
    capture_events,
    in_order,
    numbered,
    truth,
)
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.shower_past import see_captures
from kzcal.simulate.shower_tracks import reconstructed
from kzcal.simulate.showers import Showers, draw_parents, draw_showers

DAY_S = 86_400.0
BLOCK_S = DAY_S / 8
"""Time that is drawn together."""


@dataclass(frozen=True, slots=True)
class TimelinePlan:
    """How long a run is.

    Args:
        days: duration.
        signal_per_day: double beta decays.
        isotopes_per_day: decays of isotopes.
        radius: of the scintillator, m.
        seed: the user's.
        run: run number.
    """

    days: float
    signal_per_day: float
    isotopes_per_day: float
    radius: float
    seed: int
    run: int

    def __post_init__(self) -> None:
        for name in ("days", "signal_per_day", "isotopes_per_day"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                message = f"{name} must not be negative, got {value}"
                raise ConfigurationError(message)
        if self.days > 1e5:
            message = f"a run must last no longer than 100,000 days, got {self.days}"
            raise ConfigurationError(message)

    @property
    def notes(self) -> dict[str, float]:
        """What the file says beside its header: a run has no histories that end."""
        return {}

    @property
    def duration_ns(self) -> int:
        """Of the run, ns."""
        return round(self.days * DAY_S * 1e9)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return max(1, math.ceil(self.days * DAY_S / BLOCK_S))

    def span_ns(self, block: int) -> tuple[int, int]:
        """Beginning and end of a block, ns."""
        step = round(BLOCK_S * 1e9)
        return min(block * step, self.duration_ns), min((block + 1) * step, self.duration_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Offspring:
    """Decays of isotopes in a run, by time.

    Args:
        decays: reconstructed, with their times and truth.
        place: of the isotopes, m.
        parent_ns: when the muon of each came, ns; negative before the run.
    """

    decays: Events
    place: Float64[np.ndarray, "decay 3"]
    parent_ns: Int64[np.ndarray, " decay"]


@dataclass(frozen=True, slots=True, eq=False)
class ShowerTimeline:
    """A run block by block.

    Args:
        plan: how long it is, and its rates.
        model: what muons follow.
        isotopes: decays that muons made.
        signal: decays that they did not make.
        lifetimes: mean life of each source of the isotopes, s.
    """

    plan: TimelinePlan
    model: ShowerModel
    isotopes: DecayStream
    signal: DecayStream
    lifetimes: Float64[np.ndarray, " source"]

    def chunks(self) -> Iterator[tuple[Events, Muons]]:
        """Events and muons in time order."""
        offspring = self.offspring()
        group = offspring.decays.truth["group"]
        late: Events | None = None
        n_events = n_muons = 0
        for block in range(self.plan.n_blocks):
            begin, end = self.plan.span_ns(block)
            key = BlockKey(self.plan.seed, self.plan.run, "timeline", block)
            mine = np.flatnonzero((offspring.parent_ns >= begin) & (offspring.parent_ns < end))
            captures, muons, parents = self._muons(block, offspring, mine, n_muons, key)
            group[mine] = parents
            time = offspring.decays.timestamp
            born = offspring.decays.take((time >= begin) & (time < end))
            parts = [captures, born, self._signal(block, key)]
            whole = in_order(*parts, *([] if late is None else [late]))
            n = int(np.searchsorted(whole.timestamp, end))
            yield numbered(whole[:n], n_events), muons
            late = whole[n:]
            n_events, n_muons = n_events + n, n_muons + len(muons)

    def offspring(self) -> Offspring:
        """Every decay of an isotope in the run; few, so that they are drawn beforehand.

        Those whose muons came before the run have no parent in it.
        """
        plan = self.plan
        key = BlockKey(plan.seed, plan.run, "offspring", 0)
        generator = key.numpy("times")
        n = int(generator.poisson(plan.isotopes_per_day * plan.days))
        found = self.isotopes.block(0, n)
        source, place = found.truth["source"], found.truth["place"]
        time = np.sort(generator.integers(0, max(plan.duration_ns, 1), len(found)))
        lag = generator.exponential(self.lifetimes[source])
        names = np.array(self.isotopes.mixture.names, ISOTOPE)[source]
        known = truth(len(found), LONG_LIVED, ALONE, names, lag)
        parent = time - np.rint(1e9 * np.minimum(lag, 9e9)).astype(np.int64)
        return Offspring(replace(found, timestamp=time, truth=known), place, parent)

    def _muons(
        self,
        block: int,
        offspring: Offspring,
        mine: Int64[np.ndarray, " parent"],
        first_group: int,
        key: BlockKey,
    ) -> tuple[Events, Muons, Int64[np.ndarray, " parent"]]:
        """Captures and muons of a block, and the numbers of the parents among these."""
        begin, end = self.plan.span_ns(block)
        radius, generator = self.plan.radius, key.numpy("muons")
        n = int(generator.poisson(self.model.muons.rate_hz * 1e-9 * (end - begin)))
        time = np.concatenate([generator.integers(begin, end, n), offspring.parent_ns[mine]])
        parents = draw_parents(self.model, offspring.place[mine], radius, generator=generator)
        others = draw_showers(self.model, n, radius, generator=generator)
        order = np.argsort(time, kind="stable")
        showers, when = Showers.joined(others, parents).take(order), time[order]
        group = first_group + np.arange(len(when))
        seen = see_captures(self.model, showers, radius, generator=generator)
        captures = in_order(capture_events(seen, when, group))
        tracks = key.numpy("tracks")
        muons = reconstructed(self.model.showers, showers, when, radius, generator=tracks)
        return captures, muons, first_group + np.argsort(order)[n:]

    def _signal(self, block: int, key: BlockKey) -> Events:
        """Double beta decays of a block."""
        begin, end = self.plan.span_ns(block)
        generator = key.numpy("signal")
        n = int(generator.poisson(self.plan.signal_per_day / DAY_S * 1e-9 * (end - begin)))
        found = self.signal.block(block, n)
        time = np.sort(generator.integers(begin, max(end, begin + 1), len(found)))
        return replace(found, timestamp=time, truth=truth(len(found), SIGNAL))
