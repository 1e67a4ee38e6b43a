"""Quantities of every PMT."""

import numpy as np
import pytest

from kzcal.scorecard.moments import Moments, kurtosis
from kzcal.scorecard.quantities import QUANTITIES, Correlation, PmtComparison, correlation
from kzcal.scorecard.tally import TIME

N_PMT, N_BLOCKS, N_EVENTS = 1500, 8, 400
EVERY = np.ones(N_PMT, bool)
DIAMETER = np.repeat([17, 20], N_PMT // 2).astype(np.uint8)


def counts(share, rng):
    hits = rng.binomial(N_EVENTS, share, (N_BLOCKS, N_PMT)).astype(float)
    return Moments(np.full(hits.shape, float(N_EVENTS)), hits, hits)


def comparison(first, second, name="occupancy"):
    quantity = {q.name: q for q in QUANTITIES}[name]
    return PmtComparison(quantity, first, second, EVERY)


def test_equal_pmts_differ_by_counting_alone():
    rng = np.random.default_rng(1)
    share = rng.uniform(0.05, 0.3, N_PMT)
    found = comparison(counts(share, rng), counts(share, rng))
    assert abs(found.excess) < 1e-4
    truth = np.repeat([1.0, 0.0], N_BLOCKS)[None]
    assert found.statistic(truth)[0] == pytest.approx(N_PMT, abs=5 * (2 * N_PMT) ** 0.5)


def test_the_excess_is_the_spread_that_was_put_in():
    rng = np.random.default_rng(2)
    share = np.full(N_PMT, 0.2)
    spread = rng.normal(1, 0.08, N_PMT)
    found = comparison(counts(share * spread, rng), counts(share, rng))
    assert found.excess**0.5 == pytest.approx(0.08, rel=0.1)


def test_what_all_pmts_share_is_no_difference_between_them():
    rng = np.random.default_rng(3)
    share = rng.uniform(0.1, 0.3, N_PMT)
    found = comparison(counts(0.8 * share, rng), counts(share, rng))
    assert abs(found.excess) < 2e-4
    assert found.means[0] == pytest.approx(0.8 * found.means[1], rel=0.01)


def test_the_attainable_correlation_is_that_of_two_files_of_one_law():
    rng = np.random.default_rng(4)
    share = 0.2 * rng.normal(1, 0.05, N_PMT)
    share[N_PMT // 2 :] *= 1.3
    found = alike(share, share, rng)
    assert 0.3 < found.attainable < 0.95
    assert found.found == pytest.approx(found.attainable, abs=0.06)
    other = alike(0.2 * rng.normal(1, 0.05, N_PMT), share, rng)
    assert abs(other.found) < 0.15
    assert other.ratio < 0.2


def alike(mine, share, rng):
    lit = comparison(counts(mine, rng), counts(share, rng))
    dark = comparison(counts(np.full(N_PMT, 0.01), rng), counts(np.full(N_PMT, 0.01), rng))
    return correlation(lit, dark, DIAMETER)


def test_dead_and_hot_pmts_make_no_correlation():
    rng = np.random.default_rng(5)
    share = np.full(N_PMT, 0.2)
    share[:50] = 0.0
    lit = comparison(counts(share, rng), counts(share, rng))
    rate = np.full(N_PMT, 0.01)
    rate[50:80] = 0.5
    share_of_hot = share.copy()
    share_of_hot[50:80] = 0.9
    lit = comparison(counts(share_of_hot, rng), counts(share_of_hot, rng))
    dark = comparison(counts(rate, rng), counts(rate, rng), "dark_rate")
    assert abs(correlation(lit, dark, DIAMETER).found) < 0.1


def test_pmts_that_differ_by_counting_alone_have_no_ratio():
    assert np.isnan(Correlation(0.1, 0.05).ratio)


def test_the_kurtosis_of_a_gaussian_is_three():
    shape = np.exp(-0.5 * ((TIME.centres - 3) / 2) ** 2) * 1e6
    assert kurtosis(shape, TIME, (-10.0, 20.0)) == pytest.approx(3.0, abs=0.02)


def test_moments_of_dealt_blocks_are_those_of_their_values():
    values = np.random.default_rng(6).normal(2, 0.5, (N_BLOCKS, 40, 3))
    blocks = Moments(np.full((N_BLOCKS, 3), 40.0), values.sum(1), (values**2).sum(1))
    half = blocks.dealt(np.repeat([1.0, 0.0], N_BLOCKS // 2)[None])
    chosen = values[: N_BLOCKS // 2].reshape(-1, 3)
    np.testing.assert_allclose(half.mean[0], chosen.mean(0))
    np.testing.assert_allclose(half.width[0], chosen.std(0))
    np.testing.assert_allclose((blocks.whole - half).mean[0], values[N_BLOCKS // 2 :].mean((0, 1)))
