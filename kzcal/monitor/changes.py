"""Changes of constants: where series divide, and from what to what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.noise import straight_lines
from kzcal.monitor.penalty import Penalties
from kzcal.monitor.segments import Levels, Measurements, Motion, divide, levels
from kzcal.monitor.series import Series

STEP = 3.0
"""Jump over its error from which a change is a step; below, a drift that bends."""


@dataclass(frozen=True, slots=True)
class Change:
    """One constant is another from a run on.

    Args:
        name: of the constant.
        row: PMT, or row of the series.
        run: first run of the new segment, counted from 0.
        before: value and error just before.
        after: value and error just after.
        pull: difference over both errors together.
    """

    name: str
    row: int
    run: int
    before: tuple[float, float]
    after: tuple[float, float]
    pull: float

    @property
    def is_step(self) -> bool:
        """Whether the value jumps; otherwise only its drift is another."""
        return abs(self.pull) > STEP

    @property
    def ratio(self) -> float:
        """Value after over value before."""
        return self.after[0] / self.before[0] if self.before[0] else float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """A series with its segments.

    Args:
        series: in its own unit, as it was measured.
        value: fitted, in the same unit, every run of a segment together.
        error: of that; NaN where nothing is known.
        changes: in order of rows and runs.
        unsteady: chi-square per degree of freedom of each row about its segments.
        penalty: of a change, one per type of row.
    """

    series: Series
    value: Float64[np.ndarray, "row run"]
    error: Float64[np.ndarray, "row run"]
    changes: tuple[Change, ...]
    unsteady: Float64[np.ndarray, " row"]
    penalty: Float64[np.ndarray, " type"]


@dataclass(frozen=True, slots=True)
class Search:
    """How to look for changes in series of the same runs.

    Args:
        time: of each run, in runs, on the device where the search is done.
        walk: standard deviation of the random walk from one run to the next, in errors.
        penalties: of a change.
    """

    time: Float[Tensor, " run"]
    walk: float
    penalties: Penalties

    @classmethod
    def of(
        cls, time: Float64[np.ndarray, " run"], config: MonitorConfig, device: torch.device
    ) -> Search:
        """A search as the settings want it."""
        tick = torch.from_numpy(time).to(device)
        penalties = Penalties(config.false_alarms, tick, config.walk**2, config.seed)
        return cls(tick, config.walk, penalties)


def divide_series(
    measured: Series,
    steady: Series,
    types: Bool[np.ndarray, "type row"],
    slope_variance: Float64[np.ndarray, " type"],
    search: Search,
    imposed: Bool[np.ndarray, "row run"] | None = None,
    taken_off: Float64[np.ndarray, "type run"] | None = None,
) -> Divided:
    """Find the changes of every row.

    Args:
        measured: in its own unit.
        steady: the same as ``noise.prepare`` left it.
        types: rows of each type.
        slope_variance: of each type, squared units of ``steady`` per squared run.
        search: how to look for changes.
        imposed: changes that are known otherwise; None for none.
        taken_off: of the rows of each type in each run, given back to fitted values.
    """
    slope, walk = np.zeros((2, len(steady.value)))
    cost = np.zeros(steady.value.shape)
    penalties = np.full(len(types), np.nan)
    for t, members in enumerate(types):
        typical = _typical(steady.error[members])
        slope[members] = slope_variance[t]
        walk[members] = (search.walk * typical) ** 2
        penalties[t] = search.penalties.of(float(slope_variance[t] / typical**2))
        cost[members] = penalties[t]
    if imposed is not None:
        cost[imposed] = 0.0
    data = _measurements(steady, search.time)
    motion = Motion(*(torch.from_numpy(part).to(search.time.device) for part in (slope, walk)))
    changed = divide(data, motion, torch.from_numpy(cost).to(search.time.device))
    found = levels(data, motion, changed)
    level = found.value
    if taken_off is not None:
        level = level + torch.from_numpy(types.T.astype(float) @ taken_off).to(level.device)
    value, error = (_array(part) for part in _back(level, found.variance, measured))
    changes = _changes(found, changed, measured)
    return Divided(measured, value, error, changes, _unsteady(found, data, changed), penalties)


def alone(measured: Series, time: Float64[np.ndarray, " run"]) -> Float64[np.ndarray, " row"]:
    """Variance of the slope of each row of a series that has no population.

    The larger of that of the straight line through all runs and the typical one over a quarter of
    them, errors taken off: what follows the seasons ends a year where it began.
    """
    slope, variance = straight_lines(measured.value, measured.error, time)
    whole = np.nan_to_num(np.maximum(slope**2 - variance, 0.0))
    lag = len(time) // 4
    if lag < 1:
        return np.asarray(whole)
    spans = time[lag:] - time[:-lag]
    square = ((measured.value[:, lag:] - measured.value[:, :-lag]) / spans) ** 2
    square -= (measured.error[:, lag:] ** 2 + measured.error[:, :-lag] ** 2) / spans**2
    known = np.where(np.isfinite(square), square, 0.0)
    return np.asarray(np.maximum(whole, np.median(known, axis=1)))


def _typical(error: Float64[np.ndarray, "row run"]) -> float:
    known = error[np.isfinite(error)]
    return float(np.median(known)) if len(known) else 1.0


def _measurements(series: Series, time: Tensor) -> Measurements:
    known = np.isfinite(series.value) & (series.error > 0)
    value = torch.from_numpy(np.where(known, series.value, 0.0)).to(time.device)
    variance = torch.from_numpy(np.where(known, series.error**2, np.inf)).to(time.device)
    return Measurements(value, variance, time)


def _array(values: Tensor) -> np.ndarray:
    return np.asarray(values.cpu().numpy())


def _back(value: Tensor, variance: Tensor, measured: Series) -> tuple[Tensor, Tensor]:
    """Values and errors in the constant's own unit."""
    error = torch.where(torch.isfinite(variance), variance.sqrt(), torch.nan)
    value = torch.where(torch.isfinite(variance), value, torch.nan)
    if not measured.counted:
        return value, error
    return value**2, 2 * value.abs() * error


def _changes(found: Levels, changed: Tensor, measured: Series) -> tuple[Change, ...]:
    row, run = torch.nonzero(changed, as_tuple=True)
    before = found.before[row, run - 1], found.before_variance[row, run - 1]
    after = found.after[row, run], found.after_variance[row, run]
    pull = (after[0] - before[0]) / (before[1] + after[1]).sqrt()
    sides = [part.tolist() for side in (before, after) for part in _back(*side, measured)]
    return tuple(
        Change(measured.name, at, when, (a, b), (c, d), p)
        for at, when, a, b, c, d, p in zip(
            row.tolist(), run.tolist(), *sides, pull.tolist(), strict=True
        )
    )


def _unsteady(found: Levels, data: Measurements, changed: Tensor) -> Float64[np.ndarray, " row"]:
    freedom = torch.isfinite(data.variance).sum(1) - 1 - changed.sum(1)
    ratio = found.chi_square.sum(1) / freedom.clamp(min=1)
    return _array(torch.where(freedom > 0, ratio, torch.nan))
