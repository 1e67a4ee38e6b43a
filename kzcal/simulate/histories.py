"""Decays that each have a history of muons and captures of their own behind them.

The histories lie one after the other on the time axis, so that a search that looks back as long
as they are long sees exactly one. Of each decay's muons those are left that matter: the parent,
the last muon before the decay, and those after which a capture was seen near the decay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.hits import Events, Muons
from kzcal.io.schema import HISTORY_S, REACH_M
from kzcal.simulate.order import joined
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.shower_decays import DecayStream, Supply
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
from kzcal.simulate.shower_past import Past, latest, see_captures
from kzcal.simulate.shower_tracks import reconstructed
from kzcal.simulate.showers import (
    Showers,
    draw_neutron_muons,
    draw_parents,
    draw_quiet_muons,
)

AT_ONCE = 128
"""Histories that are drawn together."""
GAP_S = 1.0
"""Between a decay and the history of the next one."""


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """How many histories, and how long they are.

    Args:
        number: of decays of each class.
        look_back_s: how long before a decay its history begins, s.
        reach_m: muons with a capture seen closer to the decay are left, m.
        radius: of the scintillator, m.
        seed: the user's.
        run: run number.
    """

    number: int
    look_back_s: float
    reach_m: float
    radius: float
    seed: int
    run: int

    def __post_init__(self) -> None:
        for name in ("look_back_s", "reach_m"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                message = f"{name} of histories must be positive, got {value}"
                raise ConfigurationError(message)
        if self.duration_ns > np.iinfo(np.int64).max:
            message = (
                f"histories must end within 292 years of each other, got {2 * self.number} of "
                f"{self.look_back_s / 3600:g} h: make fewer, or shorter ones"
            )
            raise ConfigurationError(message)

    @property
    def step_ns(self) -> int:
        """From one decay to the next, ns."""
        return round(1e9 * (self.look_back_s + GAP_S))

    @property
    def notes(self) -> dict[str, float]:
        """What the file says of its histories, so that no search goes beyond them."""
        return {HISTORY_S: self.look_back_s, REACH_M: self.reach_m}

    @property
    def duration_ns(self) -> int:
        """Of all histories, ns."""
        return 2 * self.number * self.step_ns

    def decay_ns(self, history: Int64[np.ndarray, " row"]) -> Int64[np.ndarray, " row"]:
        """When the decays of histories are, ns."""
        return np.asarray((history + 1) * self.step_ns - round(0.5e9 * GAP_S))


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Decays of both classes with their histories.

    Args:
        plan: how many of them.
        model: what muons follow.
        isotopes: decays that muons made.
        signal: decays that they did not make.
        lifetimes: mean life of each source of the isotopes, s.
    """

    plan: HistoryPlan
    model: ShowerModel
    isotopes: DecayStream
    signal: DecayStream
    lifetimes: Float64[np.ndarray, " source"]

    def chunks(self) -> Iterator[tuple[Events, Muons]]:
        """Events and muons in time order, some histories at a time."""
        plan = self.plan
        chance = BlockKey(plan.seed, plan.run, "histories/order", 0).numpy("order")
        every = chance.permutation(np.repeat([True, False], plan.number))
        isotopes, signal = Supply(self.isotopes), Supply(self.signal)
        n_events = n_muons = 0
        for block in range(-(-len(every) // AT_ONCE)):
            first = block * AT_ONCE
            made = every[first : first + AT_ONCE]
            n_made = int(made.sum())
            key = BlockKey(plan.seed, plan.run, "histories", block)
            decays = _mixed(made, isotopes.take(n_made), signal.take(len(made) - n_made))
            lag = self._lags(made, decays, key)
            past = self._past(decays, lag, key)
            time = plan.decay_ns(first + np.arange(len(made)))
            events, muons = self._rows(decays, time, lag, past, n_muons, key)
            yield numbered(events, n_events), muons
            n_events, n_muons = n_events + len(events), n_muons + len(muons)

    def _lags(
        self, made: Bool[np.ndarray, " decay"], decays: Events, key: BlockKey
    ) -> Float64[np.ndarray, " decay"]:
        """Time from parent to decay, s; NaN without a parent."""
        life = self.lifetimes[np.where(made, decays.truth["source"], 0)]
        return np.where(made, key.numpy("lag").exponential(life), np.nan)

    def _past(self, decays: Events, lag: Float64[np.ndarray, " decay"], key: BlockKey) -> Past:
        """The muons before each decay that matter."""
        others = self._others(len(decays), key.numpy("others"))
        away = others.seen.vertex - decays.vertex[others.history[others.seen.muon]]
        near = np.linalg.norm(away, axis=1) < self.plan.reach_m
        kept = np.bincount(others.seen.muon[near], minlength=len(others.history)) > 0
        kept[latest(others)] = True
        rows = np.flatnonzero(lag <= self.plan.look_back_s)
        parents = self._parents(rows, lag[rows], decays, key.numpy("parents"))
        return Past.joined(
            others.where(kept), parents, self._quiet(len(decays), key.numpy("last"))
        )

    def _others(self, n: int, generator: np.random.Generator) -> Past:
        """Muons with captures at any time of each history."""
        rates, span = self.model.muons, self.plan.look_back_s
        mean = rates.rate_hz * rates.neutron_muons * span
        history = np.repeat(np.arange(n), generator.poisson(mean, n))
        lag = span * generator.random(len(history))
        radius = self.plan.radius
        showers = draw_neutron_muons(self.model, len(history), radius, generator=generator)
        return self._with_captures(history, lag, showers, generator)

    def _parents(
        self,
        rows: Int64[np.ndarray, " parent"],
        lag: Float64[np.ndarray, " parent"],
        decays: Events,
        generator: np.random.Generator,
    ) -> Past:
        """The muons that made the decays in some rows."""
        place = decays.truth["place"][rows]
        showers = draw_parents(self.model, place, self.plan.radius, generator=generator)
        return self._with_captures(rows, lag, showers, generator, parents=True)

    def _quiet(self, n: int, generator: np.random.Generator) -> Past:
        """The last muon without captures before each decay."""
        rates = self.model.muons
        rate = rates.rate_hz * (1 - rates.neutron_muons)
        lag = generator.exponential(1 / rate, n) if rate else np.full(n, np.inf)
        rows = np.flatnonzero(lag < self.plan.look_back_s)
        radius = self.plan.radius
        showers = draw_quiet_muons(self.model, len(rows), radius, generator=generator)
        return self._with_captures(rows, lag[rows], showers, generator)

    def _with_captures(
        self,
        history: Int64[np.ndarray, " muon"],
        lag: Float64[np.ndarray, " muon"],
        showers: Showers,
        generator: np.random.Generator,
        *,
        parents: bool = False,
    ) -> Past:
        """Muons and what is seen after them."""
        seen = see_captures(self.model, showers, self.plan.radius, generator=generator)
        return Past(history, np.full(len(history), parents), lag, showers, seen)

    def _rows(
        self,
        decays: Events,
        time: Int64[np.ndarray, " decay"],
        lag: Float64[np.ndarray, " decay"],
        past: Past,
        first_group: int,
        key: BlockKey,
    ) -> tuple[Events, Muons]:
        """Decays, captures and muons on the time axis."""
        when = time[past.history] - np.rint(1e9 * past.lag).astype(np.int64)
        order = np.argsort(when, kind="stable")
        group = np.empty(len(when), np.int64)
        group[order] = first_group + np.arange(len(when))
        mine = np.full(len(decays), ALONE)
        mine[past.history[past.parent]] = group[past.parent]
        captures = capture_events(past.seen, when, group)
        muons = reconstructed(
            self.model.showers,
            past.showers.take(order),
            when[order],
            self.plan.radius,
            generator=key.numpy("tracks"),
        )
        return in_order(captures, self._decay_rows(decays, time, lag, mine)), muons

    def _decay_rows(
        self,
        decays: Events,
        time: Int64[np.ndarray, " decay"],
        lag: Float64[np.ndarray, " decay"],
        group: Int64[np.ndarray, " decay"],
    ) -> Events:
        made = np.isfinite(lag)
        names = np.array(self.isotopes.mixture.names, ISOTOPE)
        isotope = np.where(made, names[np.where(made, decays.truth["source"], 0)], b"")
        known = truth(len(decays), SIGNAL, group, isotope, lag)
        known["kind"] = np.where(made, LONG_LIVED.encode(), known["kind"])
        return replace(decays, timestamp=time, truth=known)


def _mixed(made: Bool[np.ndarray, " decay"], isotopes: Events, signal: Events) -> Events:
    """Decays of both classes, in the order in which they come."""
    order = np.empty(len(made), np.int64)
    order[made] = np.arange(len(isotopes))
    order[~made] = len(isotopes) + np.arange(len(signal))
    return joined([isotopes, signal]).take(order)
