"""Single steps of a photon's history: directions, reflections, colours, and the way to a PMT."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.optics import photons, random_directions
from kzcal.optics.photons_tables import QUANTILES, SHORTEST_NM, WAVELENGTHS, photon_tables

N = 20_000
LEAST = 1e-5
"""Least p-value: the rate of false alarms of a test."""


@pytest.fixture(scope="module")
def tables():
    return photon_tables(load_detector(), load_materials())


def drawn(function, *arguments, n=N):
    """What a compiled step gives for so many states of its random numbers."""
    states = np.random.default_rng(3).integers(0, 2**63, n, dtype=np.uint64)
    return np.array([function(state, *arguments)[1] for state in states])


def uniform_cosine(cosine, low=-1.0):
    return stats.kstest(cosine, stats.uniform(low, 1 - low).cdf).pvalue


def test_uniform_numbers_of_neighbouring_photons_are_independent():
    first, second = [], []
    for number in range(N):
        state = random_directions.first_state(np.uint64(12345), number)
        _, a, b = random_directions.two_uniforms(np.uint64(state))
        first.append(a)
        second.append(b)
    assert stats.kstest(first, "uniform").pvalue > LEAST
    assert stats.kstest(second, "uniform").pvalue > LEAST
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(N)
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 5 / np.sqrt(N)


def test_isotropic_light_has_no_direction():
    direction = drawn(random_directions.isotropic)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1.0, rtol=1e-12)
    for axis in direction.T:
        assert uniform_cosine(axis) > LEAST


def test_scattered_light_follows_rayleighs_phase_function():
    before = np.array([0.48, -0.6, 0.64])
    cosine = drawn(random_directions.rayleigh, tuple(before)) @ before

    def cumulative(c):
        return (c + c**3 / 3 + 4 / 3) / (8 / 3)

    assert stats.kstest(cosine, cumulative).pvalue > LEAST


def test_black_sheet_reflects_by_lamberts_law():
    normal = np.array([0.0, 0.6, 0.8])
    cosine = -(drawn(random_directions.diffuse, tuple(normal)) @ normal)
    assert (cosine > 0).all()
    assert stats.kstest(cosine**2, "uniform").pvalue > LEAST


@pytest.mark.parametrize("axis", [(0, 0, 1), (0, 0, -1), (0.48, -0.6, 0.64), (1, 0, 0)])
@pytest.mark.parametrize("cosine", [-0.3, 0.0, 0.7, 1.0])
def test_a_cone_keeps_its_angle_and_goes_all_around(axis, cosine):
    axis = tuple(float(a) for a in axis)
    direction = drawn(random_directions.on_cone, axis, cosine, n=4000)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(direction @ axis, cosine, atol=1e-12)
    across = direction - cosine * np.array(axis)
    assert np.abs(across.mean(0)).max() < 5 / np.sqrt(4000)


def test_a_pmt_mirrors_about_the_normal(tables):
    mirror = tables._replace(pmt_reflectivity=1.0)
    face = load_detector().directions[700]
    before = np.array([0.3, 0.2, -0.1]) + 2 * face
    before /= np.linalg.norm(before)
    place = tuple(face * tables.pmt_radius)
    _, fate, pmt, after = photons.at_the_sphere(np.uint64(5), place, tuple(before), 200, mirror)
    assert (fate, pmt) == (photons.MIRRORED, 700)
    np.testing.assert_allclose(after, before - 2 * (before @ face) * face, atol=1e-12)


def test_every_direction_finds_its_pmt(tables):
    detector = load_detector()
    unit = np.random.default_rng(0).normal(size=(N, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    found = np.array([photons.pmt_at(tuple(u), tables) for u in unit])
    inside = unit @ detector.directions.T > tables.pmt[:, 3]
    assert inside.sum(1).max() == 1
    np.testing.assert_array_equal(found, np.where(inside.any(1), inside.argmax(1), -1))
    centres = [photons.pmt_at(tuple(u), tables) for u in detector.directions]
    np.testing.assert_array_equal(centres, np.arange(detector.n_pmt))


def test_corners_of_the_lookup_find_their_pmt(tables):
    detector = load_detector()
    for corner in np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T:
        unit = corner / np.sqrt(3)
        inside = np.flatnonzero(detector.directions @ unit > tables.pmt[:, 3])
        found = photons.pmt_at(tuple(unit), tables)
        assert found == (inside[0] if len(inside) else -1)


def test_reemission_goes_to_longer_waves_and_its_probability_is_the_tables(tables):
    for wavelength in (360, 400, 430):
        colour = wavelength - SHORTEST_NM
        states = np.random.default_rng(4).integers(0, 2**63, N, dtype=np.uint64)
        after = np.array([photons.reemission(s, 1, colour, tables)[1] for s in states])
        again = after >= 0
        probability = tables.medium[1, colour, 3]
        assert abs(again.mean() - probability) < 5 * np.sqrt(probability / N)
        assert (after[again] >= colour).all()
        spectrum = load_materials().emission("scintillator", WAVELENGTHS)[colour + 1 :]
        mean = np.average(WAVELENGTHS[colour + 1 :], weights=spectrum)
        assert WAVELENGTHS[after[again]].mean() == pytest.approx(mean, abs=1.5)


def test_reemission_by_kasha_s_rule_has_the_whole_spectrum():
    detector = load_detector()
    relaxed = replace(detector.light, reemission_longer=0.0)
    tables = photon_tables(replace(detector, light=relaxed), load_materials())
    states = np.random.default_rng(5).integers(0, 2**63, N, dtype=np.uint64)
    spectrum = load_materials().emission("scintillator", WAVELENGTHS)
    mean = np.average(WAVELENGTHS, weights=spectrum)
    for wavelength in (360, 400, 430):
        colour = wavelength - SHORTEST_NM
        after = np.array([photons.reemission(s, 1, colour, tables)[1] for s in states])
        again = after >= 0
        probability = tables.medium[1, colour, 3]
        assert abs(again.mean() - probability) < 5 * np.sqrt(probability / N)
        assert WAVELENGTHS[after[again]].mean() == pytest.approx(mean, abs=2.0)
    dull = [not load_materials().emission(m.material, WAVELENGTHS).any() for m in detector.media]
    assert any(dull)
    assert (tables.cumulative[[*dull][: len(tables.cumulative)]] == 1).all()


def test_reemission_waits_its_mean_delay(tables):
    states = np.random.default_rng(4).integers(0, 2**63, N, dtype=np.uint64)
    waits = np.array([photons.reemission(s, 1, 155, tables)[2] for s in states])
    assert stats.kstest(waits[waits > 0], stats.expon(scale=1.5).cdf).pvalue > LEAST


def test_emitted_colours_are_those_of_the_spectrum(tables):
    materials = load_materials()
    rows = tables.emitted[1]
    assert len(rows) == QUANTILES
    spectrum = materials.emission("scintillator", WAVELENGTHS)
    expected = np.cumsum(spectrum) / spectrum.sum()
    found = np.cumsum(np.bincount(rows, minlength=len(WAVELENGTHS))) / QUANTILES
    np.testing.assert_allclose(found, expected, atol=1 / QUANTILES)
    inverse_square = WAVELENGTHS[tables.emitted[-1]]
    assert inverse_square.max() <= 700
    assert (1 / inverse_square).mean() == pytest.approx(
        np.average(1 / WAVELENGTHS[:501], weights=WAVELENGTHS[:501] ** -2), rel=1e-3
    )


def test_a_flight_crosses_every_shell(tables):
    # Along a chord that misses the inner balloon by less than its radius and one that misses it.
    for miss, shells in ((1.0, [2, 1, 0, 1, 2]), (3.0, [2, 1, 2])):
        start = (-8.0, miss, 0.0)
        free = tables._replace(medium=tables.medium * np.array([0.0, 0.0, 1.0, 1.0]))
        end, medium, stopped, flown = photons.flight(start, (1.0, 0.0, 0.0), 2, 230, 1.0, free)
        assert medium == 2
        assert not stopped
        np.testing.assert_allclose(np.linalg.norm(end), tables.pmt_radius, rtol=1e-12)
        bounds = np.sqrt(np.array([1.92, 6.5]) ** 2 - miss**2 + 0j).real
        inner, middle = 2 * bounds
        ways = np.array([inner, middle - inner, end[0] + 8.0 - middle])
        assert flown[2] == pytest.approx(ways @ tables.medium[:, 230, 2], rel=1e-12)
        assert len(shells) == 2 * (ways > 0).sum() - 1


def test_a_depth_ends_the_flight_where_it_is_used_up(tables):
    row = tables.medium[1, 230]
    start, depth = (3.0, 0.0, 0.0), 0.01
    end, medium, stopped, flown = photons.flight(start, (0.0, 1.0, 0.0), 1, 230, depth, tables)
    assert stopped
    assert medium == 1
    assert flown[0] + flown[1] == pytest.approx(depth, rel=1e-12)
    assert end[1] == pytest.approx(depth / (row[0] + row[1]), rel=1e-12)


def test_tables_follow_the_scales(tables):
    detector = load_detector()
    light = replace(detector.light, absorption_scale=2.0, scattering_scale=0.5)
    scaled = photon_tables(replace(detector, light=light), load_materials())
    np.testing.assert_allclose(scaled.medium[..., 0], tables.medium[..., 0] / 2)
    np.testing.assert_allclose(scaled.medium[..., 1], tables.medium[..., 1] * 2)
    np.testing.assert_array_equal(scaled.medium[..., 2:], tables.medium[..., 2:])
