"""What runs say of noise and drift, against what they were made with."""

import numpy as np
import pytest

from kzcal.monitor.noise import common_part, drift_variance, error_scale, prepare, scattered
from kzcal.monitor.series import Series

N_PMT, N_RUN = 800, 20
TIME = np.arange(float(N_RUN))


def made(seed, *, stated=1.0, drift=0.0, common=None):
    rng = np.random.default_rng(seed)
    value = rng.normal(50, 3, (N_PMT, 1)) + rng.normal(size=(N_PMT, N_RUN))
    value += drift * rng.normal(size=(N_PMT, 1)) * TIME
    if common is not None:
        value += common
    return value, np.full(value.shape, stated)


def test_errors_that_are_stated_wrongly_are_scaled():
    """15,200 differences: the median absolute deviation is good to 1 %; 4 of that are allowed."""
    for stated in (0.5, 1.0, 2.0):
        assert error_scale(*made(1, stated=stated)) == pytest.approx(1 / stated, rel=0.04)


def test_a_few_changes_do_not_count_as_noise():
    value, error = made(2)
    value[:40, 10:] += 20
    assert error_scale(value, error) == pytest.approx(1.0, rel=0.04)


def test_drifts_are_a_population():
    """Slopes of 800 PMTs: their spread is known to 2.5 %; four times that is allowed."""
    for drift in (0.1, 0.3):
        value, error = made(3, drift=drift)
        assert np.sqrt(drift_variance(value, error, TIME)) == pytest.approx(drift, rel=0.1)
    value, error = made(4)
    assert np.sqrt(drift_variance(value, error, TIME)) < 0.02


def test_steps_of_a_few_are_no_drift():
    value, error = made(5)
    value[:30, 10:] += 15
    assert np.sqrt(drift_variance(value, error, TIME)) < 0.02


@pytest.mark.parametrize("size", [0.05, 0.3, 2.0])
def test_what_all_do_together_is_found_however_small(size):
    """The error of a median of 800 is 0.045; five of those."""
    step = size * (TIME >= 8)
    value, _ = made(6, common=step)
    found = common_part(value)
    assert np.mean(found[8:]) - np.mean(found[:8]) == pytest.approx(size, abs=5 * 0.045 * 0.46)


@pytest.mark.parametrize("size", [5.0, 30.0])
def test_a_group_does_not_move_the_others(size):
    """The error of the common part is 0.045 in each run, that of its step 0.02."""
    value, error = made(7)
    value[:80, 8:] += size
    ready = prepare(Series("gain", "1", value, error), np.ones((1, N_PMT), bool), TIME)
    common = ready.common.value[0]
    assert abs(common[8:].mean() - common[:8].mean()) < 0.08


def test_preparing_takes_the_common_part_off_and_keeps_the_level():
    step = 4.0 * (TIME >= 8)
    value, error = made(8, stated=2.0, common=step)
    types = np.zeros((2, N_PMT), bool)
    types[0, ::2], types[1, 1::2] = True, True
    ready = prepare(Series("gain", "1", value, error), types, TIME)
    assert np.allclose(ready.scale, 0.5, rtol=0.06)
    own = ready.series.value
    assert abs(own[:, 8:].mean() - own[:, :8].mean()) < 0.1
    assert own.mean() == pytest.approx(value.mean(), abs=0.1)
    assert np.allclose(own + types.T.astype(float) @ ready.taken_off, value)
    assert (
        ready.common.value[:, 8:].mean(1) - ready.common.value[:, :8].mean(1)
    ) == pytest.approx(4.0, abs=0.1)


def test_counts_become_roots_whose_errors_do_not_depend_on_them():
    rng = np.random.default_rng(9)
    exposure = 0.004
    counts = rng.poisson(exposure * 25_000, (2000, 1))
    rate, error = counts / exposure, np.sqrt(counts) / exposure
    steady = Series("dark_rate", "Hz", rate, error, counted=True).steady()
    assert np.allclose(steady.error, 0.5 / np.sqrt(exposure))
    weighted = (rate / error**2).sum() / (error**-2.0).sum()
    exposed = Series("dark_rate", "Hz", rate, error, counted=True).exposure
    assert weighted < 25_000 * (1 - 0.005)
    assert (rate * exposed).sum() / exposed.sum() == pytest.approx(25_000, rel=0.01)


def test_errors_of_one_series_only_grow():
    error = np.ones(12)
    assert np.array_equal(scattered(np.zeros(12), error), error)
    noisy = 5 * np.random.default_rng(1).normal(size=12)
    assert (scattered(noisy, error) > 1.5).all()
    assert np.array_equal(scattered(noisy[:4], error[:4]), error[:4])


def test_series_without_measurements_are_harmless():
    nothing = np.full((6, 4), np.nan)
    ready = prepare(Series("tts", "ns", nothing, nothing), np.ones((1, 6), bool), np.arange(4.0))
    assert np.isnan(ready.common.value).all()
    assert ready.scale[0] == 1.0
    assert ready.slope_variance[0] == 0.0
