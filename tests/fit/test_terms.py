import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kzcal.fit.terms import Expectation, deviance, information_weight, off_by


def expectation(mean, variance):
    mean = torch.tensor(mean, dtype=torch.float64)
    return Expectation(mean, torch.full_like(mean, variance))


def test_without_finite_simulation_it_is_poissons_deviance():
    counts = torch.tensor([0.0, 3.0, 10.0], dtype=torch.float64)
    found = deviance(counts, expectation([2.0, 3.0, 8.0], 0.0))
    wanted = [4.0, 0.0, 2 * (8 - 10 + 10 * math.log(10 / 8))]
    assert found.tolist() == pytest.approx(wanted)


@given(st.floats(0.5, 500), st.just(0.0) | st.floats(1e-3, 500), st.floats(1e-6, 0.3))
def test_the_factor_is_the_most_likely_one(mean, count, variance):
    counts, means = (torch.tensor([v], dtype=torch.float64) for v in (count, mean))
    best = off_by(counts, means, torch.tensor([variance], dtype=torch.float64)).item()

    def objective(factor):
        poisson = factor * mean - (count * math.log(factor * mean) if count else 0.0)
        return 2 * poisson + (factor - 1) ** 2 / variance

    assert best >= 0
    if best == 0:  # nothing was seen, and the expectation may be off by all of itself
        assert count == 0
        assert objective(best) <= objective(1e-4)
        return
    step = 1e-4 * best
    assert objective(best) <= min(objective(best + step), objective(best - step)) + 1e-9


def test_an_expectation_that_may_be_off_by_all_of_itself_stays_finite():
    found = deviance(torch.zeros(1, dtype=torch.float64), expectation([4.0], 0.25))
    assert found.item() == pytest.approx(4.0)


def test_finite_simulation_forgives_what_it_may_have_caused():
    counts = torch.tensor([120.0], dtype=torch.float64)
    exact, poor = (deviance(counts, expectation([100.0], v)).item() for v in (0.0, 0.04))
    assert poor < exact / 4


def test_large_counts_are_gaussian_with_both_variances():
    counts = torch.tensor([1.003e6], dtype=torch.float64)
    found = deviance(counts, expectation([1e6], 4e-6)).item()
    assert found == pytest.approx(3000**2 / (1e6 + 4e6), rel=0.01)


def test_information_is_the_inverse_of_both_variances():
    weight = information_weight(expectation([100.0], 0.01))
    assert weight.item() == pytest.approx(1 / 200)


def test_nothing_expected_and_nothing_seen_costs_nothing():
    found = deviance(torch.zeros(2, dtype=torch.float64), expectation([0.0, 0.0], 0.1))
    assert found.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
