"""Means along a valley, against integrals over the posterior that it is."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import trapezoid

from kzcal.calibrate.scoring import Sharing
from kzcal.calibrate.valley import Place, valley_mean

NOBODY = torch.ones(0, dtype=torch.bool)
EVERYWHERE = (1e-3, 1e3)


def along(parameter, heights, quantities, error, bounds=EVERYWHERE, across=0.0):
    """The mean along known heights; the parameter is the second of three.

    The quantity has so large a standard deviation where the parameter is known.
    """
    shared = torch.tensor([[7.0, p, 7.0] for p in parameter], dtype=torch.float64)
    state = Sharing(torch.zeros(0, 2), shared, torch.zeros(0).long(), NOBODY, NOBODY)

    def reach(start, values):
        shared = start.shared.clone()
        shared[:, 1] = values
        columns = [
            torch.tensor([f(float(v)) for f, v in zip(functions, values, strict=True)])
            for functions in (heights, quantities)
        ]
        there = Sharing(start.own, shared, start.kind, start.fitted, start.counting)
        variance = torch.full_like(values, across**2)
        return Place(there, columns[0].double(), columns[1].double(), variance)

    return valley_mean(state, 1, torch.tensor(error, dtype=torch.float64), bounds, reach)


def moments(height, quantity, lower, upper):
    x = np.linspace(lower, upper, 4_001)
    chance, value = np.exp([height(v) for v in x]), np.array([quantity(v) for v in x])
    mean = trapezoid(chance * value, x) / trapezoid(chance, x)
    return mean, math.sqrt(trapezoid(chance * (value - mean) ** 2, x) / trapezoid(chance, x))


def narrow(x):
    return float(stats.norm(0.4, 0.01).logpdf(x))


def skewed(x):
    """A gamma distribution of shape 6, whose largest value is at 0.3."""
    return float(stats.gamma(6, scale=0.06).logpdf(x))


def bent(x):
    return math.log1p(-0.2 * (1 - math.exp(-0.3 / x)))


def test_types_have_their_own_means_and_widths():
    """To a per cent of the width, and the width to three."""
    found = along((0.4, 0.3), (narrow, skewed), (bent, bent), (0.01, 0.13))
    for t, (height, lower, upper) in enumerate(((narrow, 0.3, 0.5), (skewed, 0.01, 1.5))):
        mean, sigma = moments(height, bent, lower, upper)
        assert bent(float(found.parameter[t])) == pytest.approx(mean, abs=0.02 * sigma)
        assert float(found.sigma[t]) == pytest.approx(sigma, rel=0.03)


def test_the_mean_is_not_the_most_likely_value():
    """For a straight quantity it is the mean of the gamma distribution, 0.36."""
    found = along((0.3,), (skewed,), (lambda x: x,), (0.13,))
    assert float(found.parameter[0]) == pytest.approx(0.36, abs=0.004)
    assert float(found.sigma[0]) == pytest.approx(0.06 * math.sqrt(6), rel=0.03)


@pytest.mark.parametrize("error", [0.09, 0.17])
def test_a_wrong_first_error_changes_little(error):
    """A tenth of the width, a third off; 0.12 is the distribution's curvature at its top."""
    mean, sigma = moments(skewed, bent, 0.01, 1.5)
    found = along((0.3,), (skewed,), (bent,), (error,))
    assert bent(float(found.parameter[0])) == pytest.approx(mean, abs=0.1 * sigma)
    assert float(found.sigma[0]) == pytest.approx(sigma, rel=0.1)


def test_bounds_end_the_valley():
    found = along((0.3,), (lambda _: 0.0,), (lambda x: x,), (0.1,), bounds=(0.2, 0.4))
    assert float(found.parameter[0]) == pytest.approx(0.3, abs=0.002)
    assert float(found.sigma[0]) == pytest.approx(0.2 / math.sqrt(12), rel=0.01)


def test_places_without_a_posterior_count_for_nothing():
    def broken(x):
        return math.nan if x < 0.2 or x > 0.55 else skewed(x)

    found = along((0.3,), (broken,), (bent,), (0.1,))
    assert math.isfinite(float(found.parameter[0]))
    assert 0 < float(found.sigma[0]) < 0.1


def test_what_is_unknown_across_the_valley_adds_in_squares():
    alone, more = (along((0.3,), (skewed,), (bent,), (0.13,), across=a) for a in (0.0, 0.02))
    assert float(more.sigma[0]) == pytest.approx(math.hypot(float(alone.sigma[0]), 0.02))
    torch.testing.assert_close(more.parameter, alone.parameter)


def test_each_type_is_left_at_the_place_that_is_nearest():
    """Places are 1.5 errors apart, in logarithms."""
    found = along((0.4, 0.3), (narrow, skewed), (bent, bent), (0.01, 0.13))
    strides = 1.5 * torch.tensor([0.01 / 0.4, 0.13 / 0.3])
    off = (found.nearest.shared[:, 1] / found.parameter).log().abs()
    assert bool((off <= strides / 2 + 1e-9).all())
