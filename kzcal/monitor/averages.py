r"""Averages of calibrations over the runs between two boundaries, with the errors of one.

Gains, widths and transit-time spreads of a run have the population of their type as prior. That
prior is the same in every run: an average of such values would count it once per run. So what the
hits of the PMT alone say is averaged, and the population is asked once, at the end: mean and
variance of the averages of a type are found from these averages themselves.

To the error of an average is added what all PMTs of a type do together from run to run, since
that does not average out over PMTs; and the error of a PMT that scatters within the runs is
enlarged by the root of its chi-square per degree of freedom (as the Particle Data Group does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64
from scipy.stats import chi2

from kzcal.calibrate.population import drawn_covariance, population_of
from kzcal.monitor.series import Series

ODD = 1e-4
"""Probability of a chi-square below which a PMT is taken to scatter."""


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """One constant of every PMT over some runs.

    Args:
        value: NaN where no run has one.
        error: one standard deviation.
        runs: number of runs that each rests on.
    """

    value: Float64[np.ndarray, " pmt"]
    error: Float64[np.ndarray, " pmt"]
    runs: np.ndarray


def average(
    series: Series,
    chosen: Bool[np.ndarray, "pmt run"],
    kind: np.ndarray,
    common: Mapping[int, float],
) -> Average:
    """Average every row over the chosen runs.

    Args:
        series: of one constant, in its own unit.
        chosen: runs that count for each PMT.
        kind: type of each PMT, a key of ``common``.
        common: standard deviation, from run to run, of what a type does together.
    """
    used = chosen & np.isfinite(series.value) & (series.exposure > 0)
    weight = np.where(used, series.exposure, 0.0)
    value, error = (np.where(used, part, 0.0) for part in (series.value, series.error))
    total, number = weight.sum(1), used.sum(1)
    known = number > 0
    safe = np.where(known, total, 1.0)
    mean = (weight * value).sum(1) / safe
    own = np.sqrt((weight**2 * error**2).sum(1)) / safe
    own *= _enlarged(series, used, mean)
    together = np.array([common[int(k)] for k in kind]) / np.sqrt(np.maximum(number, 1))
    return Average(
        np.where(known, mean, np.nan),
        np.where(known, np.hypot(own, together), np.nan),
        number,
    )


def _enlarged(
    series: Series, used: Bool[np.ndarray, "pmt run"], mean: Float64[np.ndarray, " pmt"]
) -> Float64[np.ndarray, " pmt"]:
    """Factor on the error of PMTs that scatter by more than chance allows."""
    steady = series.steady()
    middle = np.sqrt(np.maximum(mean, 0.0)) if series.counted else mean
    error = np.where(used, steady.error, 1.0)
    miss = np.where(used & np.isfinite(steady.value), steady.value - middle[:, None], 0.0)
    square = ((miss / error) ** 2).sum(1)
    freedom = np.maximum(used.sum(1) - 1, 1)
    odd = (used.sum(1) > 1) & (chi2.sf(square, freedom) < ODD)
    return np.asarray(np.where(odd, np.sqrt(square / freedom), 1.0))


def pooled(
    alone: Average,
    kind: np.ndarray,
    counting: Bool[np.ndarray, " pmt"],
    common: Mapping[int, float],
) -> Average:
    """The averages with the population of their type as prior, asked once.

    Args:
        alone: averages of what the PMTs' own hits say.
        kind: type of each PMT.
        counting: PMTs that make up the population.
        common: standard deviation from run to run of what a type does together, which no
            population mends.
    """
    floor = np.array([common[int(k)] for k in kind]) / np.sqrt(np.maximum(alone.runs, 1))
    variance = np.maximum(alone.error**2 - floor**2, 1e-12 * alone.error**2)
    value, own = torch.from_numpy(alone.value), torch.from_numpy(variance)
    types = torch.from_numpy(kind.astype(np.int64))
    population = population_of(value, own, types, torch.from_numpy(counting))
    prior = population.prior(1 / own, types)
    fine = torch.isfinite(prior.mean) & torch.isfinite(prior.variance)
    inverse = 1 / (1 / own + 1 / prior.variance)
    drawn = inverse * (value / own + prior.mean / prior.variance)
    spread = drawn_covariance(inverse[:, None, None], {0: prior})[:, 0, 0]
    value, own = torch.where(fine, drawn, value), torch.where(fine, spread, own)
    error = np.hypot(np.sqrt(own.numpy()), floor)
    return Average(np.asarray(value.numpy()), np.asarray(error), alone.runs)


def majority(status: np.ndarray) -> np.ndarray:
    """The status that each PMT has in most of the runs; of several, the latest."""
    words = np.unique(status)
    counts = np.stack([(status == word).sum(1) for word in words], axis=1)
    latest = np.stack([_last(status == word) for word in words], axis=1)
    score = counts * (status.shape[1] + 1) + latest
    return np.asarray(words[score.argmax(1)])


def _last(there: Bool[np.ndarray, "pmt run"]) -> np.ndarray:
    """Number of the last run with it, counted from 1; 0 if there is none."""
    return np.asarray(np.where(there, np.arange(1, there.shape[1] + 1), 0).max(1))


def weighted_together(
    values: Sequence[Float64[np.ndarray, " parameter"]],
    covariances: Sequence[Float64[np.ndarray, "parameter parameter"]],
    priors: Sequence[Float64[np.ndarray, "parameter 2"]] | None = None,
) -> tuple[Float64[np.ndarray, " parameter"], Float64[np.ndarray, "parameter parameter"]]:
    """Average of parameters with their covariances, in units of their errors.

    What every run knew beforehand counts once. A parameter without a variance in some runs, which
    ended at an end of its range there, is not measured by them; one that has none in any run is
    fixed, at the mean. A direction in which a covariance is nothing but rounding counts as known
    to that rounding.

    Args:
        values: of each run.
        covariances: of each run.
        priors: mean and information, one over the variance, that each run took for known; None
            for nothing.
    """
    n = len(values[0])
    variance = np.array([np.diag(c) for c in covariances])
    fixed = ~(variance > 0).any(0)
    scale = np.sqrt([row[row > 0].mean() if row.any() else 1.0 for row in variance.T])
    information, sums = np.zeros((n, n)), np.zeros(n)
    known = [np.zeros((n, 2))] * len(values) if priors is None else list(priors)
    for value, covariance, prior in zip(values, covariances, known, strict=True):
        seen = np.flatnonzero(np.diag(covariance) > 0)
        relative = (covariance / np.outer(scale, scale))[np.ix_(seen, seen)]
        part = np.linalg.inv(relative + 1e-9 * np.eye(len(seen)))
        weight = prior[seen, 1] * scale[seen] ** 2
        information[np.ix_(seen, seen)] += part - np.diag(weight)
        sums[seen] += part @ (value / scale)[seen] - weight * prior[seen, 0] / scale[seen]
    weight = known[0][:, 1] * scale**2
    information += np.diag(np.where(fixed, 1.0, weight))
    sums += np.where(fixed, np.mean(values, axis=0) / scale, weight * known[0][:, 0] / scale)
    inverse = np.linalg.inv(information)
    inverse[fixed] = inverse[:, fixed] = 0.0
    at = np.where(fixed, sums, np.linalg.solve(information, sums))
    covariance = inverse * np.outer(scale, scale)
    return at * scale, (covariance + covariance.T) / 2
