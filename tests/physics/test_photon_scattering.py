"""Compton and Rayleigh scattering against integrals of their cross-sections."""

import numba
import numpy as np
import pytest

from kzcal.geometry.compositions import load_compositions
from kzcal.physics.cross_sections import frozen_tables, photon_tables
from kzcal.physics.photon_scattering import (
    ELECTRON_MASS,
    compton,
    rayleigh,
    turn,
    turn_anywhere,
    uniform,
)

N = 40_000
COSINE = np.linspace(-1, 1, 20_001)


@pytest.fixture(scope="module")
def liquid():
    return load_compositions()["xenon_scintillator"]


@pytest.fixture(scope="module")
def tables(liquid):
    return photon_tables([liquid])


@numba.njit
def compton_cosines(energy, incoherent, span, n):
    state = np.zeros(1, np.uint64)
    drawn = np.empty((n, 2))
    for i in range(n):
        drawn[i] = compton(state, energy, incoherent, 0, span)
    return drawn


@numba.njit
def rayleigh_cosines(energy, form_factor, span, n):
    state = np.ones(1, np.uint64)
    drawn = np.empty(n)
    for i in range(n):
        drawn[i] = rayleigh(state, energy, form_factor, 0, span)
    return drawn


@numba.njit
def turned(cosine, n):
    state = np.ones(1, np.uint64)
    drawn = np.empty((n, 3))
    photon = np.zeros(8)
    for i in range(n):
        turn_anywhere(state, photon)
        start = photon[4:7].copy()
        turn(state, photon, cosine)
        drawn[i, 0] = (start * photon[4:7]).sum()
        drawn[i, 1] = (photon[4:7] ** 2).sum()
        drawn[i, 2] = photon[6]
    return drawn


@numba.njit
def uniforms(n):
    state = np.zeros(1, np.uint64)
    drawn = np.empty(n)
    for i in range(n):
        drawn[i] = uniform(state)
    return drawn


def mixed(liquid, name, energy):
    """Sum of the atoms' S, or of their squared F, per gram, at the angles COSINE."""
    frozen = frozen_tables()
    x = np.sqrt((1 - COSINE) / 2) * energy / 0.0123984198
    total = np.zeros_like(x)
    for symbol, atoms in zip(liquid.elements, liquid.atoms_per_gram, strict=True):
        value = np.interp(x, frozen["transfer"], frozen[f"{symbol}_{name}"])
        total += atoms * (value**2 if name == "form_factor" else value)
    return total


def moments(density, values):
    mean = (density * values).sum() / density.sum()
    return mean, np.sqrt((density * (values - mean) ** 2).sum() / density.sum())


@pytest.mark.parametrize("energy", [0.005, 0.03, 0.3, 2.2, 15.0])
def test_compton_angles_and_energies(tables, liquid, energy):
    """Mean cosine and energy at 4.5 standard errors: a false alarm in 15000 seeds of all ten."""
    ratio = 1 / (1 + energy / ELECTRON_MASS * (1 - COSINE))
    nishina = ratio**2 * (ratio + 1 / ratio - 1 + COSINE**2)
    density = nishina * mixed(liquid, "incoherent", energy)
    drawn = compton_cosines(energy, tables.incoherent, (tables.first, tables.last), N)
    np.testing.assert_allclose(
        drawn[:, 0], 1 / (1 + energy / ELECTRON_MASS * (1 - drawn[:, 1])), rtol=1e-9
    )
    for column, values in ((0, ratio), (1, COSINE)):
        mean, spread = moments(density, values)
        assert abs(drawn[:, column].mean() - mean) < 4.5 * spread / np.sqrt(N)


@pytest.mark.parametrize("energy", [0.005, 0.03, 0.15])
def test_rayleigh_angles(tables, liquid, energy):
    density = (1 + COSINE**2) * mixed(liquid, "form_factor", energy)
    drawn = rayleigh_cosines(energy, tables.form_factor, (tables.first, tables.last), N)
    mean, spread = moments(density, COSINE)
    assert (np.abs(drawn) <= 1).all()
    # A false alarm in one of 50000 seeds of all three; the table is read to 0.1 % of the width.
    assert abs(drawn.mean() - mean) < 4.5 * spread / np.sqrt(N) + 1e-3 * spread


@pytest.mark.parametrize("cosine", [1.0, 0.3, -0.8, -1.0])
def test_turning(cosine):
    drawn = turned(cosine, 5000)
    np.testing.assert_allclose(drawn[:, 0], cosine, atol=1e-12)
    np.testing.assert_allclose(drawn[:, 1], 1, atol=1e-12)
    # Directions stay isotropic; 4.5 standard errors.
    assert abs(drawn[:, 2].mean()) < 4.5 / np.sqrt(3 * 5000)


def test_uniform_numbers():
    drawn = uniforms(100_000)
    assert drawn.min() > 0
    assert drawn.max() < 1
    # 4.5 standard errors each.
    assert abs(drawn.mean() - 0.5) < 4.5 / np.sqrt(12 * 1e5)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4.5 / np.sqrt(1e5)
    counts = np.histogram(drawn, 100, (0, 1))[0]
    assert abs(((counts - 1000) ** 2 / 1000).sum() - 99) < 4.5 * np.sqrt(2 * 99)
