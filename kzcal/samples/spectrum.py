"""Fits of a signal over a smooth background to an energy spectrum, by Poisson likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64, Int64

Vector = Float64[np.ndarray, " parameter"]
Bins = Float64[np.ndarray, " bin"]
Edges = Float64[np.ndarray, " edge"]


def fit_counts(
    counts: Int64[np.ndarray, " bin"],
    model: Callable[[Vector], Bins],
    start: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> tuple[Vector, Float64[np.ndarray, "parameter parameter"]]:
    """Maximum-likelihood parameters of expected counts, and their covariance.

    Args:
        counts: events in each bin.
        model: expected events in each bin.
        start: where to start.
        bounds: range of each parameter.

    Returns:
        The parameters, and the inverse of the Fisher information there.
    """
    from scipy.optimize import minimize

    unit = np.maximum(np.abs(start), 1e-9)
    box = [(low / u, high / u) for (low, high), u in zip(bounds, unit, strict=True)]

    def deviance(scaled: Vector) -> float:
        expected = np.maximum(model(scaled * unit), 1e-12)
        return float(2.0 * np.sum(expected - counts * np.log(expected)))

    best = minimize(deviance, np.asarray(start) / unit, bounds=box, method="L-BFGS-B").x * unit
    slope = gradient(model, best)
    information = slope @ (slope / np.maximum(model(best), 1e-12)).T
    return best, np.linalg.pinv(information, hermitian=True)


def gradient(
    function: Callable[[Vector], Bins], at: Vector
) -> Float64[np.ndarray, "parameter bin"]:
    """Central differences of a vector function; one row per parameter."""
    steps = np.diag(1e-4 * np.maximum(np.abs(at), 1e-4))
    return np.array([(function(at + s) - function(at - s)) / (2.0 * s.sum()) for s in steps])


def propagated(
    function: Callable[[Vector], Bins],
    at: Vector,
    covariance: Float64[np.ndarray, "parameter parameter"],
) -> tuple[float, float]:
    """Sum of a vector function and its standard deviation under a covariance."""
    slope = gradient(function, at).sum(axis=1)
    return float(function(at).sum()), float(np.sqrt(max(slope @ covariance @ slope, 0.0)))


def gaussian(edges: Edges, mean: float, sigma: float) -> Bins:
    """Share of a Gaussian in each bin."""
    from scipy.special import ndtr

    share: Bins = np.diff(ndtr((edges - mean) / sigma))
    return share


def smooth(edges: Edges, heights: Vector, low: float, high: float) -> Bins:
    """A polynomial that is nowhere negative (Bernstein form) times the width of each bin.

    Args:
        edges: bin edges, MeV.
        heights: Bernstein coefficients, events/MeV: the value at ``low``, pulls in between
            and the value at ``high``.
        low: where the polynomial starts, MeV.
        high: where it ends, MeV.
    """
    x = ((edges[1:] + edges[:-1]) / 2.0 - low) / (high - low)
    n = len(heights) - 1
    terms = [h * math.comb(n, k) * x**k * (1 - x) ** (n - k) for k, h in enumerate(heights)]
    density: Bins = np.maximum(np.sum(terms, axis=0), 0.0)
    return density * np.diff(edges)
