"""Decays: energy, delays and published intensities of what they send out."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.particles import ALPHA, ELECTRON, GAMMA, POSITRON, Primaries
from kzcal.physics.decay import Chain, Decay
from kzcal.physics.decay_table import Feed, Nuclide, read_nuclides
from kzcal.physics.scheme import ATOMIC_MASS

N = 100_000


def draw(name: str, n: int = N) -> Primaries:
    return Decay.named(name).sample(n, generator=np.random.default_rng(11))


def per_decay(decays: Primaries, particle: int, low: float, high: float) -> float:
    """Particles of a kind between two energies in MeV, per decay."""
    chosen = (decays.particle == particle) & (decays.energy > low) & (decays.energy < high)
    return chosen.sum() / len(decays)


def totals(decays: Primaries) -> np.ndarray:
    return np.bincount(decays.decay, decays.energy, minlength=len(decays))


def fed_at(nuclide: Nuclide, level: int) -> Nuclide:
    """The cascade from one level of the first daughter alone."""
    branch = nuclide.branches[0]
    feed = Feed(level, "it", 1.0, 0, 0.0, 0.0)
    return replace(nuclide, branches=(replace(branch, share=1.0, feeds=(feed,)),))


@pytest.mark.parametrize("name", ["bi214", "tl208", "nb90", "ac228", "ag110m", "i124"])
def test_every_cascade_adds_up_to_the_energy_of_its_level(name: str):
    (nuclide,) = read_nuclides(name)
    branch = nuclide.branches[0]
    generator = np.random.default_rng(2)
    for index, level in list(enumerate(branch.levels))[1::4]:
        decays = Decay.of(fed_at(nuclide, index)).sample(60, generator=generator)
        missing = level.energy - totals(decays)
        recoil = level.energy**2 / (2.0 * branch.mass * ATOMIC_MASS)
        assert (missing > -1e-9).all()
        assert (missing <= recoil + 1e-9).all(), "only the recoil of the nucleus is not seen"


@pytest.mark.parametrize("name", ["po210", "po212", "po214"])
def test_an_alpha_and_its_recoil_have_all_of_q(name: str):
    (nuclide,) = read_nuclides(name)
    decays = draw(name, 5000)
    alpha = decays.energy[decays.particle == ALPHA]
    left = nuclide.q_value - totals(decays) - alpha * 4.0 / nuclide.branches[0].mass
    assert len(alpha) == 5000
    np.testing.assert_allclose(left, 0.0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "energy"), [("po210", 5.30433), ("po212", 8.78486), ("po214", 7.68682)]
)
def test_alphas_have_their_published_energies(name: str, energy: float):
    assert np.median(draw(name, 1000).energy) == pytest.approx(energy, rel=1e-4)


# Intensities per decay. Source: ENSDF (Sep 2023); conversion electron of 137Cs: 85.1 % times
# 0.0915. Tolerances are four standard errors of 100,000 decays, and 2 % of the figure.
@pytest.mark.parametrize(
    ("name", "particle", "low", "high", "intensity"),
    [
        ("bi214", GAMMA, 0.6090, 0.6096, 0.4544),
        ("bi214", GAMMA, 1.7640, 1.7650, 0.1529),
        ("bi214", GAMMA, 1.1200, 1.1206, 0.1490),
        ("tl208", GAMMA, 2.6140, 2.6150, 0.9975),
        ("tl208", GAMMA, 0.5828, 0.5835, 0.850),
        ("cs137", GAMMA, 0.6610, 0.6620, 0.851),
        ("cs137", ELECTRON, 0.6240, 0.6244, 0.0779),
        ("co60", GAMMA, 1.1730, 1.1735, 0.9985),
        ("c10", GAMMA, 0.7180, 0.7187, 1.0),
        ("ga68", POSITRON, 0.0, 2.0, 0.8891),
        ("xe134m", GAMMA, 0.2340, 0.2346, 0.70),
        ("zr90m", GAMMA, 0.1326, 0.1328, 0.042),
        ("neutron-capture", GAMMA, 2.22, 2.23, 0.9923),
        ("neutron-capture", GAMMA, 4.94, 4.95, 0.0077 * 0.68),
    ],
)
def test_intensities_are_as_published(name, particle, low, high, intensity):
    found = per_decay(draw(name), particle, low, high)
    error = np.sqrt(max(intensity * (1.0 - intensity), 0.0) / N)
    assert abs(found - intensity) < 4.0 * error + 0.02 * intensity


def test_a_monopole_transition_has_an_electron_for_its_photon():
    """214Po at 1.4155 MeV has the spin of the ground state: 0.51 % of the decays of 214Bi."""
    decays = draw("bi214")
    assert per_decay(decays, GAMMA, 1.4154, 1.4156) == 0.0
    found = per_decay(decays, ELECTRON, 1.3220, 1.3226)
    assert found == pytest.approx(0.0051 * 0.85, rel=0.25)


def test_a_k_capture_leaves_an_x_ray_as_often_as_the_atom_glows():
    (nuclide,) = read_nuclides("y88")
    (branch,) = nuclide.branches
    atom = nuclide.atoms[branch.charge]
    holes = sum(feed.probability * feed.k_share for feed in branch.feeds)
    found = per_decay(draw("y88"), GAMMA, 0.010, 0.020)
    expected = holes * atom.fluorescence
    assert expected == pytest.approx(0.60, abs=0.02)
    assert abs(found - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / N)


def test_a_delayed_level_keeps_its_delay():
    """85Kr: 0.434 % of the decays go by 85mRb with a half-life of 1.015 us."""
    decays = draw("kr85", 400_000)
    late = (decays.particle == GAMMA) & (decays.energy > 0.5)
    delay = decays.time[late]
    assert late.sum() / 400_000 == pytest.approx(0.00434 / 1.00712, rel=0.1)
    mean = 1015.0 / np.log(2.0)
    assert abs(delay.mean() - mean) < 4.0 * mean / np.sqrt(len(delay))


@pytest.mark.parametrize(
    ("first", "second", "half_life_ns"), [("bi214", "po214", 163.6e3), ("bi212", "po212", 299.0)]
)
def test_the_alpha_of_a_chain_comes_by_its_half_life(first, second, half_life_ns):
    decays = Chain.named(first, second).sample(20_000, generator=np.random.default_rng(4))
    alphas = decays.particle == ALPHA
    assert alphas.sum() == 20_000, "the branch without this daughter is left out"
    mean = half_life_ns / np.log(2.0)
    assert abs(decays.time[alphas].mean() - mean) < 4.0 * mean / np.sqrt(20_000)
    assert (decays.time[decays.particle == ELECTRON] >= 0.0).all()


def test_8li_becomes_two_alphas_and_12b_sometimes_three():
    lithium = draw("li8", 20_000)
    alphas = lithium.particle == ALPHA
    assert (np.bincount(lithium.decay[alphas], minlength=20_000) == 2).all()
    (nuclide,) = read_nuclides("li8")
    total = totals(lithium)
    assert total.max() < nuclide.q_value + 0.0919
    boron = draw("b12")
    three = np.bincount(boron.decay[boron.particle == ALPHA], minlength=N)
    assert set(three) == {0, 3}
    expected = 0.0054 + 0.00062
    assert abs((three > 0).mean() - expected) < 4.0 * np.sqrt(expected / N)


def test_alphas_of_12c_share_its_energy_above_the_threshold():
    (nuclide,) = read_nuclides("b12")
    decays = Decay.of(fed_at(nuclide, 2)).sample(1000, generator=np.random.default_rng(3))
    np.testing.assert_allclose(totals(decays), 7.6542 - 7.2747, atol=2e-4)


def test_the_mean_energy_of_electrons_of_an_allowed_decay():
    electrons = draw("he6").energy
    assert electrons.mean() == pytest.approx(1.5676, rel=0.01)


def test_decays_do_not_depend_on_each_other():
    """The sum over one half of the decays says nothing about the other half."""
    energy = totals(draw("co60", 40_000))
    odd, even = energy[1::2], energy[::2]
    assert abs(np.corrcoef(odd, even)[0, 1]) < 4.0 / np.sqrt(20_000)
