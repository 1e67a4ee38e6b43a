"""Laws of showers; of each statistical test about one seed in a million would fail."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from kzcal.simulate.muons import CAPTURE_TIME_NS, MuonRates, series_parameter
from kzcal.simulate.shower_detection import capture_efficiency, detect
from kzcal.simulate.shower_laws import ShowerLaws, ShowerModel
from kzcal.simulate.showers import (
    draw_captures,
    draw_neutron_muons,
    draw_parents,
    draw_quiet_muons,
    draw_showers,
    shower_energy,
    showering_chance,
)

RADIUS, ENDLESS = 6.5, 1e5
MODEL = ShowerModel()
N = 200_000
RARE = 1e-6


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def muons():
    return draw_showers(MODEL, N, RADIUS, generator=rng())


@pytest.fixture(scope="module")
def parents():
    place = rng(2).normal(0, 0.5, (20_000, 3))
    return place, draw_parents(MODEL, place, ENDLESS, generator=rng(3))


def near(found, expected, error):
    assert abs(found - expected) < 5 * error


def distance_from_tracks(showers, place):
    away = place - showers.entry
    return np.linalg.norm(np.cross(away, showers.direction), axis=1)


def test_most_muons_have_no_capture_and_all_of_them_a_fifth(muons):
    near(np.mean(muons.captures > 0), 0.04, math.sqrt(0.04 / N))
    near(muons.captures.mean(), 0.192, muons.captures.std() / math.sqrt(N))


def test_multiplicities_are_a_logarithmic_series(muons):
    p = series_parameter(4.8)
    k = np.arange(1, 13)
    expected = -(p**k) / (k * np.log1p(-p)) * (muons.captures > 0).sum()
    found = np.bincount(muons.captures, minlength=13)[1:13]
    assert stats.chi2.sf(np.sum((found - expected) ** 2 / expected), len(k)) > RARE


def test_showers_are_rare_and_carry_most_captures(muons):
    near(muons.showering.mean(), 0.15, math.sqrt(0.15 / N))
    showering, others = (muons.captures[muons.showering], muons.captures[~muons.showering])
    share = showering.sum() / muons.captures.sum()
    error = math.sqrt((showering**2.0).sum() + (others**2.0).sum()) / muons.captures.sum()
    near(share, 0.64, error)


def test_tracks_with_captures_are_long_in_proportion(muons):
    found = draw_neutron_muons(MODEL, N, RADIUS, generator=rng(4)).length
    # Of parallel tracks through a sphere, weighted by their length: 3/2 of its radius.
    near(found.mean(), 1.5 * RADIUS, found.std() / math.sqrt(N))
    picked = muons.length[muons.captures > 0]
    assert stats.ks_2samp(found[:20_000], picked).pvalue > RARE


@pytest.mark.parametrize(("share", "showering"), [(0.0, 0), (1.0, 1)])
def test_all_captures_or_none_may_be_those_of_showers(share, showering):
    model = dataclasses.replace(
        MODEL, showers=dataclasses.replace(MODEL.showers, shower_neutrons=share)
    )
    found = draw_neutron_muons(model, 1000, RADIUS, generator=rng())
    assert (found.showering == showering).all()


def test_muons_may_have_one_capture_each():
    model = dataclasses.replace(MODEL, muons=dataclasses.replace(MODEL.muons, neutrons=1.0))
    assert (draw_neutron_muons(model, 1000, RADIUS, generator=rng()).captures == 1).all()


def test_muons_without_captures_have_none():
    assert not draw_quiet_muons(MODEL, 100, RADIUS, generator=rng()).captures.any()


def test_energies_of_showers_fall_with_their_cube():
    laws = dataclasses.replace(ShowerLaws(), shower_most=1e9, capture_mev=0.0)
    energy = shower_energy(laws, np.zeros(N, np.int64), generator=rng())
    # Of a density E**-3 a share (E / 2900)**-2 lies above E.
    for threshold, share in ((2_900.0, 1.0), (5_800.0, 0.25), (29_000.0, 0.01)):
        near(np.mean(energy >= threshold), share, math.sqrt(share * (1 - share) / N) + 1e-9)


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_any_slope_keeps_energies_between_their_ends(slope):
    laws = dataclasses.replace(ShowerLaws(), shower_slope=slope)
    energy = shower_energy(laws, np.full(1000, 2), generator=rng()) - 2 * laws.capture_mev
    assert energy.min() >= laws.shower_mev * (1 - 1e-9)
    assert energy.max() <= laws.shower_most * (1 + 1e-9)
    # Of a density E**-1 logarithms are spread evenly.
    if slope == 1.0:
        middle = math.sqrt(laws.shower_mev * laws.shower_most)
        near(np.mean(energy < middle), 0.5, 0.5 / math.sqrt(1000))


def test_parents_have_a_lognormal_number_of_captures(parents):
    captures = parents[1].captures
    assert captures.min() == 1
    for quantile, sigma in ((0.5, 0.0), (0.8413, 1.0), (0.9772, 2.0)):
        edge = 8 * math.exp(sigma)
        below = np.mean(captures < np.rint(edge)), np.mean(captures <= np.rint(edge))
        error = 5 * math.sqrt(quantile * (1 - quantile) / len(captures))
        assert below[0] - error < quantile < below[1] + error


def test_isotopes_lie_exponentially_about_the_axis_of_their_shower(parents):
    place, showers = parents
    distance = distance_from_tracks(showers, place)
    # In doubles and with an endless track distances err by 1e-5 m.
    assert stats.kstest(distance, "expon", (0, 0.40)).pvalue > RARE
    along = np.sum((place - showers.entry) * showers.direction, axis=1) - showers.centre
    assert stats.kstest(along / 1.5, "norm").pvalue > RARE


def test_parents_cross_the_scintillator_and_shower_in_it():
    place = rng(2).normal(0, 1.0, (5_000, 3))
    showers = draw_parents(MODEL, place, RADIUS, generator=rng(3))
    np.testing.assert_allclose(np.linalg.norm(showers.entry, axis=1), RADIUS, rtol=1e-9)
    assert ((showers.centre > 0) & (showers.centre < showers.length)).all()
    assert showers.showering.all()


def test_captures_follow_their_profiles(parents):
    showers = parents[1].take(np.arange(3_000))
    captured = draw_captures(MODEL, showers, ENDLESS, generator=rng(5))
    assert len(captured.muon) == showers.captures.sum()
    tracks = showers.take(captured.muon)
    lateral = distance_from_tracks(tracks, captured.position)

    def law(r):
        return 1 - 0.6 * np.exp(-r / 0.38) - 0.4 * np.exp(-r / 1.00)

    assert stats.kstest(lateral, law).pvalue > RARE
    along = np.sum((captured.position - tracks.entry) * tracks.direction, axis=1)
    assert stats.kstest((along - tracks.centre) / 1.5, "norm").pvalue > RARE
    assert stats.kstest(captured.delay_us, "expon", (0, 207.5)).pvalue > RARE
    assert CAPTURE_TIME_NS == 207_500.0


def test_captures_without_a_shower_lie_evenly_along_the_track(muons):
    quiet = muons.take(np.flatnonzero((muons.captures > 0) & ~muons.showering))
    thin = dataclasses.replace(MODEL.muons, near_share=1.0, near_m=1e-6)
    model = dataclasses.replace(MODEL, muons=thin)
    captured = draw_captures(model, quiet, RADIUS, generator=rng(6))
    tracks = quiet.take(captured.muon)
    along = np.sum((captured.position - tracks.entry) * tracks.direction, axis=1)
    assert stats.kstest(along / tracks.length, "uniform").pvalue > RARE


def test_all_captures_lie_inside_the_scintillator(muons):
    captured = draw_captures(MODEL, muons, RADIUS, generator=rng(7))
    assert (np.linalg.norm(captured.position, axis=1) < RADIUS).all()
    np.testing.assert_array_equal(np.bincount(captured.muon, minlength=N), muons.captures)


def test_electronics_keep_fewer_captures_the_more_there_are():
    found = capture_efficiency(ShowerLaws(), np.array([0, 25, 50, 300]))
    np.testing.assert_allclose(found, [0.80, 0.65, 0.50, 0.50])


def test_captures_are_seen_with_the_errors_that_the_laws_tell(muons):
    few = muons.take(np.flatnonzero(muons.captures > 0))
    captured = draw_captures(MODEL, few, RADIUS, generator=rng(8))
    laws = MODEL.showers
    perfect = dataclasses.replace(
        laws, efficiency=1.0, efficiency_many=1.0, dead_us=0.0, carbon_share=0.0, gain_sag=0.0
    )
    seen = detect(perfect, few, captured, generator=rng(9))
    np.testing.assert_array_equal(seen.muon, captured.muon)
    off, early = seen.vertex - captured.position, captured.delay_us < 100
    assert stats.kstest(off[early].ravel() / 0.40, "norm").pvalue > RARE
    assert stats.kstest(off[~early].ravel() / 0.20, "norm").pvalue > RARE
    sigma = 0.067 * math.sqrt(2.2246)
    assert stats.kstest((seen.energy - 2.2246) / sigma, "norm").pvalue > RARE


def test_captures_are_lost_soon_after_the_muon_and_by_chance(muons):
    few = muons.take(np.flatnonzero(muons.captures > 0))
    captured = draw_captures(MODEL, few, RADIUS, generator=rng(8))
    seen = detect(MODEL.showers, few, captured, generator=rng(9))
    assert seen.delay_ns.min() >= 20_000
    chance = capture_efficiency(MODEL.showers, few.captures)[captured.muon].mean()
    expected = chance * math.exp(-20 / 207.5)
    near(len(seen.muon) / len(captured.muon), expected, 0.5 / math.sqrt(len(captured.muon)))


def test_energies_are_low_after_a_shower_and_recover():
    laws = dataclasses.replace(ShowerLaws(), energy_resolution=0.0, carbon_share=0.0)
    place = np.zeros((2_000, 3))
    showers = draw_parents(MODEL, place, RADIUS, generator=rng(1))
    captured = draw_captures(MODEL, showers, RADIUS, generator=rng(2))
    seen = detect(laws, showers, captured, generator=rng(3))
    expected = 1 - 0.10 * np.exp(-(1e-3 * seen.delay_ns - 20) / 150)
    np.testing.assert_allclose(seen.energy / 2.2246, expected, rtol=1e-5)


def test_the_same_generator_makes_the_same_showers():
    first, again = (draw_showers(MODEL, 1000, RADIUS, generator=rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.entry, again.entry)
    np.testing.assert_array_equal(first.centre, again.centre)


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("neutrons", [1.0, 4.8, 300.0])
def test_there_is_a_chance_to_shower_at_every_mean_and_share(share, neutrons):
    half, quiet = showering_chance(MuonRates(neutrons=neutrons), ShowerLaws(shower_neutrons=share))
    assert 0 <= quiet <= 1
    # Of muons with ten captures nearly none showers, or all.
    assert 10 / (10 + half) == pytest.approx(share, abs=0.01)
