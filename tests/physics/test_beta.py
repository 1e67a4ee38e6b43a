"""Beta spectra: shapes, and mean energies against evaluated ones."""

import numpy as np
import pytest

from kzcal.physics.beta import ELECTRON_MASS, BetaBranch, BetaSpectra, beta_shape, partial_wave

# Charge of the daughter (negative for positrons), mass, end point [MeV], degree of uniqueness and
# evaluated mean energy [keV]. Source: ENSDF (Sep 2023); 40K and 210Bi: DDEP.
EVALUATED = {
    "214Bi": (84, 214, 3.2690, 0, 1268.4),
    "208Tl": (82, 208, 1.8013, 0, 649.5),
    "11C": (-5, 11, 0.9604, 0, 385.7),
    "10C": (-5, 10, 1.9076, 0, 814.3),
    "6He": (3, 6, 3.5078, 0, 1567.6),
    "12B": (6, 12, 13.3694, 0, 6438.7),
    "82Rb": (-36, 82, 3.3820, 0, 1535.0),
    "124I": (-52, 124, 2.1376, 1, 974.7),
    "85Kr": (37, 85, 0.6870, 1, 251.4),
    "40K": (20, 40, 1.3109, 3, 584.0),
    "210Bi": (84, 210, 1.1622, 0, 389.0),
}
QUANTILES = (np.arange(100_000) + 0.5) / 100_000


@pytest.mark.parametrize("name", EVALUATED)
def test_mean_energies_are_within_one_percent_of_the_evaluated(name: str):
    *branch, mean = EVALUATED[name]
    spectra = BetaSpectra.of([BetaBranch(*branch)])
    found = np.interp(QUANTILES, spectra.cumulative, spectra.energy).mean()
    assert found * 1e3 == pytest.approx(mean, rel=0.01)


def test_the_allowed_shape_of_a_unique_transition_would_be_far_off():
    spectra = BetaSpectra.of([BetaBranch(37, 85, 0.687, 0)])
    found = np.interp(QUANTILES, spectra.cumulative, spectra.energy).mean()
    assert found * 1e3 == pytest.approx(229.0, rel=0.01)


def test_without_charge_the_waves_are_free():
    kinetic = np.array([0.01, 0.3, 2.0])
    np.testing.assert_allclose(partial_wave(0, 100, kinetic, 1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(partial_wave(0, 100, kinetic, 3), 1.0, rtol=1e-12)


def test_the_nucleus_attracts_electrons_and_repels_positrons():
    slow = np.array([1e-3])
    assert partial_wave(50, 120, slow, 1) > 10.0
    assert partial_wave(-50, 120, slow, 1) < 1e-3


def test_a_spectrum_without_charge_is_phase_space():
    kinetic = np.linspace(0.05, 0.95, 7)
    total = 1.0 + kinetic / ELECTRON_MASS
    expected = np.sqrt(total**2 - 1.0) * total * (1.0 - kinetic) ** 2
    shape = beta_shape(0, 10, 1.0, 0, kinetic)
    np.testing.assert_allclose(shape / shape[0], expected / expected[0], rtol=1e-12)


def test_samples_of_several_branches_follow_their_own_shapes():
    branches = [BetaBranch(84, 214, 3.269, 0), BetaBranch(-5, 11, 0.9604, 0)]
    spectra = BetaSpectra.of(branches)
    which = np.tile([0, 1], 50_000)
    energy = spectra.sample(which, generator=np.random.default_rng(1))
    for index, branch in enumerate(branches):
        own = energy[which == index]
        assert own.min() > 0.0
        assert own.max() < branch.end_point
        expected = np.interp(QUANTILES + index, spectra.cumulative, spectra.energy)
        # Four standard errors: a false alarm in 16,000 seeds.
        assert abs(own.mean() - expected.mean()) < 4.0 * expected.std() / np.sqrt(len(own))
