"""The full tracer against what is known without it.

Statistical bounds are five standard deviations unless another is named; seeds are fixed.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from clear_detector import BLACK, COLOUR, EFFICIENCY, clear_detector, clear_materials
from scipy import stats
from scipy.spatial.transform import Rotation

from kzcal.errors import ConfigurationError, DetectorError
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.optics import tracer as tracer_module
from kzcal.optics.photons_lookup import half_angles
from kzcal.optics.tracer import SLOPES, FullTracer

CENTRE = np.zeros((1, 3))


def seeded(seed=7):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def nominal():
    return FullTracer(load_detector(), load_materials())


def covered(detector):
    """Share of the sphere that the discs cover."""
    return float(np.sum(1 - np.cos(half_angles(detector)))) / 2


def solid_angle_share(detector, point):
    """Of each disc from a point, by quadrature over the disc through its rim."""
    half = half_angles(detector)
    axis = detector.directions
    centre = detector.pmt_radius * np.cos(half)[:, None] * axis
    first = np.cross(axis, [0.3, 0.5, 0.81])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(axis, first)
    share = np.zeros(detector.n_pmt)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    for s, w in zip((nodes + 1) / 2, weights / 2, strict=True):
        for phi in 2 * np.pi * (np.arange(12) + 0.5) / 12:
            r = detector.aperture_radius[:, None] * np.sqrt(s)
            place = centre + r * (np.cos(phi) * first + np.sin(phi) * second)
            way = place - point
            square = (way**2).sum(1)
            cosine = (way * axis).sum(1) / np.sqrt(square)
            share += w / 12 * cosine / square
    return share * detector.aperture_radius**2 / 4


def in_standard_deviations(found, expected, trials):
    return (found - expected) / np.sqrt(expected * (1 - expected / trials))


@pytest.mark.parametrize("radii", [(9.0,), (1.0, 3.0, 9.0)])
def test_clear_detector_collects_the_solid_angle_of_its_discs(radii):
    detector, n = clear_detector(radii=radii), 400_000
    point = np.array([[3.0, -4.0, 2.0]])
    found = FullTracer(detector, clear_materials()).trace(point, n, generator=seeded())
    counts = np.bincount(found.pmt, minlength=detector.n_pmt)
    expected = n * solid_angle_share(detector, point)
    assert abs(in_standard_deviations(counts.sum(), expected.sum(), n)) < 5
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - detector.n_pmt) < 5 * np.sqrt(2 * detector.n_pmt)


def test_centre_sees_the_coverage():
    detector, n = clear_detector(), 400_000
    found = FullTracer(detector, clear_materials()).trace(CENTRE, n, generator=seeded())
    assert abs(in_standard_deviations(len(found.pmt), n * covered(detector), n)) < 5
    assert covered(detector) == pytest.approx(detector.photocoverage, rel=5e-4)
    assert found.weight == pytest.approx(EFFICIENCY)
    assert np.abs(found.slopes).max() < 1e-10


@pytest.mark.parametrize("radii", [(9.0,), (2.0, 6.5, 9.0)])
def test_absorption_is_exponential(radii):
    light = replace(BLACK, absorption_scale=2.0)
    detector, n = clear_detector(light, radii), 400_000
    found = FullTracer(detector, clear_materials(10.0)).trace(CENTRE, n, generator=seeded())
    survived = found.fates["detected"] + found.fates["lost in the sheet"]
    depth = detector.pmt_radius / 20.0
    assert abs(in_standard_deviations(survived, n * np.exp(-depth), n)) < 5
    np.testing.assert_allclose(found.slopes[:, 0], depth, rtol=1e-6)


def test_diffuse_walls_make_an_integrating_sphere():
    # Lambert's law in a sphere spreads light evenly over it, wherever it was reflected.
    detector, n = clear_detector(replace(BLACK, sheet_reflectivity=0.6)), 200_000
    found = FullTracer(detector, clear_materials()).trace(CENTRE, n, generator=seeded())
    share = covered(detector)
    expected = n * share / (1 - 0.6 * (1 - share))
    assert abs(in_standard_deviations(len(found.pmt), expected, n)) < 5
    assert found.slopes[:, 3].mean() == pytest.approx(
        0.6 * (1 - share) / (1 - 0.6 * (1 - share)), abs=0.02
    )


def test_quantum_efficiency_is_of_what_is_not_reflected():
    detector = clear_detector(replace(BLACK, pmt_reflectivity=0.4))
    n = 400_000
    found = FullTracer(detector, clear_materials()).trace(CENTRE, n, generator=seeded())
    # The first meeting alone: light that was mirrored comes back late.
    first = found.time < 1.5 * found.time.min()
    expected = 0.6 * n * covered(detector)
    assert abs(in_standard_deviations(first.sum(), expected, n)) < 5
    np.testing.assert_allclose(found.slopes[first, 2], -0.4 / 0.6, rtol=1e-6)
    assert found.slopes[~first, 2].min() > 0.3


def test_angular_response_is_linear_in_the_cosine():
    light = replace(BLACK, angular_slope=1.0)
    tracer = FullTracer(clear_detector(light), clear_materials())
    n, point = 400_000, np.array([[0.0, 0.0, 6.0]])
    flat = FullTracer(clear_detector(), clear_materials())
    axis = load_detector().directions
    way = axis * 8.5 - point
    cosine = (way * axis).sum(1) / np.linalg.norm(way, axis=1)
    with_slope = tracer.trace(point, n, generator=seeded())
    without = flat.trace(point, n, generator=seeded(8))
    for low, high in ((0.70, 0.75), (0.80, 0.85), (0.95, 1.0)):
        inside = (cosine > low) & (cosine < high)
        ratio = inside[with_slope.pmt].sum() * with_slope.weight
        ratio /= inside[without.pmt].sum() * without.weight
        weights = solid_angle_share(load_detector(), point)[inside]
        expected = 1 + np.average(cosine[inside], weights=weights) - 0.85
        assert ratio == pytest.approx(expected, rel=0.03)


def test_time_is_the_way_over_the_group_velocity():
    detector, materials = clear_detector(), clear_materials()
    velocity = materials.group_velocity("clear", np.array([COLOUR]))[0]
    tracer = FullTracer(detector, materials)
    found = tracer.trace(CENTRE, 10_000, generator=seeded())
    np.testing.assert_allclose(found.time, detector.pmt_radius / velocity, rtol=1e-6)
    point = np.array([[1.0, 2.0, -5.0]])
    found = tracer.trace(point, 10_000, generator=seeded())
    distance = np.linalg.norm(detector.positions[found.pmt] - point, axis=1)
    rim = detector.aperture_radius[found.pmt] + 0.01
    assert (np.abs(found.time * velocity - distance) < rim).all()


@pytest.mark.parametrize("point", [(0.0, 0.0, 0.0), (4.0, 2.0, -3.0), (0.0, 0.0, 7.5)])
def test_every_photon_ends_in_one_way(nominal, point):
    n = 50_000
    found = nominal.trace(np.array([point]), n, generator=seeded())
    assert sum(found.fates.values()) == n
    assert found.fates["too many steps"] == found.fates["outside"] == 0
    assert found.fates["detected"] == len(found.pmt) == len(found.time) == len(found.slopes)


def test_light_from_beyond_the_pmts_is_told(nominal):
    found = nominal.trace(np.array([[0.0, 8.6, 0.0], [0.0, np.nan, 0.0]]), 50, generator=seeded())
    assert found.fates["outside"] == 100


def test_a_rotated_detector_sees_the_rotated_light(nominal):
    turn = Rotation.from_rotvec([0.4, -0.9, 1.3]).as_matrix()
    detector = load_detector()
    turned = FullTracer(replace(detector, positions=detector.positions @ turn.T), load_materials())
    point, n = np.array([[2.0, 3.0, -1.5]]), 300_000
    one = nominal.trace(point, n, generator=seeded(1))
    two = turned.trace(point @ turn.T, n, generator=seeded(2))
    a, b = (np.bincount(f.pmt, minlength=detector.n_pmt) for f in (one, two))
    chi2 = ((a - b) ** 2 / np.maximum(a + b, 1)).sum()
    assert abs(chi2 - detector.n_pmt) < 5 * np.sqrt(2 * detector.n_pmt)
    # False alarms: 1 in 10^6.
    assert stats.ks_2samp(one.time, two.time).pvalue > 1e-6


def test_a_key_decides_every_photon(nominal):
    points = np.array([[0.0, 0.0, 1.0], [0.0, 5.0, 0.0]])
    one, two, other = (nominal.trace(points, 3000, generator=seeded(s)) for s in (4, 4, 5))
    for name in ("source", "pmt", "time", "slopes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert len(one.time) != len(other.time) or (one.time != other.time).any()


def test_threads_and_blocks_change_nothing(nominal, monkeypatch):
    points = np.random.default_rng(1).normal(size=(20, 3))
    before = nominal.trace(points, 1000, generator=seeded())
    threads = torch.get_num_threads()
    monkeypatch.setattr(tracer_module, "BLOCK", 333)
    torch.set_num_threads(4)
    after = nominal.trace(points, 1000, generator=seeded())
    torch.set_num_threads(threads)
    for name in ("source", "pmt", "time", "slopes"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert before.fates == after.fates


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_are_those_of_traces_with_other_parameters(name):
    detector, n, step = load_detector(), 1_200_000, 0.3
    point = np.array([[3.0, 0.0, -4.0]])
    light = replace(detector.light, scattering_scale=0.5, pmt_reflectivity=0.3)
    light = replace(light, sheet_reflectivity=0.3)

    def traced(factor, seed):
        moved = replace(light, **{name: getattr(light, name) * factor})
        tracer = FullTracer(replace(detector, light=moved), load_materials())
        return tracer.trace(point, n, generator=seeded(seed))

    middle, low, high = traced(1.0, 1), traced(np.exp(-step), 2), traced(np.exp(step), 3)
    late = np.median(middle.time) + 15
    for chosen in (lambda f: f.time < late, lambda f: f.time >= late):
        slope = middle.slopes[chosen(middle), SLOPES.index(name)]
        counts = [chosen(f).sum() for f in (low, high)]
        ratio = np.log(counts[1] * high.weight / (counts[0] * low.weight)) / (2 * step)
        error = np.sqrt(1 / counts[0] + 1 / counts[1]) / (2 * step)
        error = np.hypot(error, slope.std() / np.sqrt(len(slope)))
        # The third derivative of the log is left out: 0.01 at this step.
        assert abs(slope.mean() - ratio) < 4 * error + 0.01


def test_kamland_zen_800_sees_350_photoelectrons_per_visible_mev(nominal):
    # A visible MeV is the light of 1 / 2.2246 of an n-H gamma: 0.96 quenched MeV.
    found = nominal.trace(CENTRE, 300_000, generator=seeded())
    photons = 0.96 * load_detector().media[0].photons_per_mev
    assert found.weight * len(found.pmt) / 300_000 * photons == pytest.approx(350, abs=40)


def test_kamland2_zen_gains_what_its_tubes_gain_less_what_the_film_takes(nominal):
    better = load_detector("kamland2-zen")
    bare = FullTracer(replace(better, media=load_detector().media), load_materials())
    filmed = FullTracer(better, load_materials())
    n = 300_000
    traced = [t.trace(CENTRE, n, generator=seeded()) for t in (nominal, bare, filmed)]
    light = [found.weight * len(found.pmt) for found in traced]
    # Without the film the histories are the same: the gain is exact.
    assert light[1] / light[0] == pytest.approx(1.8 * 1.9, rel=1e-9)
    assert 0.9 < light[2] / light[1] < 1.0


def test_the_acrylic_sphere_takes_hardly_any_light(nominal):
    detector, n = load_detector(), 300_000
    *liquids, oil = detector.media
    media = (
        *liquids,
        replace(oil, outer_radius_m=8.247),
        replace(oil, material="acrylic", inner_radius_m=8.247, outer_radius_m=8.25),
        replace(oil, inner_radius_m=8.25),
    )
    walled = FullTracer(replace(detector, media=media), load_materials())
    one, two = (len(t.trace(CENTRE, n, generator=seeded()).pmt) for t in (nominal, walled))
    assert 0.97 < two / one < 1 + 5 * np.sqrt(2 / one)


def test_errors_say_what_to_change(nominal):
    with pytest.raises(ConfigurationError, match=r"ceiling .* must be positive, got 0"):
        FullTracer(load_detector(), load_materials(), 0.0)
    with pytest.raises(ConfigurationError, match="one of scintillation, cherenkov, got 'laser'"):
        nominal.trace(CENTRE, 1, spectrum="laser", generator=seeded())
    with pytest.raises(DetectorError, match=r"sheet_reflectivity must be from 0 to 1, got 1\.1"):
        FullTracer(clear_detector(replace(BLACK, sheet_reflectivity=1.1)), clear_materials())
