"""Double beta decay of 136Xe against the figures of its theory."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.particles import ELECTRON, GAMMA
from kzcal.physics.beta import ELECTRON_MASS
from kzcal.physics.double_beta import (
    EXCITED,
    Q_VALUE,
    electron_pairs,
    electron_weight,
    excited,
    neutrinoless,
    sum_spectrum,
    two_neutrino,
)

N = 200_000


def draw(source, n: int = N):
    return source.sample(n, generator=np.random.default_rng(5))


def speeds(energy: np.ndarray) -> np.ndarray:
    return np.sqrt(1.0 - 1.0 / (1.0 + energy / ELECTRON_MASS) ** 2)


# Fractions of decays whose sum is above so many MeV, with full lepton energy denominators.
@pytest.mark.parametrize(
    ("above", "fraction", "tolerance"),
    [
        (0.5, 0.8206, 0.002),
        (1.0, 0.3811, 0.002),
        (1.5, 0.0713, 0.002),
        (2.0, 1.747e-3, 0.005),
        (2.2, 7.22e-5, 0.01),
        (2.3, 4.32e-6, 0.015),
        (2.35, 4.69e-7, 0.02),
    ],
)
def test_the_tail_of_the_sum_spectrum(above: float, fraction: float, tolerance: float):
    source = two_neutrino()
    found = 1.0 - np.interp(above, source.total, source.cumulative)
    assert found == pytest.approx(fraction, rel=tolerance)


def test_the_bulk_of_the_sum_spectrum():
    source = two_neutrino()
    middle = (source.total[1:] + source.total[:-1]) / 2.0
    share = np.diff(source.cumulative)
    assert (middle * share).sum() == pytest.approx(0.8877, rel=2e-3)
    assert middle[share.argmax()] == pytest.approx(0.820, abs=0.005)
    median, most = np.interp([0.5, 0.99], source.cumulative, source.total)
    assert median == pytest.approx(0.8684, rel=2e-3)
    assert most == pytest.approx(1.820, rel=2e-3)


def test_the_sum_spectrum_has_its_closed_form():
    total = np.linspace(0.1, 2.4, 200)
    terms = (1.0, 3.00644, 5.26457, -0.338345, 1.6541, -0.549462, 0.0765396)
    closed = total * (Q_VALUE - total) ** 5 * np.polyval(terms[::-1], total)
    ratio = sum_spectrum(Q_VALUE, total) / closed
    # Point-charge Fermi functions alone differ from the full calculation by up to 0.5 %.
    np.testing.assert_allclose(ratio / ratio.mean(), 1.0, atol=0.01)


def test_single_electrons():
    energy = draw(two_neutrino()).energy
    assert energy.mean() == pytest.approx(0.4439, rel=0.004)
    assert np.quantile(energy, [0.5, 0.9]) == pytest.approx([0.379, 0.904], rel=0.006)


@pytest.mark.parametrize(("source", "weight"), [(two_neutrino(), 0.5716), (neutrinoless(), 0.845)])
def test_electrons_leave_opposite_to_each_other_as_their_speeds_say(source, weight: float):
    decays = draw(source)
    product = speeds(decays.energy.reshape(-1, 2)).prod(axis=1)
    assert product.mean() == pytest.approx(weight, rel=0.004)
    first, second = decays.direction.reshape(-1, 2, 3).transpose(1, 0, 2)
    cosine = (first * second).sum(axis=1)
    # Mean of (1 - w cos) / 2 is -w / 3; four standard errors.
    assert abs(cosine.mean() + product.mean() / 3.0) < 4.0 * cosine.std() / np.sqrt(len(cosine))


def test_electrons_as_a_pair_point_anywhere():
    direction = draw(two_neutrino()).direction
    assert (np.abs(direction.mean(axis=0)) < 4.0 / np.sqrt(3.0 * N)).all()


def test_without_neutrinos_all_of_q_is_there_and_shared_as_phase_space_says():
    decays = draw(neutrinoless())
    energy = decays.energy.reshape(-1, 2)
    np.testing.assert_allclose(energy.sum(axis=1), Q_VALUE, rtol=1e-12)
    assert energy[:, 0].mean() == pytest.approx(Q_VALUE / 2.0, rel=0.005)
    grid = (np.arange(2000) + 0.5) / 2000 * Q_VALUE
    weight = electron_weight(grid) * electron_weight(Q_VALUE - grid)
    expected = weight[grid < 0.5].sum() / weight.sum()
    error = np.sqrt(expected * (1.0 - expected) / N)
    assert abs((energy[:, 0] < 0.5).mean() - expected) < 4.0 * error


def test_the_excited_state_sends_two_gammas_after_softer_electrons():
    decays = draw(excited(), 5000)
    gammas = decays.energy[decays.particle == GAMMA].reshape(-1, 2)
    assert sorted(set(gammas.ravel())) == sorted(EXCITED)
    electrons = (
        decays.decay[decays.particle == ELECTRON],
        decays.energy[decays.particle == ELECTRON],
    )
    total = np.bincount(*electrons)
    assert total.max() < Q_VALUE - sum(EXCITED)


def test_pairs_have_flat_sums_and_share_them_as_double_beta_decay_does():
    primaries = draw(electron_pairs(2.0, 2.6), 50_000)
    total = primaries.energy.reshape(-1, 2).sum(axis=1)
    assert (np.diff(primaries.offsets) == 2).all()
    # Kolmogorov's distance of 50,000 from the uniform law passes 0.0109 once in 1e5 times.
    ranks = (np.arange(len(total)) + 0.5) / len(total)
    assert np.abs(np.sort((total - 2.0) / 0.6) - ranks).max() < 0.0109
    shares = [np.sort(draw(s, 20_000).energy) for s in (electron_pairs(Q_VALUE), neutrinoless())]
    # The same law seen through 40,000 quantiles: Kolmogorov's distance of two samples of 20,000
    # passes 0.0247 once in 1e5 times.
    below = np.searchsorted(shares[0], shares[1]) / 40_000
    assert np.abs(below - (np.arange(40_000) + 0.5) / 40_000).max() < 0.0247


def test_pairs_need_energies_that_ascend():
    with pytest.raises(ConfigurationError, match="energy_to is at least energy"):
        electron_pairs(2.0, 1.0)
