"""Neighbouring cables that move together by less than any of them shows."""

import numpy as np
import pytest

from kzcal.monitor.crates import crates, jumps
from kzcal.monitor.series import Series
from kzcal.monitor.watch import with_crates

N_PMT, N_RUN = 1879, 12
TIME = np.arange(float(N_RUN))
STILL = np.zeros(N_PMT)


def made(seed, drift=0.0):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=(N_PMT, N_RUN)) + drift * rng.normal(size=(N_PMT, 1)) * TIME
    return value, np.ones(value.shape)


def found(value, error, drift=0.0):
    series = Series("gain", "1", value, error)
    return crates(series, np.full(N_PMT, drift**2), TIME, 1e-4)


@pytest.mark.parametrize("crate", [(480, 640), (3, 50), (1800, 1878)])
def test_a_crate_is_found_that_no_pmt_shows(crate):
    """Steps of one error: 1.7 standard deviations of each PMT."""
    value, error = made(1)
    value[crate[0] : crate[1] + 1, 5:] += 1.0
    (one,) = found(value, error)
    assert one.run == 5
    assert abs(one.cables[0] - crate[0]) <= 4
    assert abs(one.cables[1] - crate[1]) <= 4


def test_two_crates_in_different_runs():
    value, error = made(2)
    value[160:320, 3:] += 1.0
    value[800:960, 9:] -= 1.5
    assert {crate.run for crate in found(value, error)} == {3, 9}


def test_single_pmts_are_no_crate():
    value, error = made(3)
    value[::40, 6:] += 50.0
    assert found(value, error) == []


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_there_is_no_crate_where_nothing_moves_together(drift):
    """Twenty detectors at 1e-4: one false alarm has a probability of 0.2 %."""
    assert [crate for seed in range(20) for crate in found(*made(10 + seed, drift), drift)] == []


def test_missing_runs_are_no_step():
    value, error = made(4)
    value[100:200, 4:] = np.nan
    error[100:200, 4:] = np.nan
    assert found(value, error) == []
    z = jumps(Series("gain", "1", value, error), STILL, TIME)
    assert (z[100:200, 4:] == 0.0).all()


def test_a_large_step_is_dated_to_its_run():
    value, error = made(5)
    value[300:350, 3:] -= 30.0
    (one,) = found(value, error)
    assert (one.run, one.cables) == (3, (300, 349))


def test_a_crate_does_not_move_the_others():
    """A third of the PMTs step by one error: the rest must not seem to step back."""
    value, error = made(6)
    value[600:1200, 5:] += 1.5
    types = np.ones((1, N_PMT), bool)
    ready, together = with_crates(Series("gain", "1", value, error), types, TIME, 1e-4)
    (one,) = together
    assert one.run == 5
    common = ready.common.value[0]
    assert abs(common[5:].mean() - common[:5].mean()) < 0.1
