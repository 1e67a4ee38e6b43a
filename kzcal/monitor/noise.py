r"""What the runs themselves say of noise and drift, before anything is called a change.

Stated errors need not be those of differences between runs: part of an error may be common to all
runs. So the errors of each constant and type are scaled by the median of
:math:`|x_{r+1} - x_r| / \sigma`, which a few changes do not move. What all PMTs of a type do
together is taken off each of them and watched by itself. How fast PMTs drift is a Gaussian
population, whose variance comes from straight lines through all runs, errors taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.monitor.series import Series

NORMAL = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""
FEWEST = 5
"""Differences between runs below which their scatter is not believed."""
CALM = 4.0
"""Standard deviations above the middle chi-square up to which a PMT is like most."""
LONGEST_DRIFT = 0.5
"""Largest standard deviation of slopes, errors of one run per run."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A series ready for the search of changes.

    Args:
        series: with errors that do not depend on values, scaled, and the common part taken off.
        common: that part, one row per type, with its own error.
        scale: measured over stated errors of each type.
        slope_variance: of the population of each type, squared units per squared run.
    """

    series: Series
    common: Series
    scale: Float64[np.ndarray, " type"]
    slope_variance: Float64[np.ndarray, " type"]

    @property
    def taken_off(self) -> Float64[np.ndarray, "type run"]:
        """What was taken off the rows of each type; 0 where nothing is known."""
        value = self.common.value
        known = np.isfinite(value)
        number = np.maximum(known.sum(1, keepdims=True), 1)
        mean = np.where(known, value, 0.0).sum(1, keepdims=True) / number
        return np.asarray(np.where(known, value - mean, 0.0))


def prepare(
    measured: Series,
    types: Bool[np.ndarray, "type row"],
    time: Float64[np.ndarray, " run"],
    apart: Bool[np.ndarray, " row"] | None = None,
) -> Prepared:
    """Scale errors, take off what a type does together, and see how fast PMTs drift.

    Args:
        measured: one constant of every PMT.
        types: PMTs of each type.
        time: of each run, in runs.
        apart: PMTs that are known to move by themselves; None for none.
    """
    steady = measured.steady()
    others = np.ones(len(steady.value), bool) if apart is None else ~apart
    value, error = steady.value.copy(), steady.error.copy()
    common, common_error = np.full((2, len(types), len(time)), np.nan)
    scale, slope = np.ones(len(types)), np.zeros(len(types))
    for row, members in enumerate(types):
        alike = members & others if (members & others).any() else members
        together = common_part(value[alike])
        calm = calm_rows(value[alike] - together, error[alike])
        together = common_part(value[alike][calm])
        value[members] -= together - np.nanmean(together) if np.isfinite(together).any() else 0.0
        scale[row] = error_scale(value[members], error[members])
        error[members] *= scale[row]
        slope[row] = drift_variance(value[members], error[members], time)
        common[row] = together
        common_error[row] = _common_error(together, error[members])
    own = Series(steady.name, steady.unit, value, error)
    all_together = Series(steady.name, steady.unit, common, common_error)
    return Prepared(own, all_together, scale, slope)


def common_part(value: Float64[np.ndarray, "row run"]) -> Float64[np.ndarray, " run"]:
    """What most rows do together: the median over rows of the value less the row's own mean.

    The own median would not do: it is the value of one run, so that the differences of many rows
    are exactly zero, at which their median sticks.
    """
    known = np.isfinite(value)
    rows = known.sum(1) >= max(1, value.shape[1] / 2)
    if not rows.any():
        return np.full(value.shape[1], np.nan)
    chosen = value[rows]
    middle = np.nanmean(chosen, axis=1)
    level = float(np.median(middle))
    empty = ~np.isfinite(chosen).any(0)
    shifted = np.where(empty, 0.0, chosen - middle[:, None])
    return np.asarray(np.where(empty, np.nan, level + np.nanmedian(shifted, axis=0)))


def calm_rows(
    value: Float64[np.ndarray, "row run"], error: Float64[np.ndarray, "row run"]
) -> Bool[np.ndarray, " row"]:
    """Rows that scatter about their mean like most: a group that moved must not pull the rest."""
    known = np.isfinite(value) & (error > 0)
    number = np.maximum(known.sum(1), 1)
    weight = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    filled = np.where(known, value, 0.0)
    mean = (weight * filled).sum(1) / np.maximum(weight.sum(1), 1e-300)
    ratio = (weight * (filled - mean[:, None]) ** 2).sum(1) / number
    measured = known.sum(1) > 1
    if not measured.any():
        return np.ones(len(value), bool)
    middle = np.median(ratio[measured])
    reach = CALM * NORMAL * np.median(np.abs(ratio[measured] - middle))
    return np.asarray(ratio <= middle + reach)


def error_scale(
    value: Float64[np.ndarray, "row run"], error: Float64[np.ndarray, "row run"]
) -> float:
    """Measured over stated errors, from differences between neighbouring runs."""
    pull = np.diff(value, axis=1) / np.hypot(error[:, 1:], error[:, :-1])
    pull = np.abs(pull[np.isfinite(pull)])
    if len(pull) < FEWEST:
        return 1.0
    return float(max(NORMAL * np.median(pull), 1e-3))


def drift_variance(
    value: Float64[np.ndarray, "row run"],
    error: Float64[np.ndarray, "row run"],
    time: Float64[np.ndarray, " run"],
) -> float:
    """Variance of the slopes of the rows beyond what their errors explain."""
    slope, variance = straight_lines(value, error, time)
    known = np.isfinite(slope) & np.isfinite(variance)
    if known.sum() < FEWEST or len(time) < FEWEST:
        return 0.0
    slope, variance = slope[known], variance[known]
    scatter = NORMAL * np.median(np.abs(slope - np.median(slope)))
    typical = float(np.nanmedian(error))
    excess = max(float(scatter**2 - np.median(variance)), 0.0)
    return min(excess, (LONGEST_DRIFT * typical) ** 2)


def straight_lines(
    value: Float64[np.ndarray, "row run"],
    error: Float64[np.ndarray, "row run"],
    time: Float64[np.ndarray, " run"],
) -> tuple[Float64[np.ndarray, " row"], Float64[np.ndarray, " row"]]:
    """Slope of the straight line through each row, and its variance; NaN of one run."""
    known = np.isfinite(value) & np.isfinite(error)
    weight = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    total = np.maximum(weight.sum(1, keepdims=True), 1e-300)
    away = time - (weight * time).sum(1, keepdims=True) / total
    lever = (weight * away**2).sum(1)
    several = known.sum(1) > 1
    lever = np.where(several & (lever > 0), lever, np.nan)
    slope = (weight * away * np.where(known, value, 0.0)).sum(1) / lever
    return np.asarray(slope), np.asarray(1 / lever)


def _common_error(
    together: Float64[np.ndarray, " run"], error: Float64[np.ndarray, "row run"]
) -> Float64[np.ndarray, " run"]:
    """Error of a median over PMTs, or the scatter from run to run where that is larger.

    What PMTs share in a run, such as the shape of their charges, moves all of them together.
    """
    known = np.isfinite(error)
    number = known.sum(0)
    mean_square = np.where(known, error, 0.0) ** 2
    counted = np.maximum(number, 1)
    statistical = np.sqrt(np.pi / 2 * mean_square.sum(0) / counted) / np.sqrt(counted)
    return np.asarray(np.where(number > 0, scattered(together, statistical), np.nan))


def scattered(
    value: Float64[np.ndarray, " run"], error: Float64[np.ndarray, " run"]
) -> Float64[np.ndarray, " run"]:
    """Errors of one series, enlarged where neighbouring runs differ by more than they allow."""
    if np.isfinite(np.diff(value)).sum() < FEWEST:
        return error
    return error * max(1.0, error_scale(value[None], error[None]))
