"""Probabilities that are right, too sure, or none."""

import numpy as np
import pytest
from scipy.special import expit

from kzcal.evaluate.reliability import Reliability, mended, reliability


def logits(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood ratios of two Gaussian classes 1.5 apart, which are right logits."""
    signal = np.arange(n) < n // 2
    return 1.5 * (generator.normal(1.5 * signal, 1.0) - 0.75), signal


def found(score: np.ndarray, signal: np.ndarray, seed: int = 1, draws: int = 200) -> Reliability:
    generator = np.random.default_rng(seed)
    return reliability(score, signal, bins=12, draws=draws, generator=generator)


def test_right_logits_are_found_right():
    score, signal = logits(20_000, np.random.default_rng(1))
    one = found(score, signal)
    assert one.probability > 0.001
    assert np.abs(one.stated - one.found).max() < 5 * one.error.max()
    probability = expit(score)
    assert one.brier == pytest.approx(np.mean(probability * (1 - probability)), abs=5 * 0.002)
    assert one.brier_mended == pytest.approx(one.brier, abs=0.003)
    assert one.calibration_error == pytest.approx(one.expected, abs=0.01)


def test_logits_that_are_too_sure_are_told_and_mended():
    score, signal = logits(20_000, np.random.default_rng(2))
    one, right = found(3 * score, signal), found(score, signal)
    assert one.probability == pytest.approx(1 / 201)
    assert one.calibration_error > 5 * one.expected
    assert one.brier > right.brier
    assert one.brier_mended == pytest.approx(right.brier_mended, abs=1e-12), (
        "it sees only the order"
    )
    assert one.log_loss > right.log_loss


def test_unequal_classes_are_taken_into_account():
    generator = np.random.default_rng(3)
    score, signal = logits(20_000, generator)
    kept = signal | (generator.random(len(signal)) < 0.25)
    one = found(score[kept], signal[kept])
    assert one.probability > 0.001
    assert one.found.mean() == pytest.approx(signal[kept].mean(), abs=0.01)


def test_the_chance_of_right_logits_is_even():
    """Of 200 sets 20 % are below 0.2, within 5 deviations of 2.8 %."""
    generator, chances = np.random.default_rng(4), []
    for seed in range(200):
        score = generator.normal(0.0, 1.0, 400)
        signal = generator.random(400) < expit(score)
        odds = np.log(signal.sum() / (~signal).sum())
        chances.append(found(score - odds, signal, seed, draws=99).probability)
    assert np.mean(np.array(chances) <= 0.2) == pytest.approx(0.2, abs=0.14)


def test_mended_probabilities_rise_with_the_score_on_each_half():
    score, signal = logits(400, np.random.default_rng(5))
    probability = mended(score, signal)
    assert ((probability >= 0) & (probability <= 1)).all()
    half = np.zeros(400, bool)
    half[np.flatnonzero(signal)[::2]] = half[np.flatnonzero(~signal)[::2]] = True
    for rows in (half, ~half):
        order = np.argsort(score[rows])
        assert (np.diff(probability[rows][order]) >= 0).all()
