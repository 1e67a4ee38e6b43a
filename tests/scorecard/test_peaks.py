"""Places and widths of peaks."""

import numpy as np
import pytest
from scipy.stats import exponnorm, norm

from kzcal.scorecard.peaks import (
    EDGE,
    EDGE_SMOOTHING,
    EDGE_WIDTH,
    TOP_BINS,
    charge_scales,
    charge_width,
    time_shifts,
    time_width,
)
from kzcal.scorecard.tally import CHARGE, TIME

N_PMT, N_HITS = 60, 4000
DECAY = 8.0


def histograms(values, bins):
    edges = bins.first + bins.step * np.arange(bins.n + 1)
    return np.stack([np.histogram(row, edges)[0] for row in values])


def times(sigma, offset=0.0, seed=1):
    """Light that begins at once and decays slowly, smeared."""
    rng = np.random.default_rng(seed)
    shape = (N_PMT, N_HITS)
    late = rng.exponential(DECAY, shape) + rng.normal(0, sigma, shape)
    return histograms(late + np.reshape(offset, (-1, 1)), TIME)


def charges(width, gain=1.0, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(1.0, width, (N_PMT, N_HITS)) * np.reshape(gain, (-1, 1))
    return histograms(values, CHARGE)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.5])
def test_the_width_of_a_rise_is_that_of_its_edge(sigma):
    place = np.linspace(-10, 10, 4001)
    width = np.hypot(sigma, EDGE_SMOOTHING * TIME.step)
    smooth = exponnorm.pdf(place, DECAY / width, scale=width)
    light = exponnorm.pdf(place, DECAY / sigma, scale=sigma)
    n_top = round(TOP_BINS * TIME.step / (place[1] - place[0]))
    height = np.convolve(light, np.ones(n_top) / n_top, mode="same").max()
    rising = smooth[: smooth.argmax()] / height
    edge = np.diff(np.interp(EDGE, rising, place[: len(rising)]))[0] / EDGE_WIDTH
    assert time_width(times(sigma)) == pytest.approx(edge, rel=0.03)


def test_offsets_are_found_and_leave_the_width_alone():
    offset = np.random.default_rng(3).normal(0, 2.0, N_PMT)
    shift, enough = time_shifts(times(1.5, offset))
    assert enough.all()
    assert np.std(shift - offset) < 0.15
    assert time_width(times(1.5, offset)) == pytest.approx(time_width(times(1.5)), rel=0.03)


@pytest.mark.parametrize("width", [0.3, 0.5])
def test_the_width_of_a_charge_peak_is_that_of_its_gaussian(width):
    assert charge_width(charges(width)) == pytest.approx(width, rel=0.03)


def test_gains_are_found_and_leave_the_width_alone():
    gain = np.random.default_rng(3).normal(1.0, 0.1, N_PMT)
    scale, _ = charge_scales(charges(0.35, gain))
    assert np.std(scale / gain) < 0.02
    assert charge_width(charges(0.35, gain)) == pytest.approx(0.35, rel=0.04)


def test_pmts_without_hits_have_no_say():
    few = times(1.5)
    few[:20] = 0
    shift, enough = time_shifts(few)
    assert not enough[:20].any()
    assert (shift[:20] == 0).all()
    assert time_width(few) == pytest.approx(time_width(times(1.5)), rel=0.04)


def test_no_peak_has_no_width():
    nothing = np.zeros((N_PMT, TIME.n), int), np.zeros((N_PMT, CHARGE.n), int)
    assert np.isnan(time_width(nothing[0]))
    assert np.isnan(charge_width(nothing[1]))


def test_the_edge_is_measured_in_standard_deviations_of_a_gaussian():
    assert norm.ppf(EDGE[1]) - norm.ppf(EDGE[0]) == pytest.approx(EDGE_WIDTH, abs=1e-4)
