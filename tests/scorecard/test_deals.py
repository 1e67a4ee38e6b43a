"""What chance makes of a difference."""

import numpy as np
import pytest
from scipy.stats import kstest

from kzcal.scorecard.deals import Deals, blocks_for, jackknife_error, jackknifed, two_sided

N_BLOCKS = 10


def probability(first, second, *, paired, seed=1):
    return chance(first, second, paired=paired, seed=seed).probability


def chance(first, second, *, paired, seed=1, n_deals=999):
    deals = Deals.drawn(N_BLOCKS, n_deals, paired=paired, generator=np.random.default_rng(seed))
    both = np.concatenate([first, second])

    def statistic(dealt):
        mine = dealt @ both
        return (2 * mine - both.sum()) ** 2

    truth = np.repeat([1.0, 0.0], N_BLOCKS)[None]
    return deals.chance(statistic, float(statistic(truth)[0]), 1)


@pytest.mark.parametrize("paired", [True, False])
def test_probabilities_of_one_law_are_even(paired):
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        shared = rng.normal(0, 5.0, N_BLOCKS) if paired else 0.0
        first, second = rng.normal(0, 1.0, (2, N_BLOCKS)) + shared
        found.append(probability(first, second, paired=paired))
    assert kstest(found, "uniform").pvalue > 0.001


def test_what_pairs_share_hides_no_difference():
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 5.0, N_BLOCKS)
    first, second = rng.normal(0, 0.1, (2, N_BLOCKS)) + shared
    assert probability(first + 0.5, second, paired=True) < 0.01
    assert probability(first + 0.5, second, paired=False) > 0.1


def test_no_probability_is_smaller_than_the_deals_can_tell():
    first, second = np.random.default_rng(5).normal(0, 0.1, (2, N_BLOCKS))
    near, far = (chance(first + by, second, paired=False, n_deals=99) for by in (0.2, 0.25))
    assert near.probability == far.probability == 1 / 100
    assert near.at_reach
    assert far.order < near.order < 1 / 100
    alike = chance(first, second, paired=False, n_deals=99)
    assert alike.order == alike.probability > 1 / 100
    assert not alike.at_reach


def test_the_least_of_many_probabilities_is_no_more_often_small_than_it_says():
    rng = np.random.default_rng(6)
    least = [
        min(
            chance(*rng.normal(size=(2, N_BLOCKS)), paired=False, n_deals=99).probability
            for _ in "abcd"
        )
        for _ in range(100)
    ]
    assert (np.array(least) * 4 < 0.04).sum() == 0


@pytest.mark.parametrize(("paired", "n_blocks"), [(True, 16), (False, 9)])
def test_so_many_blocks_are_needed_for_a_probability(paired, n_blocks):
    assert blocks_for(1 / 2000, paired=paired) == n_blocks


def test_a_deal_gives_every_file_as_many_blocks():
    generator = np.random.default_rng(1)
    for paired in (True, False):
        deals = Deals.drawn(N_BLOCKS, 50, paired=paired, generator=generator)
        assert (deals.first.sum(1) == N_BLOCKS).all()
        if paired:
            exchanged = deals.first[:, :N_BLOCKS] + deals.first[:, N_BLOCKS:]
            assert (exchanged == 1).all()


def test_the_jackknife_of_a_mean_is_the_error_of_the_mean():
    values = np.random.default_rng(4).normal(size=N_BLOCKS)
    mean, without = jackknifed(lambda weight: float(np.average(values, weights=weight)), N_BLOCKS)
    assert mean == pytest.approx(values.mean())
    assert jackknife_error(without) == pytest.approx(values.std(ddof=1) / N_BLOCKS**0.5)


def test_a_difference_without_an_error_has_no_probability():
    assert np.isnan(two_sided(1.0, 0.0, 5))
    assert two_sided(0.0, 1.0, 5) == pytest.approx(1.0)
