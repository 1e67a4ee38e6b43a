"""Light of tracks: Birks, Cherenkov, alphas."""

import numpy as np
import pytest

from kzcal.geometry.compositions import composition
from kzcal.physics.alphas import alpha_stopping
from kzcal.physics.cherenkov import WAVELENGTHS_NM, electron_speed, photons_per_cm
from kzcal.physics.tracks import ENERGY, alpha_tracks, electron_tracks

INDEX = np.full_like(WAVELENGTHS_NM, 1.45)


@pytest.fixture(scope="module")
def liquid():
    hydrogen = 1.97 * 1.008 / (1.97 * 1.008 + 12.011)
    return composition("LS", 0.78, {"H": hydrogen, "C": 1 - hydrogen})


@pytest.mark.parametrize(
    ("birks", "expected"),
    [
        (0.10, {0.1: 0.9165, 0.5: 0.9669, 1.0: 0.9758, 2.0: 0.9806, 3.0: 0.9821}),
        (0.13, {0.1: 0.8968, 0.5: 0.9581, 1.0: 0.9691, 2.0: 0.9751, 3.0: 0.9770}),
    ],
)
def test_quenching_of_electrons(liquid, birks, expected):
    # An independent integration of Birks' law, within 0.1 %.
    energy = np.array(list(expected))
    found = electron_tracks(liquid, birks, INDEX).at("quenched", energy) / energy
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-3)


def test_quenching_of_slow_electrons_is_that_of_tan_and_xia():
    # Ultima Gold (C16.8 H24.5 O1.5) and kB = 0.1 mm/MeV, as in TDCRPy's tables.
    cocktail = composition("cocktail", 0.96, {"H": 0.0988, "C": 0.8073, "O": 0.0939})
    energy = np.array([0.1, 0.5, 1.0, 2.0])
    found = electron_tracks(cocktail, 0.10, INDEX).at("quenched", energy) / energy
    np.testing.assert_allclose(found, [0.9052, 0.9616, 0.9716, 0.9768], rtol=3e-3)


def test_without_birks_constant_nothing_is_quenched(liquid):
    np.testing.assert_allclose(electron_tracks(liquid, 0.0, INDEX).quenched, ENERGY)
    np.testing.assert_allclose(alpha_tracks(liquid, 0.0).quenched, ENERGY)


def test_quenching_of_alphas(liquid):
    # 210Po, 214Po, 212Po with kB = 0.13 mm/MeV by an independent integration; ASTAR carried
    # over to the liquid is good to 3 %.
    found = alpha_tracks(liquid, 0.13).at("quenched", np.array([5.304, 7.687, 8.784]))
    np.testing.assert_allclose(found, [0.3335, 0.5933, 0.7332], rtol=0.03)


def test_ranges_of_alphas(liquid):
    found = alpha_tracks(liquid, 0.13).at("range", np.array([5.304, 7.687, 8.784]))
    np.testing.assert_allclose(found, [47e-6, 85e-6, 105e-6], rtol=0.03)


def test_alpha_stopping_of_toluene_is_astar():
    toluene = composition("toluene", 0.8669, {"H": 0.08751, "C": 0.91249})
    found = alpha_stopping(toluene, np.array([0.001, 8.0, 12.0]))
    assert found[0] == pytest.approx(426.6)
    assert found[1] == pytest.approx(645.0)
    # Bethe's formula beyond the table: nearly as 1 / E.
    assert 645 * 8 / 12 < found[2] < 645 * (8 / 12) ** 0.7


def test_frank_and_tamm_by_hand():
    # 2 pi alpha (1/200 nm - 1/700 nm) (1 - 1/n^2) for the speed of light.
    expected = 2 * np.pi / 137.036 * (1 / 200e-7 - 1 / 700e-7) * (1 - 1.45**-2)
    found = photons_per_cm(np.array([1.0, 1 / 1.45, 0.5]), INDEX)
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert found[1] == pytest.approx(0, abs=1e-6)
    assert found[2] == 0


def test_cherenkov_light_begins_at_the_threshold(liquid):
    tables = electron_tracks(liquid, 0.13, INDEX)
    threshold = 0.51099895 * (1 / np.sqrt(1 - 1.45**-2) - 1)
    below, above = tables.at("cherenkov", np.array([threshold * 0.99, threshold * 1.05]))
    assert below == 0
    assert above > 0
    assert electron_speed(np.array([threshold]))[0] == pytest.approx(1 / 1.45)
    assert (np.diff(tables.cherenkov) >= 0).all()
    lit = tables.cherenkov > 1e-3
    assert (tables.beta[lit] > 1 / 1.45).all()
    assert (tables.beta[lit] < electron_speed(ENERGY[lit])).all()
    assert (np.diff(tables.beta[lit]) > 0).all()


def test_cherenkov_scale_scales(liquid):
    one, half = electron_tracks(liquid, 0.13, INDEX), electron_tracks(liquid, 0.13, INDEX, 0.5)
    np.testing.assert_allclose(half.cherenkov, 0.5 * one.cherenkov)
    np.testing.assert_allclose(half.beta[one.cherenkov > 0], one.beta[one.cherenkov > 0])
    np.testing.assert_array_equal(half.quenched, one.quenched)


def test_tables_end_at_zero_energy(liquid):
    tables = electron_tracks(liquid, 0.13, INDEX)
    for column in ("quenched", "cherenkov", "forward", "end", "range"):
        assert tables.at(column, np.array([0.0]))[0] == 0
