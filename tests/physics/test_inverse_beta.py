"""Inverse beta decay against other calculations, and what it must conserve."""

import numpy as np
import pytest

from kzcal.physics.inverse_beta import (
    ELECTRON,
    GAP,
    NEUTRON,
    OFFSET,
    PROTON,
    THRESHOLD,
    cross_section,
    cross_section_by_cosine,
    positron_energy,
    react,
)

N = 20_000
AHEAD = np.array([0.0, 0.0, 1.0])


def reactions(energy: float):
    generator = np.random.default_rng(1)
    return react(np.full(N, energy), np.tile(AHEAD, (N, 1)), generator=generator)


def test_nothing_reacts_below_the_threshold():
    assert pytest.approx(1.806, abs=0.0005) == THRESHOLD
    below, above = cross_section(np.array([THRESHOLD - 1e-3, THRESHOLD + 1e-2]))
    assert below == 0
    assert above > 0


def test_the_cross_section_is_that_of_strumia_and_vissani():
    energy = np.array([3.0, 4.0, 6.0, 8.0, 10.0])
    # Their eq. 25, which they give to be good to some per mille.
    total = energy - GAP
    log = np.log(energy)
    power = -0.07056 + 0.02018 * log - 0.001953 * log**3
    expected = 1e-43 * np.sqrt(total**2 - ELECTRON**2) * total * energy**power
    assert np.allclose(cross_section(energy), expected, rtol=0.005)


@pytest.mark.parametrize("energy", [2.5, 4.0, 8.0])
def test_positrons_go_backwards_as_much_as_vogel_and_beacom_say(energy: float):
    cosine = np.linspace(-1, 1, 1001)
    density = cross_section_by_cosine(np.full_like(cosine, energy), cosine)
    mean = np.trapezoid(density * cosine, cosine) / np.trapezoid(density, cosine)
    speed = np.sqrt(1 - (ELECTRON / (energy - GAP)) ** 2)
    # Their eq. 18; its axial coupling of 1.26 makes a difference of 0.002.
    assert mean == pytest.approx(-0.034 * speed + 2.4 * energy / 938.9, abs=0.004)
    drawn = np.sum(reactions(energy).positron_direction * AHEAD, axis=1)
    # The mean of 20,000 cosines, nearly uniform: 5 sigma are 0.0204.
    assert abs(drawn.mean() - mean) < 0.0204


@pytest.mark.parametrize("energy", [1.85, 3.0, 9.0])
def test_energy_and_momentum_are_conserved(energy: float):
    made = reactions(energy)
    positron = made.positron + ELECTRON
    assert np.allclose(positron + made.neutron + NEUTRON, energy + PROTON, rtol=0, atol=1e-9)
    momentum = np.sqrt(positron**2 - ELECTRON**2)[:, None] * made.positron_direction
    of_neutron = np.sqrt((made.neutron + NEUTRON) ** 2 - NEUTRON**2)[:, None]
    total = momentum + of_neutron * made.neutron_direction
    assert np.allclose(total, energy * AHEAD, rtol=0, atol=1e-5)


def test_the_positron_has_the_antineutrino_s_energy_less_a_constant():
    made = reactions(5.0)
    left = made.energy - (made.positron + 2 * ELECTRON) - made.neutron
    assert pytest.approx(0.782, abs=0.0005) == OFFSET
    assert np.allclose(left, OFFSET, rtol=0, atol=1e-9)


def test_neutrons_go_forward():
    assert (reactions(2.0).neutron_direction @ AHEAD > 0).all()


def test_at_the_threshold_the_positron_has_next_to_nothing():
    slow = positron_energy(np.array([THRESHOLD + 1e-6]), np.array([0.0]))
    assert 0 <= slow[0] < 2e-3
