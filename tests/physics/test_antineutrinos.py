"""Spectra of reacting antineutrinos against published sums."""

import numpy as np
import pytest

from kzcal.physics.antineutrinos import (
    GEO_MEV,
    MIXING_12,
    MIXING_13,
    NEUTRINOS,
    REACTOR_MEV,
    SPLITTING_EV2,
    Reacting,
    chain_spectrum,
    fission_spectrum,
    geo,
    reactor,
    survival,
)
from kzcal.physics.inverse_beta import THRESHOLD, cross_section


@pytest.mark.parametrize(
    ("fuel", "published"), [("u235", 6.69), ("u238", 10.10), ("pu239", 4.36), ("pu241", 6.03)]
)
def test_a_fission_has_the_published_cross_section(fuel: str, published: float):
    per_mev = fission_spectrum(fuel, REACTOR_MEV) * cross_section(REACTOR_MEV)
    # 1e-43 cm2 per fission of Mention et al. (2011), known to 2.1 % at best.
    assert 1e43 * np.trapezoid(per_mev, REACTOR_MEV) == pytest.approx(published, rel=0.021)


@pytest.mark.parametrize(("chain", "published"), [("u238", 0.404), ("th232", 0.127)])
def test_a_chain_has_the_published_cross_section(chain: str, published: float):
    per_mev = chain_spectrum(chain, GEO_MEV) * cross_section(GEO_MEV)
    each = np.trapezoid(per_mev, GEO_MEV) / NEUTRINOS[chain]
    # 1e-44 cm2 per antineutrino of Fiorentini et al. (2007); decay schemes have changed since.
    assert 1e44 * each == pytest.approx(published, rel=0.1)


def test_thorium_ends_below_bismuth_of_the_uranium_chain():
    ends = {}
    for name in NEUTRINOS:
        reacting = Reacting(GEO_MEV, chain_spectrum(name, GEO_MEV) * cross_section(GEO_MEV))
        ends[name] = np.interp(0.999, reacting.cumulative, reacting.energy)
    # End points of 214Bi and 212Bi, 3.270 and 2.252 MeV, less what the last per mille reaches.
    assert 3.1 < ends["u238"] < 3.27
    assert 2.1 < ends["th232"] < 2.252


def test_oscillation_is_that_of_one_way():
    energy, way = np.array([2.0, 4.0, 6.0]), 180.0
    phase = 1.267 * SPLITTING_EV2 * way * 1e3 / energy
    theta_12, theta_13 = np.arctan(np.sqrt(MIXING_12)), np.arcsin(np.sqrt(MIXING_13))
    two = 1 - np.sin(2 * theta_12) ** 2 * np.sin(phase) ** 2
    expected = np.cos(theta_13) ** 4 * two + np.sin(theta_13) ** 4
    assert np.allclose(survival(energy, (way, way)), expected)


def test_far_away_the_mean_of_oscillation_remains():
    theta_12, theta_13 = np.arctan(np.sqrt(MIXING_12)), np.arcsin(np.sqrt(MIXING_13))
    mean = np.cos(theta_13) ** 4 * (1 - np.sin(2 * theta_12) ** 2 / 2) + np.sin(theta_13) ** 4
    # Over 4,000 km the waves of 3 MeV, 98 km long, leave 1 % of their swing.
    assert survival(np.array([3.0]), (4000.0, 8000.0))[0] == pytest.approx(mean, abs=0.01)


def test_without_a_way_all_survive():
    whole = reactor((0.0, 0.0))
    assert (whole.density >= reactor().density).all()
    assert np.allclose(survival(whole.energy, (1e-6, 1e-6)), (1 - MIXING_13) ** 2 + MIXING_13**2)


def test_most_reactor_antineutrinos_react_near_3_6_mev():
    whole = reactor((0.0, 0.0))
    assert 3.3 < whole.energy[np.argmax(whole.density)] < 4.0


@pytest.mark.parametrize("spectrum", [reactor(), geo()], ids=["reactor", "geo"])
def test_drawn_energies_follow_the_spectrum(spectrum: Reacting):
    drawn = spectrum.sample(50_000, generator=np.random.default_rng(1))
    assert drawn.min() >= THRESHOLD
    # 5 sigma of the mean.
    assert abs(drawn.mean() - spectrum.mean()) < 5 * drawn.std() / np.sqrt(50_000)
    below = np.interp(3.0, spectrum.energy, spectrum.cumulative)
    spread = np.sqrt(below * (1 - below) / 50_000)
    assert abs(np.mean(drawn < 3.0) - below) < 5 * spread
