r"""Where series of measurements change: the best division into segments, of many series at once.

Within a segment a constant has a level of which nothing is known beforehand, a slope drawn from a
Gaussian, and, if that is wanted, it wanders at random; it is measured with known errors. What a
segment costs is its chi-square, found by a Kalman filter that begins with it. A division costs
the sum over its segments and a penalty for every change, and the cheapest of all
:math:`2^{n-1}` divisions is found exactly by dynamic programming:

.. math:: F(b) = \min_{a<b} \left[ F(a) + C(a, b) + \beta\,[a > 0] \right].

All segments that end at b are extended by one measurement at a time, so that n measurements take
n steps on arrays of series by segments.

Source: Auger and Lawrence (1989), Bull. Math. Biol. 51, 39, the division; R. E. Kalman (1960),
J. Basic Eng. 82, 35, the filter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

SERIES_AT_ONCE = 400
"""Series whose segments are in memory together, with a hundred measurements each."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How a constant moves between changes.

    Args:
        slope: variance of its slope, squared units per squared run.
        walk: variance that a random walk adds in one run, squared units.
    """

    slope: Float[Tensor, " series"]
    walk: Float[Tensor, " series"]


@dataclass(frozen=True, slots=True)
class _Filters:
    """What is known of the constant at one run, for every segment that may have begun before.

    Args:
        level: value of the constant.
        slope: its change per run.
        of_level: variance of the level.
        of_both: covariance of level and slope.
        of_slope: variance of the slope.
        cost: chi-square so far.
        begun: whether anything was measured yet.
    """

    level: Tensor
    slope: Tensor
    of_level: Tensor
    of_both: Tensor
    of_slope: Tensor
    cost: Tensor
    begun: Tensor

    @classmethod
    def fresh(cls, slope_variance: Tensor) -> _Filters:
        """Segments in which nothing was measured yet."""
        zero = torch.zeros_like(slope_variance)
        begun = torch.zeros_like(slope_variance, dtype=torch.bool)
        return cls(zero, zero, zero, zero, slope_variance.clone(), zero, begun)

    def beside(self, other: _Filters) -> _Filters:
        """These segments and others."""
        return _Filters(
            torch.cat([self.level, other.level], 1),
            torch.cat([self.slope, other.slope], 1),
            torch.cat([self.of_level, other.of_level], 1),
            torch.cat([self.of_both, other.of_both], 1),
            torch.cat([self.of_slope, other.of_slope], 1),
            torch.cat([self.cost, other.cost], 1),
            torch.cat([self.begun, other.begun], 1),
        )

    def where(self, chosen: Tensor, other: _Filters) -> _Filters:
        """The chosen of these segments, and the others'."""
        return _Filters(
            torch.where(chosen, self.level, other.level),
            torch.where(chosen, self.slope, other.slope),
            torch.where(chosen, self.of_level, other.of_level),
            torch.where(chosen, self.of_both, other.of_both),
            torch.where(chosen, self.of_slope, other.of_slope),
            torch.where(chosen, self.cost, other.cost),
            torch.where(chosen, self.begun, other.begun),
        )

    def later(self, step: float, walk: Tensor) -> _Filters:
        """So many runs later, before anything is measured there."""
        spread = self.of_level + 2 * step * self.of_both + step**2 * self.of_slope + step * walk
        return _Filters(
            self.level + step * self.slope,
            self.slope,
            spread,
            self.of_both + step * self.of_slope,
            self.of_slope,
            self.cost,
            self.begun,
        )

    def measured(self, value: Tensor, variance: Tensor) -> _Filters:
        """After a measurement; an infinite variance stands for none."""
        known = torch.isfinite(variance)
        value, variance = torch.where(known, value, 0.0), torch.where(known, variance, 1.0)
        first = known & ~self.begun
        miss, total = value - self.level, self.of_level + variance
        gain, along = self.of_level / total, self.of_both / total
        updated = _Filters(
            torch.where(first, value, self.level + gain * miss),
            torch.where(first, self.slope, self.slope + along * miss),
            torch.where(first, variance, self.of_level * (1 - gain)),
            torch.where(first, 0.0, self.of_both * (1 - gain)),
            torch.where(first, self.of_slope, self.of_slope - along * self.of_both),
            torch.where(first, self.cost, self.cost + miss**2 / total),
            self.begun | first,
        )
        return updated.where(known, self)


@dataclass(frozen=True, slots=True)
class Measurements:
    """Series of measurements at the same runs.

    Args:
        value: measured.
        variance: of each value; infinite where nothing was measured.
        time: of each run, ascending, in runs.
    """

    value: Float[Tensor, "series run"]
    variance: Float[Tensor, "series run"]
    time: Float[Tensor, " run"]

    def rows(self, first: int, last: int) -> Measurements:
        """Some of the series."""
        return Measurements(self.value[first:last], self.variance[first:last], self.time)

    def backwards(self) -> Measurements:
        """The same with time running backwards."""
        return Measurements(self.value.flip(1), self.variance.flip(1), -self.time.flip(0))

    def steps(self) -> list[float]:
        """Time from the run before to each run; 0 for the first."""
        return [0.0, *torch.diff(self.time).tolist()]


