"""Photons of decays against evaluated figures."""

import numpy as np
import pytest

from kzcal.particles import GAMMA, POSITRON
from kzcal.physics.given import GivenGammas, GivenParticle
from kzcal.plugins import load
from kzcal.study.decays import photons_of
from kzcal.study.isotopes import SPALLATION

SOURCES = load(installed=False).sources


def photons(source):
    return photons_of(source, generator=np.random.default_rng(1))


def test_given_gammas_are_counted_with_their_mean_energy():
    found = photons(GivenGammas((1.0, 2.0), 0.5))
    assert (found.number, found.energy, found.gamma_energy) == (2, 1.5, 1.5)


def test_positrons_have_two_photons_and_x_rays_do_not_count():
    found = photons(GivenParticle(POSITRON, 1.0))
    assert (found.number, found.gamma_energy) == (2, 0)
    assert found.energy == pytest.approx(0.510999, abs=1e-5)
    assert photons(GivenParticle(GAMMA, 0.03)).number == 0


# Source: decay tables of ENSDF, photons of a decay without annihilation and their mean, keV.
@pytest.mark.parametrize(
    ("name", "number", "energy"),
    [("y88", 1.94, 1385), ("tc96", 3.03, 821), ("sb124", 1.88, 983)],
)
def test_isotopes_have_the_photons_of_their_tables(name: str, number: float, energy: float):
    found = photons(SOURCES[name].prepare())
    assert found.number == pytest.approx(number, rel=0.03)
    assert 1e3 * found.gamma_energy == pytest.approx(energy, rel=0.03)


def test_all_isotopes_of_spallation_are_sources_with_a_q_value():
    assert len(set(SPALLATION)) == 32
    assert all(SOURCES[name].q_value for name in SPALLATION)
