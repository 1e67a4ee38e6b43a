"""What chance makes of a difference."""

import numpy as np
import pytest
from scipy.stats import kstest

from kzcal.scorecard.deals import Deals, jackknife_error, jackknifed, two_sided

N_BLOCKS = 10


def probability(first, second, *, paired, seed=1):
    deals = Deals.drawn(N_BLOCKS, 999, paired=paired, generator=np.random.default_rng(seed))
    both = np.concatenate([first, second])

    def statistic(dealt):
        mine = dealt @ both
        return (2 * mine - both.sum()) ** 2

    truth = np.repeat([1.0, 0.0], N_BLOCKS)[None]
    return deals.probability(statistic, float(statistic(truth)[0]), 1)


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
