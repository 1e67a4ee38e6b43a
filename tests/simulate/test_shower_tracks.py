"""Tracks err as the laws tell, and energy along them is conserved."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from kzcal.hits import PIECE_M
from kzcal.simulate.shower_laws import ShowerLaws, ShowerModel
from kzcal.simulate.shower_tracks import deposited, reconstructed
from kzcal.simulate.showers import draw_showers

RADIUS, N = 6.5, 20_000
LAWS = ShowerLaws()
EXACT = dataclasses.replace(
    LAWS, track_m=0.0, track_degrees=0.0, misfits=0.0, profile_resolution=0.0
)


@pytest.fixture(scope="module")
def showers():
    return draw_showers(ShowerModel(), N, RADIUS, generator=np.random.default_rng(1))


def seen(laws, showers, seed=2):
    time = np.arange(len(showers))
    generator = np.random.default_rng(seed)
    return reconstructed(laws, showers, time, RADIUS, generator=generator)


def per_muon(muons):
    profile = muons.profile
    return np.add.reduceat(profile.deposit.astype(float), profile.offsets[:-1])


def test_without_errors_tracks_and_energies_are_the_true_ones(showers):
    muons = seen(EXACT, showers)
    # Tracks that graze the sphere are found a little inside it.
    inside = showers.length > 0.5
    np.testing.assert_allclose(muons.entry[inside], showers.entry[inside], atol=1e-5)
    np.testing.assert_allclose(muons.direction, showers.direction, atol=1e-6)
    # Up to the last whole piece; where in the one behind it energy lies is not told.
    some = np.flatnonzero(showers.length > 1.0)
    begin = 0.3 * showers.length[some]
    end = np.minimum(begin + 1.7, np.floor(showers.length[some] / PIECE_M) * PIECE_M)
    centre = np.nan_to_num(showers.centre[some])
    within = stats.norm.cdf(end, centre, 1.5) - stats.norm.cdf(begin, centre, 1.5)
    expected = LAWS.loss * (end - begin) + showers.energy[some] * within
    found = muons.profile.between(some, begin, end)
    # Linear within pieces of 0.2 m of a shower 1.5 m wide.
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=0.1)


@pytest.mark.parametrize("laws", [EXACT, dataclasses.replace(LAWS, profile_resolution=0.0)])
def test_a_profile_holds_all_that_the_muon_left(showers, laws):
    muons = seen(laws, showers)
    np.testing.assert_allclose(per_muon(muons), deposited(laws, showers), rtol=1e-5)
    np.testing.assert_allclose(muons.charge, 350 * deposited(laws, showers), rtol=1e-6)


def test_energy_is_that_of_the_track_and_of_the_contained_shower(showers):
    energy = deposited(LAWS, showers)
    plain = ~showers.showering
    np.testing.assert_allclose(energy[plain], 170 * showers.length[plain])
    extra = energy[~plain] - 170 * showers.length[~plain]
    assert (extra > 0).all()
    assert (extra <= showers.energy[~plain]).all()
    long = showers.take(np.flatnonzero(showers.showering))
    middle = dataclasses.replace(long, centre=long.length / 2)
    contained = 2 * stats.norm.cdf(long.length / 2 / 1.5) - 1
    expected = 170 * long.length + long.energy * contained
    np.testing.assert_allclose(deposited(LAWS, middle), expected, rtol=1e-9)


def test_pieces_err_by_their_resolution(showers):
    true = seen(EXACT, showers).profile
    found = seen(dataclasses.replace(EXACT, profile_resolution=0.2), showers).profile
    pull = (found.deposit / true.deposit - 1)[true.deposit > 1] / 0.2
    assert abs(pull.std() - 1) < 0.01
    assert abs(pull.mean()) < 5 / math.sqrt(len(pull))


def test_tracks_enter_the_sphere_and_err_as_told(showers):
    muons = seen(dataclasses.replace(LAWS, misfits=0.0), showers)
    np.testing.assert_allclose(np.linalg.norm(muons.entry, axis=1), RADIUS, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(muons.direction, axis=1), 1, rtol=1e-6)
    assert (np.sum(muons.entry * muons.direction, axis=1) < 0).all()
    cosine = np.sum(muons.direction * showers.direction, axis=1)
    tangent = np.sqrt(1 / np.minimum(cosine, 1) ** 2 - 1) / math.tan(math.radians(5))
    # The length of a vector of two Gaussian errors.
    assert stats.kstest(tangent, "rayleigh").pvalue > 1e-6
    middle = showers.entry + 0.5 * showers.length[:, None] * showers.direction
    across = np.cross(middle - muons.entry, muons.direction)
    deep = np.linalg.norm(middle, axis=1) < 5.0
    away = np.linalg.norm(across, axis=1)[deep]
    assert stats.kstest(away / 0.30, "rayleigh").pvalue > 1e-6


def test_misfits_have_nothing_to_do_with_their_muon(showers):
    laws = dataclasses.replace(EXACT, misfits=0.03)
    muons = seen(laws, showers)
    wrong = np.sum(muons.direction * showers.direction, axis=1) < 1 - 1e-6
    assert abs(wrong.mean() - 0.03) < 5 * math.sqrt(0.03 / N)
    correlation = np.corrcoef(muons.direction[wrong, 0], showers.direction[wrong, 0])[0, 1]
    assert abs(correlation) < 5 / math.sqrt(wrong.sum())
