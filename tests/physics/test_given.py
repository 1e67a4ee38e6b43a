"""Particles of given energies."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.particles import ELECTRON, GAMMA, POSITRON
from kzcal.physics.given import GivenGammas, GivenParticle


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_one_particle_has_its_energy_and_no_preferred_direction():
    drawn = GivenParticle(POSITRON, 1.5).sample(20_000, generator=rng())
    assert set(drawn.particle) == {POSITRON}
    assert set(drawn.energy) == {1.5}
    # Five standard errors in each coordinate.
    assert (np.abs(drawn.direction.mean(axis=0)) < 5.0 / np.sqrt(3 * 20_000)).all()
    np.testing.assert_allclose((drawn.direction**2).mean(axis=0), 1.0 / 3.0, atol=0.01)


def test_a_range_is_filled_evenly():
    energy = GivenParticle(ELECTRON, 0.5, 2.5).sample(20_000, generator=rng()).energy
    counts, _ = np.histogram(energy, bins=10, range=(0.5, 2.5))
    assert counts.sum() == 20_000
    # Chi-square of 9 degrees of freedom: 34 is passed once in 10,000 seeds.
    assert ((counts - 2000.0) ** 2 / 2000.0).sum() < 34.0


def test_a_set_has_all_its_gammas_and_the_electron_at_once():
    drawn = GivenGammas((2.6145, 0.5832), electron=0.3).sample(3, generator=rng())
    assert drawn.particle.tolist() == 3 * [GAMMA, GAMMA, ELECTRON]
    assert drawn.energy.tolist() == 3 * [2.6145, 0.5832, 0.3]
    assert not drawn.time.any()
    assert np.unique(drawn.direction, axis=0).shape == (9, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GivenParticle(GAMMA, 0.0), "energy is positive"),
        (lambda: GivenParticle(GAMMA, float("nan")), "energy is positive"),
        (lambda: GivenParticle(GAMMA, 2.0, 1.0), "energy_to is at least energy=2.0 MeV, got 1.0"),
        (lambda: GivenGammas((1.0, -1.0)), "energies is positive"),
        (lambda: GivenGammas((1.0,), electron=-0.1), "electron is positive"),
        (lambda: GivenGammas(()), "got none: name energies"),
    ],
)
def test_energies_that_no_particle_has_are_refused(make, words: str):
    with pytest.raises(ConfigurationError, match=words):
        make()
