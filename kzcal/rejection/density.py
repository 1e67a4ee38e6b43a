"""Likelihood ratios of scores from events of both classes, as smooth functions of their ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

WIDEST = 3.0
"""Normal scores end there: 0.13 % of the events lie beyond."""
POINTS = {1: 121, 2: 61, 3: 31}
"""Of the grid along each score, by the number of scores."""
KNOTS = 1025
"""At most, between which ranks are interpolated."""
HALF = 0.5
"""Events of either class that stand beside those seen, so that no ratio is infinite."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalScore:
    """Turns a score into one that follows Gauss's law in both classes together.

    Args:
        score: ascending.
        normal: what each becomes.
    """

    score: Float64[np.ndarray, " knot"]
    normal: Float64[np.ndarray, " knot"]

    @classmethod
    def of(
        cls, score: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"]
    ) -> NormalScore:
        """From scores of both classes, each counted as one half; equal ones get one rank."""
        weight = np.where(signal, 0.5 / signal.sum(), 0.5 / (~signal).sum())
        values, place = np.unique(score, return_inverse=True)
        share = np.bincount(place, weight)
        middle = np.cumsum(share) - share / 2
        kept = np.unique(np.linspace(0, len(values) - 1, KNOTS).astype(np.int64))
        normal = np.clip(norm.ppf(middle[kept]), -WIDEST, WIDEST)
        return cls(values[kept].astype(np.float64), np.asarray(normal, np.float64))

    def __call__(self, score: Float64[np.ndarray, " event"]) -> Float64[np.ndarray, " event"]:
        """Normal scores; beyond the ends those of the ends."""
        return np.asarray(np.interp(score, self.score, self.normal))


@dataclass(frozen=True, slots=True, eq=False)
class DensityRatio:
    """Logarithm of the density in signal over that in background, of one or several scores.

    Args:
        scales: of each score.
        log_ratio: at the points of a grid in normal scores.
    """

    scales: tuple[NormalScore, ...]
    log_ratio: Float64[np.ndarray, "..."]

    @classmethod
    def of(
        cls, scores: Float64[np.ndarray, "score event"], signal: Bool[np.ndarray, " event"]
    ) -> DensityRatio:
        """Counts of both classes on a grid, smoothed by Gauss's kernel.

        The kernel's width is Scott's for the smaller class, n^(-1/(4 + scores)).

        Source: Scott (2015), Multivariate Density Estimation, doi:10.1002/9781118575574.
        """
        n = len(scores)
        scales = tuple(NormalScore.of(row, signal) for row in scores)
        normal = np.array([scale(row) for scale, row in zip(scales, scores, strict=True)])
        step = 2 * WIDEST / (POINTS[n] - 1)
        width = min(signal.sum(), (~signal).sum()) ** (-1.0 / (n + 4)) / step
        within = [_smoothed(normal[:, rows], POINTS[n], width) for rows in (signal, ~signal)]
        log_ratio = np.log((within[0] + HALF) / (within[1] + HALF))
        return cls(scales, log_ratio - np.log(signal.sum() / (~signal).sum()))

    def __call__(
        self, scores: Float64[np.ndarray, "score event"]
    ) -> Float64[np.ndarray, " event"]:
        """The ratio of events."""
        axis = np.linspace(-WIDEST, WIDEST, len(self.log_ratio))
        between = RegularGridInterpolator([axis] * len(self.scales), self.log_ratio)
        rows = zip(self.scales, scores, strict=True)
        return np.asarray(between(np.stack([scale(row) for scale, row in rows], axis=1)))


def _smoothed(
    normal: Float64[np.ndarray, "score event"], points: int, width: float
) -> Float64[np.ndarray, "..."]:
    """Events within reach of each point of the grid: sums of kernels with a peak of one."""
    n = len(normal)
    step = 2 * WIDEST / (points - 1)
    edges = np.linspace(-WIDEST - step / 2, WIDEST + step / 2, points + 1)
    counts, _ = np.histogramdd(normal.T, bins=[edges] * n)
    peak = (np.sqrt(2 * np.pi) * width) ** n
    return np.asarray(peak * gaussian_filter(counts, width, mode="nearest"))
