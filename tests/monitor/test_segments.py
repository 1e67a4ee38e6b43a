"""The division of series: against every division there is, and its laws."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch

from kzcal.monitor.segments import Measurements, Motion, divide, largest_gain, levels

NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.cuda, NO_CUDA])]


def motion(n, slope=0.0, walk=0.0):
    return Motion(torch.full((n,), slope, dtype=torch.float64), torch.full((n,), walk).double())


def series(value, variance=1.0, time=None):
    value = torch.as_tensor(value, dtype=torch.float64)
    time = torch.arange(value.shape[1]).double() if time is None else time
    return Measurements(value, torch.full_like(value, variance), time)


def flat(data, penalty):
    return torch.full_like(data.value, penalty)


def chi_square(value, time, variance, slope, walk):
    """Of a segment, from the covariance of its measurements, the level being free."""
    n = len(value)
    if n == 0:
        return 0.0
    lag = time - time[0]
    covariance = variance * np.eye(n) + slope * np.outer(lag, lag)
    covariance += walk * np.minimum.outer(lag, lag)
    inverse, ones = np.linalg.inv(covariance), np.ones(n)
    level = ones @ inverse @ value / (ones @ inverse @ ones)
    return float((value - level) @ inverse @ (value - level))


@pytest.mark.parametrize(("slope", "walk"), [(0.0, 0.0), (0.05, 0.0), (0.0, 0.2), (0.02, 0.1)])
def test_the_division_is_the_cheapest_of_all(slope, walk):
    rng = np.random.default_rng(1)
    time = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 9.0, 10.0, 11.0])
    value = rng.normal(size=(20, 8)) + 4 * (np.arange(8) >= rng.integers(0, 8, (20, 1)))
    data = series(value, 1.0, torch.from_numpy(time))
    found = divide(data, motion(20, slope, walk), flat(data, 5.0))
    for row in range(20):
        costs = {}
        for number in range(4):
            for cuts in combinations(range(1, 8), number):
                parts = pairwise((0, *cuts, 8))
                cost = (chi_square(value[row, a:b], time[a:b], 1.0, slope, walk) for a, b in parts)
                costs[cuts] = sum(cost) + 5.0 * number
        mine = tuple(torch.nonzero(found[row])[:, 0].tolist())
        assert costs[mine] == pytest.approx(min(costs.values()), abs=1e-8)


def test_what_the_best_change_takes_off_is_what_the_costs_say():
    value = np.random.default_rng(2).normal(size=(5, 7))
    time = np.arange(7.0)
    gain = largest_gain(series(value), motion(5, 0.1))
    for row in value:
        whole = chi_square(row, time, 1.0, 0.1, 0.0)
        split = min(
            chi_square(row[:k], time[:k], 1.0, 0.1, 0.0)
            + chi_square(row[k:], time[k:], 1.0, 0.1, 0.0)
            for k in range(1, 7)
        )
        assert gain[0] == pytest.approx(whole - split)
        gain = gain[1:]


@pytest.mark.parametrize("device", DEVICES)
def test_a_step_is_found_where_it_is(device):
    value = torch.zeros(3, 20, dtype=torch.float64, device=device)
    value[1, 7:] = 10.0
    value[2, 19:] = -10.0
    data = Measurements(value, torch.ones_like(value), torch.arange(20.0, device=device).double())
    still = Motion(torch.zeros(3, device=device).double(), torch.zeros(3, device=device).double())
    found = divide(data, still, flat(data, 20.0))
    assert torch.nonzero(found).tolist() == [[1, 7], [2, 19]]


def test_a_steady_drift_is_no_change_if_drifts_are_expected():
    value = 0.8 * torch.arange(30.0).double()[None]
    data = series(value)
    assert divide(data, motion(1), flat(data, 20.0)).any()
    assert not divide(data, motion(1, slope=1.0), flat(data, 20.0)).any()


def test_the_unit_of_the_values_does_not_matter():
    value = np.random.default_rng(3).normal(size=(50, 25)) + 3 * (np.arange(25) > 12)
    data = series(value)
    one = divide(data, motion(50, 0.01), flat(data, 12.0))
    other = divide(series(1e4 * value + 7, 1e8), motion(50, 0.01 * 1e8), flat(data, 12.0))
    assert one.any()
    assert torch.equal(one, other)


def test_runs_without_a_measurement_say_nothing():
    value = torch.zeros(1, 12, dtype=torch.float64)
    value[0, 8:] = 9.0
    data = series(value)
    data.variance[0, 3:8] = torch.inf
    data.value[0, 3:8] = 1e6
    found = divide(data, motion(1), flat(data, 20.0))
    assert found.sum() == 1
    assert 3 <= int(torch.nonzero(found[0])[0]) <= 8
    nothing = series(torch.zeros(1, 5))
    nothing.variance.fill_(torch.inf)
    assert not divide(nothing, motion(1), flat(nothing, 20.0)).any()
    assert torch.isinf(
        levels(nothing, motion(1), torch.zeros(1, 5, dtype=torch.bool)).variance
    ).all()


def test_levels_are_the_weighted_means_of_segments():
    rng = np.random.default_rng(4)
    value, variance = rng.normal(size=(1, 9)), rng.uniform(0.5, 2.0, (1, 9))
    data = Measurements(
        torch.from_numpy(value), torch.from_numpy(variance), torch.arange(9.0).double()
    )
    changed = torch.zeros(1, 9, dtype=torch.bool)
    changed[0, 4] = True
    found = levels(data, motion(1), changed)
    for part in (slice(0, 4), slice(4, 9)):
        weight = 1 / variance[0, part]
        mean, error = (weight * value[0, part]).sum() / weight.sum(), weight.sum() ** -0.5
        assert np.allclose(found.value[0, part], mean)
        assert np.allclose(found.variance[0, part], error**2)
    assert found.before[0, 3] == pytest.approx(float(found.value[0, 0]))
    assert found.after[0, 4] == pytest.approx(float(found.value[0, 8]))


def test_sides_of_a_change_have_honest_errors():
    """Pulls of the level before a known change, with drifts: their width is within 5 errors."""
    rng = np.random.default_rng(5)
    n, run, slope = 4000, 15, 0.04
    drift = rng.normal(0, slope, (n, 1))
    truth = drift * np.arange(run)
    data = series(truth + rng.normal(size=(n, run)))
    found = levels(data, motion(n, slope**2), torch.zeros(n, run, dtype=torch.bool))
    pull = (found.before[:, -1].numpy() - truth[:, -1]) / found.before_variance[
        :, -1
    ].sqrt().numpy()
    assert abs(pull.std() - 1) < 5 / np.sqrt(2 * n)
    assert abs(pull.mean()) < 5 / np.sqrt(n)


def test_a_change_that_is_known_costs_nothing():
    data = series(torch.from_numpy(np.random.default_rng(6).normal(size=(10, 12))))
    penalty = flat(data, 1e6)
    assert not divide(data, motion(10), penalty).any()
    penalty[:, 5] = 0.0
    found = divide(data, motion(10), penalty)
    assert found[:, 5].all()
    assert found.sum() == 10
