"""Scores that depend on a column, and scores that do not."""

import numpy as np
import pytest
from scipy.stats import norm

from kzcal.evaluate.dependence import Column, Dependence, Share, dependence, rows_of


def found_in(
    column: Column, score: np.ndarray, signal: np.ndarray, *, bins: int, acceptance: float = 0.9
) -> Dependence:
    generator = np.random.default_rng(1)
    return dependence(column, score, signal, acceptance=acceptance, bins=bins, generator=generator)


def events(n: int, seed: int) -> tuple[np.random.Generator, np.ndarray, Column]:
    """Signal with more energy than background, by half a spread."""
    generator = np.random.default_rng(seed)
    signal = generator.random(n) < 0.5
    energy = generator.normal(2.3 + 0.1 * signal, 0.2)
    return generator, signal, Column("energy", "MeV", energy)


def test_a_score_that_is_the_energy_separates_no_more_inside_narrow_bins():
    _, signal, energy = events(20_000, 1)
    found = found_in(energy, energy.values, signal, bins=40)
    assert found.alone.value == pytest.approx(0.638, abs=5 * 0.004)
    # 40 bins leave a little of the energy; 5 standard deviations beyond.
    assert found.inside.value == pytest.approx(0.5, abs=5 * found.inside.error + 0.01)
    assert found.correlation[0].value == found.correlation[1].value == pytest.approx(1.0)
    assert found.even < 1e-6


def test_a_score_that_does_not_know_the_energy_separates_the_same_in_all_its_bins():
    generator, signal, energy = events(20_000, 2)
    score = generator.normal(1.5 * signal, 1.0)
    found = found_in(energy, score, signal, bins=6)
    assert found.inside.value == pytest.approx(0.8556, abs=5 * 0.003)
    for one in found.correlation:
        assert abs(one.value) < 5 * one.error
    assert found.even > 1e-3
    assert [b.signal + b.background for b in found.bins] == pytest.approx([20_000 / 6] * 6, abs=1)
    pulls = [(b.accepted.value - 0.9) / b.accepted.error for b in found.bins]
    assert np.abs(pulls).max() < 5
    pulls = [(b.within.value - norm.cdf(1.5 + norm.ppf(0.1))) / b.within.error for b in found.bins]
    assert np.abs(pulls).max() < 5
    assert 0.3 < np.std(pulls) < 2, "six numbers of spread one, at a rate of false alarms of 1 %"


def test_bins_hold_every_event_once_and_a_common_threshold_adds_up():
    generator, signal, energy = events(3000, 3)
    score = generator.normal(1.5 * signal, 1.0)
    found = found_in(energy, score, signal, bins=7)
    assert sum(b.signal for b in found.bins) == signal.sum()
    assert sum(b.background for b in found.bins) == (~signal).sum()
    accepted = sum(b.signal * b.accepted.value for b in found.bins)
    assert accepted == pytest.approx(0.9 * signal.sum())
    assert all(b.low <= b.middle <= b.high for b in found.bins)


def test_a_column_of_few_values_has_a_bin_for_each():
    values = np.repeat([15001.0, 15002.0, 15007.0], [50, 30, 20])
    assert [len(rows) for rows in rows_of(values, 6)] == [50, 30, 20]
    signal = np.arange(100) % 2 == 0
    column = Column("run", "1", values)
    found = found_in(column, np.arange(100.0), signal, bins=6, acceptance=0.5)
    assert [b.middle for b in found.bins] == [15001, 15002, 15007]
    assert np.isnan(found.bins[2].area.value), "ten events of a class say nothing"
    one = found_in(Column("run", "1", np.ones(100)), np.arange(100.0), signal, bins=6)
    assert len(one.bins) == 1
    assert np.isnan(one.even)
    assert np.isnan(one.correlation[0].value)


def test_the_chance_of_even_acceptance_is_even():
    """Of 120 sets half are below one half, within 5 deviations of 4.6 %."""
    chances = []
    for seed in range(120):
        generator, signal, energy = events(170, seed)
        score = generator.normal(1.0 * signal, 1.0)
        found = found_in(energy, score, signal, bins=5, acceptance=0.5)
        chances.append(found.even)
    assert np.mean(np.array(chances) < 0.5) == pytest.approx(0.5, abs=0.23)


def test_the_error_of_a_share_of_all_is_not_zero():
    one = Share.of(np.ones(50))
    assert one.value == 1.0
    assert one.error == pytest.approx(np.sqrt(51) / (52 * np.sqrt(50)))
    assert np.isnan(Share.of(np.zeros(0)).value)
