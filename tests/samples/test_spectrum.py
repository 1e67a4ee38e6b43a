"""Spectral fits: unbiased, with errors that cover, on many drawn spectra."""

import numpy as np
import pytest

from kzcal.samples.c11 import ENDPOINT_MEV, positron_spectrum
from kzcal.samples.spectrum import fit_counts, gaussian, gradient, propagated, smooth

EDGES = np.linspace(0.2, 0.5, 41)


def model(p):
    return p[0] * gaussian(EDGES, p[1], p[2]) + smooth(EDGES, p[3:], EDGES[0], EDGES[-1])


TRUTH = np.array([2000.0, 0.36, 0.035, 3000.0, 2000.0])


def fitted(seed: int):
    counts = np.random.default_rng(seed).poisson(model(TRUTH))
    bounds = [(0, 1e5), (0.2, 0.5), (0.01, 0.1), (0, 1e5), (0, 1e5)]
    return fit_counts(counts, model, [1500.0, 0.35, 0.04, 2500.0, 2500.0], bounds)


def test_pulls_of_the_fit_are_unit_gaussians():
    """60 fits of 5 parameters; false alarms: below 0.001 for each of the two bounds."""
    fits = [fitted(seed) for seed in range(60)]
    pulls = np.array([(p - TRUTH) / np.sqrt(np.diag(c)) for p, c in fits])
    assert np.abs(pulls.mean(axis=0)).max() < 3.9 / np.sqrt(60)
    assert pulls.std(axis=0).min() > 0.7
    assert pulls.std(axis=0).max() < 1.35


def test_errors_propagate_to_a_sum():
    """The background under the peak: 60 fits, false alarms below 0.001."""
    window = np.linspace(0.29, 0.43, 41)

    def under(p):
        return smooth(window, p[3:], EDGES[0], EDGES[-1])

    pulls = []
    for seed in range(60):
        best, covariance = fitted(seed)
        value, error = propagated(under, best, covariance)
        pulls.append((value - under(TRUTH).sum()) / error)
    assert abs(np.mean(pulls)) < 3.5 / np.sqrt(60)
    assert 0.7 < np.std(pulls) < 1.35


def test_shapes_are_normalised_and_smooth_is_nowhere_negative():
    wide = np.linspace(-1.0, 2.0, 301)
    assert gaussian(wide, 0.4, 0.05).sum() == pytest.approx(1.0)
    x = (EDGES[1:] + EDGES[:-1]) / 2
    density = smooth(EDGES, np.array([1.0, 1.0, 1.0]), EDGES[0], EDGES[-1]) / np.diff(EDGES)
    assert density == pytest.approx(np.ones(len(x)))
    assert (smooth(EDGES, np.array([1.0, -9.0, 1.0]), EDGES[0], EDGES[-1]) >= 0).all()


def test_gradient_is_that_of_calculus():
    slope = gradient(lambda p: np.array([p[0] ** 2, p[0] * p[1]]), np.array([3.0, 5.0]))
    assert slope == pytest.approx(np.array([[6.0, 5.0], [0.0, 3.0]]), abs=1e-6)


def test_the_positron_spectrum_ends_at_the_end_point_and_has_the_mean_of_the_tables():
    kinetic = (np.arange(2000) + 0.5) * ENDPOINT_MEV / 2000
    weight = positron_spectrum(kinetic)
    assert (weight >= 0).all()
    assert positron_spectrum(np.array([ENDPOINT_MEV, 2.0])).tolist() == [0.0, 0.0]
    assert np.average(kinetic, weights=weight) == pytest.approx(0.3857, rel=0.01)
