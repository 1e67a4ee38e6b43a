"""The generating rule against the coordinate table that it replaces."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from kzcal.errors import DetectorError
from kzcal.geometry import kamland_layout, load_detector

TABLE_RADIUS = 8.6569


@pytest.fixture(scope="module")
def table():
    with np.load(Path(__file__).parent / "pmt_positions_reference.npz") as stored:
        return stored["position_mm_x10"] * 1e-4, stored["diameter_inch"]


def nearest_neighbour_mm(pmt_radius):
    positions = load_detector(pmt_radius=pmt_radius).positions
    return 1e3 * cKDTree(positions).query(positions, 2)[0][:, 1]


def turned_about_z(positions, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return positions @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def test_every_pmt_lies_within_1_7_mm_of_its_place_in_the_table(table):
    positions = load_detector(pmt_radius=TABLE_RADIUS).positions
    residual_mm = 1e3 * np.linalg.norm(positions - table[0], axis=1)
    assert residual_mm.shape == (1879,)
    assert residual_mm.max() <= 1.7
    assert np.sqrt(np.mean(residual_mm**2)) <= 0.92


def test_every_type_agrees_and_17_inch_tubes_come_first(table):
    diameter = load_detector().diameter_inch
    np.testing.assert_array_equal(diameter, table[1])
    assert set(diameter[:1325]) == {17}
    assert set(diameter[1325:]) == {20}


@pytest.mark.parametrize(
    ("radius", "figures"),
    [(8.6569, (612.2, 727.1, 701.6, 740.5)), (8.5, (601.0, 713.9, 688.8, 727.2))],
)
def test_distances_of_nearest_neighbours(radius, figures):
    distance = nearest_neighbour_mm(radius)
    found = (distance.min(), np.median(distance), distance.mean(), distance.max())
    np.testing.assert_allclose(found, figures, atol=1.0)


def test_photocoverage_of_the_tubes_discs_is_33_74_percent():
    detector = load_detector(
        pmt_radius=8.5, aperture_radius_17=0.4318 / 2, aperture_radius_20=0.508 / 2
    )
    assert detector.photocoverage == pytest.approx(0.3374, abs=5e-5)


def test_the_full_sphere_has_five_fold_symmetry_in_places_and_types():
    full = kamland_layout({})
    assert len(full.directions) == 1920
    places = cKDTree(full.directions)
    distance, partner = places.query(turned_about_z(full.directions, 72))
    assert distance.max() < 1e-12
    np.testing.assert_array_equal(full.diameter_inch[partner], full.diameter_inch)
    assert places.query(turned_about_z(full.directions, 36))[0].max() > 1e-3


def test_the_41_omitted_sites_are_chimney_bottom_pipe_and_cameras():
    full, kept = kamland_layout({}), load_detector()
    gone = cKDTree(kept.directions).query(full.directions)[0] > 1e-6
    assert gone.sum() == 41
    colatitude = np.rad2deg(np.arccos(full.directions[gone, 2]))
    assert (colatitude < 13).sum() == 30
    assert (colatitude > 176).sum() == 5
    cameras = np.sort(colatitude[(colatitude > 13) & (colatitude < 176)])
    expected = [20.26, 34.20, 47.94, 85.69, 132.06, 164.21]
    np.testing.assert_allclose(cameras, expected, atol=0.02)
    assert (full.diameter_inch[gone] == 20).sum() == 16


@pytest.mark.parametrize(
    ("omitted", "says"),
    [({"side/1": [(0, 0)]}, "equator-a/3"), ({"top": [(8, 0)]}, r"0 to 7, got \(8, 0\)")],
)
def test_a_site_that_does_not_exist_is_refused(omitted, says):
    with pytest.raises(DetectorError, match=says):
        kamland_layout(omitted)