def divide(
    data: Measurements, motion: Motion, penalty: Float[Tensor, "series run"]
) -> Bool[Tensor, "series run"]:
    """The runs with which a new segment begins, the first one left out.

    Args:
        data: the series.
        motion: how constants move between changes.
        penalty: cost of a segment that begins with each run; that of the first is not asked.
    """
    n_series, n_run = data.value.shape
    at_once = max(1, SERIES_AT_ONCE * 100 // max(n_run, 1))
    parts = []
    for first in range(0, n_series, at_once):
        last = first + at_once
        part = Motion(motion.slope[first:last], motion.walk[first:last])
        parts.append(_divide(data.rows(first, last), part, penalty[first:last]))
    return torch.cat(parts) if parts else torch.zeros(0, n_run, dtype=torch.bool)


def _divide(data: Measurements, motion: Motion, penalty: Tensor) -> Bool[Tensor, "series run"]:
    n_series, n_run = data.value.shape
    slope, walk = motion.slope[:, None], motion.walk[:, None]
    best = torch.zeros(n_series, n_run + 1, dtype=data.value.dtype, device=data.value.device)
    penalty = penalty.clone()
    penalty[:, 0] = 0.0
    begin = torch.zeros(n_series, n_run, dtype=torch.long, device=data.value.device)
    filters: _Filters | None = None
    for run, step in enumerate(data.steps()):
        fresh = _Filters.fresh(slope)
        filters = fresh if filters is None else filters.later(step, walk).beside(fresh)
        filters = filters.measured(data.value[:, run, None], data.variance[:, run, None])
        total = best[:, : run + 1] + filters.cost + penalty[:, : run + 1]
        best[:, run + 1], begin[:, run] = total.min(1)
    return _traced_back(begin)


def _traced_back(begin: Tensor) -> Bool[Tensor, "series run"]:
    """From the first run of the best segment that ends with each run, the changes."""
    n_series, n_run = begin.shape
    changed = torch.zeros(n_series, n_run, dtype=torch.bool, device=begin.device)
    row = torch.arange(n_series, device=begin.device)
    end = torch.full((n_series,), n_run - 1, device=begin.device)
    while bool((end >= 0).any()):
        alive = end >= 0
        first = begin[row, end.clamp(min=0)]
        changed[row[alive], first[alive]] = True
        end = torch.where(alive, first - 1, end)
    changed[:, :1] = False
    return changed


def largest_gain(data: Measurements, motion: Motion) -> Float[Tensor, " series"]:
    """What the best single change takes off the cost of each series."""
    slope, walk = motion.slope[:, None], motion.walk[:, None]
    filters: _Filters | None = None
    upto = []
    for run, step in enumerate(data.steps()):
        fresh = _Filters.fresh(slope)
        filters = fresh if filters is None else filters.later(step, walk).beside(fresh)
        filters = filters.measured(data.value[:, run, None], data.variance[:, run, None])
        upto.append(filters.cost[:, 0])
    if filters is None or len(upto) < 2:
        return torch.zeros(len(data.value), dtype=data.value.dtype, device=data.value.device)
    left, right = torch.stack(upto[:-1], 1), filters.cost[:, 1:]
    return upto[-1] - (left + right).amin(1)


@dataclass(frozen=True, slots=True)
class Levels:
    """What is known of each constant at each run from the other runs of its segment.

    Args:
        before: from this run and those before it.
        before_variance: of that.
        after: from this run and those after it.
        after_variance: of that.
        value: from all of them.
        variance: of that; infinite where the segment has no measurement.
        chi_square: of each measurement against what those before it in its segment let expect.
    """

    before: Float[Tensor, "series run"]
    before_variance: Float[Tensor, "series run"]
    after: Float[Tensor, "series run"]
    after_variance: Float[Tensor, "series run"]
    value: Float[Tensor, "series run"]
    variance: Float[Tensor, "series run"]
    chi_square: Float[Tensor, "series run"]


def levels(data: Measurements, motion: Motion, changed: Bool[Tensor, "series run"]) -> Levels:
    """Follow every series through its segments, forwards and backwards.

    Args:
        data: the series.
        motion: how constants move between changes.
        changed: runs with which new segments begin.
    """
    before, _, cost = _followed(data, motion, changed)
    ends = torch.zeros_like(changed)
    ends[:, :-1] = changed[:, 1:]
    after, behind, _ = _followed(data.backwards(), motion, ends.flip(1))
    after, behind = ([part.flip(1) for part in parts] for parts in (after, behind))
    weights = 1 / before[1], 1 / behind[1]
    total = weights[0] + weights[1]
    value = (weights[0] * before[0] + weights[1] * behind[0]) / total.clamp(min=1e-300)
    return Levels(before[0], before[1], after[0], after[1], value, 1 / total, cost)


def _followed(
    data: Measurements, motion: Motion, changed: Tensor
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Level and variance with each measurement and just before it, and its chi-square."""
    fresh = _Filters.fresh(motion.slope[:, None])
    filters, walk = fresh, motion.walk[:, None]
    level, variance, ahead, ahead_variance, cost = [], [], [], [], []
    for run, step in enumerate(data.steps()):
        filters = fresh.where(changed[:, run, None], filters.later(step, walk))
        ahead.append(filters.level)
        ahead_variance.append(torch.where(filters.begun, filters.of_level, torch.inf))
        so_far = filters.cost
        filters = filters.measured(data.value[:, run, None], data.variance[:, run, None])
        level.append(filters.level)
        variance.append(torch.where(filters.begun, filters.of_level, torch.inf))
        cost.append(filters.cost - so_far)
    with_it = [torch.cat(level, 1), torch.cat(variance, 1)]
    return with_it, [torch.cat(ahead, 1), torch.cat(ahead_variance, 1)], torch.cat(cost, 1)
