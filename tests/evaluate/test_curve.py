"""Curves and areas of scores whose law is known."""

import numpy as np
import pytest
from scipy.stats import norm

from kzcal.evaluate.area import areas, chance
from kzcal.evaluate.curve import Ranking, shares_above
from kzcal.evaluate.resampling import rejections

APART = 1.5
"""Distance of two Gaussian classes, standard deviations."""


def gaussian_scores(
    n_signal: int, n_background: int, generator: np.random.Generator, apart: float = APART
) -> tuple[np.ndarray, np.ndarray]:
    signal = np.arange(n_signal + n_background) < n_signal
    return generator.normal(apart * signal, 1.0), signal


def analytic_rejection(acceptance: float, apart: float = APART) -> float:
    return float(norm.cdf(apart + norm.ppf(1 - acceptance)))


def test_gaussian_classes_give_the_analytic_curve():
    score, signal = gaussian_scores(60_000, 60_000, np.random.default_rng(1))
    curve = Ranking.of(score, signal).curve()
    cuts = np.array([0.5, 0.8, 0.9, 0.95])
    expected = [analytic_rejection(cut) for cut in cuts]
    # Five standard deviations of shares of so many events, threshold included.
    assert curve.rejection(cuts) == pytest.approx(expected, abs=5 * 0.0035)
    assert curve.area == pytest.approx(norm.cdf(APART / np.sqrt(2)), abs=5 * 0.0012)


def test_a_curve_is_the_same_for_every_rising_function_of_the_score():
    score, signal = gaussian_scores(300, 200, np.random.default_rng(2))
    first, second = (Ranking.of(s, signal).curve() for s in (score, np.exp(3 * score)))
    np.testing.assert_array_equal(first.accepted, second.accepted)
    np.testing.assert_array_equal(first.passed, second.passed)


def test_four_events_by_hand():
    score = np.array([4.0, 3.0, 2.0, 1.0])
    signal = np.array([True, False, True, False])
    curve = Ranking.of(score, signal).curve()
    assert curve.area == 0.75
    assert curve.rejection(np.array([0.5, 1.0])).tolist() == [1.0, 0.5]
    assert areas(score[None], signal).values.tolist() == [0.75]


def test_a_score_that_is_the_same_everywhere_rejects_what_it_does_not_accept():
    signal = np.arange(10) < 4
    curve = Ranking.of(np.zeros(10), signal).curve()
    assert curve.area == 0.5
    assert curve.rejection(np.array([0.9])) == pytest.approx([0.1])
    assert areas(np.zeros((1, 10)), signal).values.tolist() == [0.5]


def test_a_weight_counts_as_so_many_events():
    score, signal = gaussian_scores(50, 60, np.random.default_rng(3))
    weight = np.random.default_rng(4).integers(0, 4, len(score))
    repeated = Ranking.of(np.repeat(score, weight), np.repeat(signal, weight)).curve()
    weighted = Ranking.of(score, signal).curve(weight.astype(np.float64))
    cuts = np.linspace(0.05, 0.95, 19)
    assert weighted.area == pytest.approx(repeated.area)
    np.testing.assert_allclose(weighted.rejection(cuts), repeated.rejection(cuts))


@pytest.mark.parametrize("acceptance", [0.8, 0.9, 1.0])
def test_the_common_threshold_accepts_what_was_asked(acceptance: float):
    score, signal = gaussian_scores(333, 500, np.random.default_rng(5))
    for values in (score, np.round(score)):
        above = shares_above(values, signal, acceptance)
        assert above[signal].mean() == pytest.approx(acceptance, abs=1e-9 + 1 / 333)
        rejected = Ranking.of(values, signal).curve().rejection(np.array([acceptance]))[0]
        assert 1 - above[~signal].mean() == pytest.approx(rejected, abs=0.03)


def test_errors_of_areas_and_rejections_cover_the_truth():
    """68 % intervals hold the truth in 68 % of 300 sets: 5 deviations are 13 %."""
    generator = np.random.default_rng(6)
    n, held = 300, np.zeros(2)
    true_area, true_rejection = norm.cdf(APART / np.sqrt(2)), analytic_rejection(0.9)
    for _ in range(n):
        score, signal = gaussian_scores(400, 400, generator)
        area = areas(score[None], signal)
        held[0] += abs(area.values[0] - true_area) < area.errors[0]
        found = rejections(score[None], signal, [0.9], draws=60, generator=generator)
        held[1] += abs(found.values[0, 0] - true_rejection) < found.errors[0, 0]
    assert held / n == pytest.approx(0.683, abs=0.135)


def test_a_paired_difference_knows_what_two_scores_share():
    generator = np.random.default_rng(7)
    score, signal = gaussian_scores(500, 500, generator)
    alike = score + 0.05 * generator.normal(size=len(score))
    other, _ = gaussian_scores(500, 500, generator)
    found = areas(np.stack([score, alike, other]), signal)
    close, far = found.difference(0, 1)[1], found.difference(0, 2)[1]
    assert close < 0.2 * far
    assert far == pytest.approx(np.hypot(*found.errors[[0, 2]]), rel=0.15)
    drawn = rejections(
        np.stack([score, alike, other]), signal, [0.9], draws=200, generator=generator
    )
    assert drawn.difference(0, 1)[1] < 0.5 * drawn.difference(0, 2)[1]


def test_the_chance_of_a_paired_difference_is_even_for_scores_of_one_law():
    """Of 400 pairs of equally good scores 5 % are below 0.05, within 5 deviations of 1.1 %."""
    generator, chances = np.random.default_rng(8), []
    for _ in range(400):
        core, signal = gaussian_scores(200, 200, generator)
        pair = core + 0.7 * generator.normal(size=(2, len(core)))
        chances.append(chance(*areas(pair, signal).difference(0, 1)))
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(0.05, abs=0.055)
    assert np.mean(np.array(chances) < 0.5) == pytest.approx(0.5, abs=0.125)


def test_the_same_seed_draws_the_same_events():
    score, signal = gaussian_scores(50, 50, np.random.default_rng(9))
    first, second = (
        rejections(score[None], signal, [0.9], draws=20, generator=np.random.default_rng(1))
        for _ in "ab"
    )
    np.testing.assert_array_equal(first.draws, second.draws)
    assert chance(0.0, 0.0) == 1.0
    assert chance(0.1, 0.0) == 0.0
