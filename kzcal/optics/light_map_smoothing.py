"""Smooth functions on the nodes of a light map from what was counted around each node.

A function is as rough as its counts can tell: second differences along the angle and along the
radius within a medium cost, and how much they cost is chosen by Akaike's criterion.

Source: Eilers and Marx (1996), Stat. Sci. 11, 89, doi:10.1214/ss/1038425655.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.linalg import cho_solve_banded, cholesky_banded

from kzcal.optics.light_map_grid import Points, segments

Nodes = Float64[np.ndarray, "radius cosine"]
Vector = Float64[np.ndarray, " node"]
Columns = Float64[np.ndarray, "node column"]
Band = Float64[np.ndarray, "band node"]

_TRIED = (1e1, 3e2, 1e4, 3e5)
STRENGTHS = tuple(itertools.product(_TRIED, _TRIED))
"""Costs of a squared difference along the angle and along the radius that are tried."""

SAME_AT_CENTRE = 1e8
"""Cost of a squared difference along the angle at the detector's centre, where there is none."""

STEP = np.array([[1.0, -1.0], [-1.0, 1.0]])
"""Squared difference between the two nodes at a boundary."""

NEWTON_STEPS = 5
N_PROBES = 16
"""Random signs that a fit's degrees of freedom are estimated with (Hutchinson)."""


@dataclass(frozen=True, slots=True, eq=False)
class Smoother:
    """Costs of roughness on the nodes, as lower bands of symmetric matrices.

    Args:
        angle: second differences along the angle.
        radius: second differences along the radius within a medium, first ones at its end.
        centre: first differences along the angle at radius zero.
        probes: random signs.
    """

    angle: Band
    radius: Band
    centre: Band
    probes: Columns

    @classmethod
    def of(cls, radius: Points, n_cosines: int) -> Smoother:
        """Costs on a map's nodes."""
        n = len(radius)
        across = np.zeros((n, n))
        for part in segments(radius):
            across[part, part] = _squares(part.stop - part.start, 2)
            if part.start:
                across[part.start - 1 : part.start + 1, part.start - 1 : part.start + 1] += STEP
        at_centre = np.diag((radius == 0).astype(float))
        signs = np.random.default_rng(1).integers(0, 2, (n * n_cosines, N_PROBES)) * 2.0 - 1
        return cls(
            _lower_band(np.kron(np.eye(n), _squares(n_cosines, 2)), 2 * n_cosines),
            _lower_band(np.kron(across, np.eye(n_cosines)), 2 * n_cosines),
            _lower_band(np.kron(at_centre, _squares(n_cosines, 1)), 2 * n_cosines),
            signs,
        )

    def log_ratio(self, counts: Nodes, expected: Nodes) -> tuple[Nodes, tuple[float, float]]:
        """Log of the ratio of Poisson counts to what is expected up to that ratio.

        Returns:
            the log ratio, and the strengths that were chosen.
        """
        fits = [self._poisson_fit(counts.ravel(), expected.ravel(), s) for s in STRENGTHS]
        best = min(fits, key=lambda fit: fit[0])
        return best[1].reshape(counts.shape), best[2]

    def means(
        self,
        values: Float64[np.ndarray, "radius cosine column"],
        counts: Nodes,
        strengths: tuple[float, float],
    ) -> Float64[np.ndarray, "radius cosine column"]:
        """Means of counted things, as smooth as the counts' own ratio."""
        weight = counts.ravel()
        columns = values.reshape(len(weight), -1)
        smooth = self._solved(weight, weight[:, None] * columns, strengths)
        return smooth.reshape(values.shape)

    def _poisson_fit(
        self, counts: Vector, expected: Vector, strengths: tuple[float, float]
    ) -> tuple[float, Vector, tuple[float, float]]:
        """Akaike's criterion, the log ratio and the strengths of one fit by Newton's method."""
        fit = np.log((counts + 0.5) / (expected + 0.5 * expected.sum() / counts.sum()))
        for _ in range(NEWTON_STEPS):
            mean = expected * np.exp(fit)
            right = counts - mean + mean * fit
            fit = self._solved(mean, right[:, None], strengths)[:, 0]
        mean = expected * np.exp(fit)
        seen = counts > 0
        log_part = counts[seen] * np.log(counts[seen] / mean[seen])
        deviance = 2 * (np.sum(mean - counts) + np.sum(log_part))
        return deviance + 2 * self._freedom(mean, strengths), fit, strengths

    def _freedom(self, weight: Vector, strengths: tuple[float, float]) -> float:
        """Degrees of freedom that a fit uses up."""
        solved = self._solved(weight, weight[:, None] * self.probes, strengths)
        return float(np.sum(self.probes * solved) / N_PROBES)

    def _solved(self, weight: Vector, right: Columns, strengths: tuple[float, float]) -> Columns:
        along, across = strengths
        matrix = along * self.angle + across * self.radius + SAME_AT_CENTRE * self.centre
        matrix[0] += weight
        solved: Columns = cho_solve_banded((cholesky_banded(matrix, lower=True), True), right)
        return solved


def _squares(n: int, order: int) -> Float64[np.ndarray, "point point"]:
    difference = np.diff(np.eye(n), order, axis=0)
    squares: Float64[np.ndarray, "point point"] = difference.T @ difference
    return squares


def _lower_band(matrix: Float64[np.ndarray, "node node"], width: int) -> Band:
    n = len(matrix)
    band = np.zeros((width + 1, n))
    for k in range(width + 1):
        band[k, : n - k] = np.diagonal(matrix, -k)
    return band
