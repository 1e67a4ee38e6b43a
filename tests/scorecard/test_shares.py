"""Distributions of numbers per event."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from kzcal.scorecard.moments import of_events
from kzcal.scorecard.shares import MeanComparison, ShareComparison

N_BLOCKS, N = 8, 4000
BLOCK = np.arange(N) % N_BLOCKS


def shares(first, second):
    return ShareComparison.of((first, second), (BLOCK, BLOCK), (N_BLOCKS, N_BLOCKS))


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.2, 1, N), rng.normal(0, 1, N)
    found = shares(first, second)
    assert found.distance == pytest.approx(ks_2samp(first, second).statistic, abs=0.012)
    assert found.distance <= ks_2samp(first, second).statistic + 1e-9


def test_one_law_has_no_excess_and_two_have_one():
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, (2, N))
    assert abs(shares(first, second).excess) < 3e-4
    assert shares(first + 0.3, second).excess > 3e-3


def test_whole_numbers_and_constants_are_distributions_too():
    rng = np.random.default_rng(3)
    few = rng.integers(0, 3, (2, N)).astype(float)
    assert shares(few[0], few[1]).distance < 0.05
    assert shares(np.ones(N), np.ones(N)).distance == 0


def test_means_with_unknown_values_leave_them_out():
    values = np.random.default_rng(4).normal(size=(N, 2))
    values[:, 1] = np.nan
    moments = of_events(values, BLOCK, N_BLOCKS)
    found = MeanComparison(moments, moments)
    assert found.differences.tolist() == [0, 0]
    assert np.isfinite(found.statistic(np.eye(2 * N_BLOCKS))).all()
    shifted = MeanComparison(of_events(values + 0.1, BLOCK, N_BLOCKS), moments)
    assert shifted.differences[0] == pytest.approx(0.1, rel=0.05)
