"""Spreads and decay times from hits that are drawn one by one."""

import numpy as np
import pytest
import torch

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, POINT_LIKE
from kzcal.calibrate.timing.cells import FIRST, LAST, N_BINS, N_MEAN, Cells
from kzcal.calibrate.timing.simple import FEW, NEAR, at_times, fit_simple_light
from kzcal.light import ELECTRON_PROFILE
from kzcal.response.nominal import read_nominal
from kzcal.response.timing import angular_frequencies

TTS = (1.35, 2.55)
HITS = 40_000
"""In every class of type, energy, distance and light that is fitted."""


def drawn(early, *, seed):
    """Hits of electrons without delays on the way, by cell and time bin."""
    rng = np.random.default_rng(seed)
    weight, tau = np.array(ELECTRON_PROFILE).T
    types = read_nominal().types
    counts = torch.zeros(2, N_ENERGY, N_DISTANCE, N_MEAN, N_BINS, dtype=torch.float64)
    for k, inch in enumerate(sorted(types)):
        n = HITS * POINT_LIKE * NEAR * FEW
        time = rng.exponential(rng.choice(tau, n, p=weight / weight.sum()))
        time += TTS[k] * rng.standard_normal(n)
        moved = rng.random(n) < early
        time[moved] += rng.uniform(*types[inch].early_ns, moved.sum())
        for row, part in enumerate(np.split(time, POINT_LIKE * NEAR * FEW)):
            energy, rest = divmod(row, NEAR * FEW)
            found, _ = np.histogram(part, N_BINS, (FIRST, LAST))
            counts[k, energy, rest // FEW, rest % FEW] = torch.from_numpy(found)
    return counts


def fitted(counts):
    cells = Cells(
        mean=torch.full((2, N_ENERGY, N_DISTANCE, N_MEAN), 1e-3).double(),
        energy=torch.ones(N_ENERGY).double(),
        distance=torch.linspace(3.5, 11.0, N_DISTANCE).double(),
        dark=torch.full((2,), 1e-12).double(),
    )
    return fit_simple_light(counts, cells, torch.full((N_ENERGY,), 1e-6).double(), 12.0)


@pytest.mark.parametrize("early", [0.0, 0.006])
def test_early_pulses_do_not_pass_for_transit_time_spread(early):
    found = fitted(drawn(early, seed=3))
    assert found.tts.tolist() == pytest.approx(TTS, rel=0.02)
    assert found.decay_scale == pytest.approx(1.0, abs=0.01)
    assert found.early_share == pytest.approx(early, abs=3e-4)


def test_delays_of_each_type_are_its_own():
    omega = angular_frequencies(8192, 0.5, torch.device("cpu"))
    delays = torch.tensor([[-25.0, -10.0], [0.0, 0.0]], dtype=torch.float64)
    factor = at_times(omega, 0.02, delays)
    assert complex(factor[0, 0]) == pytest.approx(1.0)
    torch.testing.assert_close(factor[1], torch.ones_like(factor[1]))
    slope = float((factor[0, 1] / omega[1]).imag)
    assert slope == pytest.approx(0.02 * 17.5, rel=0.02)
