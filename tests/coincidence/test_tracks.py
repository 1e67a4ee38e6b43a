"""Points beside tracks: Pythagoras, the ends of a track, and energy that adds up."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from timelines import DETECTOR, muons_at

from kzcal.coincidence.tracks import along_track, deposited, displacement
from kzcal.hits import Muons, Profile

QUICK = settings(max_examples=40, deadline=None)
RADIUS = DETECTOR.scintillator_radius


def tracks(seed, n=20):
    muons = muons_at(range(n), seed)
    return muons.entry.astype(np.float64), muons.direction.astype(np.float64)


@QUICK
@given(seed=st.integers(0, 999))
def test_no_point_of_a_track_is_nearer_than_the_nearest(seed):
    entry, direction = tracks(seed)
    point = np.random.default_rng(seed).normal(0, 4, entry.shape)
    beside = np.linalg.norm(displacement(point, entry, direction), axis=1)
    chord = np.maximum(-2 * np.einsum("pa,pa->p", entry, direction), 0)
    for share in np.linspace(0, 1, 41):
        on_track = entry + share * chord[:, None] * direction
        assert (np.linalg.norm(point - on_track, axis=1) >= beside - 1e-4).all()


def test_a_point_on_the_track_is_where_it_was_put():
    entry, direction = tracks(3)
    chord = -2 * np.einsum("pa,pa->p", entry, direction)
    on_track = entry + 0.3 * chord[:, None] * direction
    np.testing.assert_allclose(along_track(on_track, entry, direction), 0.3 * chord, atol=1e-6)
    np.testing.assert_allclose(displacement(on_track, entry, direction), 0, atol=1e-6)


def test_points_beyond_the_ends_belong_to_the_ends():
    entry, direction = np.array([[-RADIUS, 0, 0]] * 2), np.array([[1.0, 0, 0]] * 2)
    point = np.array([[-9.0, 3, 0], [9.0, 0, 4]])
    np.testing.assert_allclose(along_track(point, entry, direction), [0, 2 * RADIUS])
    np.testing.assert_allclose(
        displacement(point, entry, direction), [[RADIUS - 9, 3, 0], [9 - RADIUS, 0, 4]]
    )


def test_energy_near_a_place_is_that_of_40_cm_and_all_places_share_the_whole():
    one = np.array([[-RADIUS, 0, 0]], np.float32)
    ahead = np.array([[1.0, 0, 0]], np.float32)
    pieces = np.arange(1, 66, dtype=np.float32)
    profile = Profile(np.array([0, 65]), pieces)
    muons = Muons(np.zeros(1, np.int64), one, ahead, np.ones(1, np.float32), profile)
    middles = 0.2 + 0.4 * np.arange(33)
    energy = deposited(muons, np.zeros(33, np.int64), middles)
    np.testing.assert_allclose(energy[:32], pieces[0:64:2] + pieces[1:65:2], rtol=1e-6)
    np.testing.assert_allclose(energy.sum(), pieces.sum(), rtol=1e-6)
    half = deposited(muons, np.zeros(1, np.int64), np.array([0.3]))
    np.testing.assert_allclose(half, 1 / 2 + 2 + 3 / 2, rtol=1e-6)


def test_energy_that_is_not_known_is_no_number():
    rows = np.zeros(2, np.int64)
    assert np.isnan(deposited(muons_at([1], profile=False), rows, np.ones(2))).all()
    found = deposited(muons_at([1]), rows, np.array([np.nan, 0.2]))
    assert np.isnan(found).tolist() == [True, False]
