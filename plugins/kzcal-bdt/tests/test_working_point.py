"""Where to cut, against laws whose best threshold is known."""

import numpy as np
import pytest
from kzcal_bdt.working_point import (
    Rates,
    WorkingPoint,
    balanced_accuracy,
    best_threshold,
    working_point,
)
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from kzcal.errors import ConfigurationError

APART = 3.0
"""Distance of two normal laws: the logit of a point x is APART * x."""


def scores(n, seed=1):
    """Logits of two normal laws of width one, as many of either."""
    generator = np.random.default_rng(seed)
    signal = np.arange(n) % 2 == 0
    x = generator.normal(np.where(signal, APART / 2, -APART / 2))
    return APART * x, signal


def merit_at(x, rates):
    """S / sqrt(S + B) of the laws themselves, cut at x."""
    kept = rates.signal * norm.sf(x - APART / 2)
    return kept / np.sqrt(kept + rates.accidental * norm.sf(x + APART / 2))


@pytest.mark.parametrize("accidental", [0.1, 1.0, 30.0])
def test_the_best_merit_is_that_of_the_laws(accidental):
    """100,000 pairs: a shape's bootstrap error is some 1 %, the bound four of them."""
    rates = Rates(1.0, accidental)
    best = minimize_scalar(lambda x: -merit_at(x, rates), bounds=(-4, 4), method="bounded")
    score, signal = scores(100_000)
    found = working_point(score, signal, rates, draws=20, generator=np.random.default_rng(2))
    assert found.errors[2] < 0.02 * found.point.merit
    assert abs(found.point.merit - -best.fun) < 4 * found.errors[2]
    at_found = merit_at(found.point.threshold / APART, rates)
    assert at_found > 0.999 * -best.fun


def test_more_accidentals_ask_for_a_higher_threshold():
    score, signal = scores(20_000)
    cuts = [best_threshold(score, signal, Rates(1.0, rate)) for rate in (0.1, 1.0, 10.0, 100.0)]
    assert (np.diff(cuts) > 0).all()


def test_purity_and_merit_follow_from_what_is_kept():
    point = WorkingPoint(0.0, 0.8, 0.01, Rates(2.0, 40.0))
    assert (point.signal, point.accidental) == pytest.approx((1.6, 0.4))
    assert point.purity == pytest.approx(0.8)
    assert point.merit == pytest.approx(1.6 / 2.0**0.5)


def test_nothing_kept_has_no_merit():
    point = WorkingPoint(9.0, 0.0, 0.0, Rates(1.0, 1.0))
    assert point.merit == 0.0
    assert np.isnan(point.purity)


def test_a_threshold_by_chance_is_not_taken_for_a_good_one():
    """A score that knows nothing: its halves keep no more than no cut at all would."""
    generator = np.random.default_rng(3)
    signal = np.arange(400) % 2 == 0
    rates = Rates(1.0, 1.0)
    merits = [
        working_point(generator.normal(size=400), signal, rates, draws=2, generator=generator)
        for _ in range(20)
    ]
    assert np.mean([found.point.merit for found in merits]) <= 1 / 2**0.5


def test_all_pairs_are_kept_where_none_is_accidental():
    score, signal = scores(200)
    cut = best_threshold(score, signal, Rates(1.0, 1e-9))
    assert (score[signal] > cut).all()


def test_balanced_accuracy_is_that_of_the_laws():
    """Both shares are the integral of a normal law; five standard deviations."""
    score, signal = scores(40_000)
    found = balanced_accuracy(score, signal)
    share = norm.cdf(APART / 2)
    assert found.error == pytest.approx(np.sqrt(share * (1 - share) / 40_000), rel=0.02)
    assert abs(found.value - share) < 5 * found.error


def test_classes_count_alike_however_many_there_are():
    """Nine accidentals of ten wrong, all antineutrinos right: 55 %."""
    signal = np.array([True] + [False] * 10)
    score = np.ones(11)
    score[-1] = -1.0
    assert balanced_accuracy(score, signal).value == pytest.approx(0.55)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.inf, np.nan])
def test_a_rate_is_positive_and_finite(rate):
    with pytest.raises(ConfigurationError, match="a rate of pairs is positive and finite"):
        Rates(1.0, rate)
