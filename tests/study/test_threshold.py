"""Rejection of known laws: the share of one Gaussian below a quantile of another."""

import numpy as np
import pytest
from scipy.stats import norm

from kzcal.study.threshold import BINS, Threshold, rejection

N = 6_000


def drawn(mean: float, seed: int, slope: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    energy = rng.uniform(2.0, 2.6, N)
    return mean + slope * energy + rng.standard_normal(N), energy


def share(distance: float, acceptance: float) -> float:
    return float(norm.cdf(distance + norm.ppf(1 - acceptance)))


@pytest.mark.parametrize("acceptance", [0.8, 0.9, 0.95])
def test_gaussians_are_rejected_as_their_distance_says(acceptance: float):
    rng = np.random.default_rng(3)
    found = rejection(drawn(0.0, 1), drawn(-1.5, 2), acceptance, generator=rng)
    assert found.value == pytest.approx(share(1.5, acceptance), abs=4 * found.error)
    # A quantile of n events at the density f is known to sqrt(p (1 - p) / n) / f.
    p, cut = 1 - acceptance, norm.ppf(1 - acceptance)
    of_signal = np.sqrt(p * (1 - p) / N) / norm.pdf(cut) * norm.pdf(cut + 1.5)
    value = share(1.5, acceptance)
    expected = np.hypot(of_signal, np.sqrt(value * (1 - value) / N))
    assert found.error == pytest.approx(expected, rel=0.25)


def test_signal_is_accepted_as_asked_for_in_every_bin():
    score, energy = drawn(0.0, 1, slope=10.0)
    threshold = Threshold.of(score, energy, 0.9)
    place = np.searchsorted(threshold.edges, energy)
    for row in range(BINS):
        rows = place == row
        assert threshold.rejected(score[rows], energy[rows]) == pytest.approx(0.1, abs=2e-3)


def test_a_score_that_is_the_energy_rejects_no_more_of_another_spectrum():
    rng = np.random.default_rng(4)
    signal = drawn(0.0, 1, slope=3.0)
    low = 2.0 + 0.6 * rng.beta(1, 2, N)
    background = 3.0 * low + rng.standard_normal(N), low
    # Without bins of energy 17 % were rejected; with three, what is left within them.
    found = rejection(signal, background, 0.9, generator=rng)
    assert found.value == pytest.approx(0.1, abs=0.02)
    plain = np.quantile(signal[0], 0.1)
    assert (background[0] < plain).mean() > 0.14
