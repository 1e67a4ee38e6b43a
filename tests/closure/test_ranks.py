"""Ranks: even ones stay in their band at the stated rate, uneven ones do not."""

import numpy as np
import pytest

from kzcal.closure.ranks import EvenRanks, ranks_of, ranks_of_distances


def even(n: int) -> EvenRanks:
    return EvenRanks.simulated(n, generator=np.random.default_rng(1))


@pytest.mark.parametrize("n", [12, 100, 1000])
def test_probabilities_of_even_ranks_are_even_themselves(n: int):
    rng, expected = np.random.default_rng(2), even(n)
    found = [expected.test(rng.random(n), false_alarm=0.05).probability for _ in range(400)]
    # Binomial numbers of 400; 4 standard deviations, discreteness only makes them rarer.
    for level in (0.05, 0.3):
        most = 400 * level + 4 * (400 * level * (1 - level)) ** 0.5
        assert np.sum(np.array(found) < level) < most
    assert np.sum(np.array(found) < 0.5) > 100


def test_the_band_is_left_when_the_probability_says_so():
    rng, expected = np.random.default_rng(3), even(200)
    left = []
    for _ in range(60):
        test = expected.test(rng.beta(1.0, 1.3, 200), false_alarm=0.05)
        low, high = test.band
        left.append(not np.all((test.below >= low) & (test.below <= high)))
        assert left[-1] == (test.probability <= 0.05)
    assert 0 < sum(left) < 60


@pytest.mark.parametrize("pulls", [(0.5, 1.0), (0.0, 1.5), (0.0, 0.6)], ids=str)
def test_biased_overconfident_and_timid_fits_are_found(pulls: tuple[float, float]):
    drawn = np.random.default_rng(4).normal(*pulls, 300)
    test = even(300).test(ranks_of(drawn), false_alarm=0.05)
    assert test.probability < 1e-3
    assert test.chi_square < 1e-3


def test_a_distance_of_right_pulls_has_even_ranks():
    drawn = np.random.default_rng(5).normal(size=(500, 3))
    squared, expected = (drawn**2).sum(1), even(500)
    right, wrong = (
        expected.test(ranks_of_distances(squared, n), false_alarm=0.05) for n in (3, 2)
    )
    assert right.probability > 0.01
    assert wrong.probability < 1e-3


def test_a_truth_above_its_fit_has_a_high_rank():
    assert ranks_of(np.array([-2.0, 0.0, 2.0])) == pytest.approx([0.977, 0.5, 0.023], abs=1e-3)
