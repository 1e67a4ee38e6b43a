"""Muons cross the scintillator, and neutrons are captured along their tracks."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.simulate.muons import CAPTURE_TIME_NS, MuonRates, draw_muons
from kzcal.simulate.seeds import BlockKey

RADIUS = 6.5
DAY_NS = 86_400 * 10**9
DAYS = 5


@pytest.fixture(scope="module")
def drawn():
    return draw_muons(MuonRates(), DAYS * DAY_NS, RADIUS, BlockKey(1, 1, "muons", 0))


def test_tracks_enter_the_sphere_from_outside(drawn):
    muons, _ = drawn
    assert np.allclose(np.linalg.norm(muons.entry, axis=1), RADIUS, atol=1e-4)
    assert np.allclose(np.linalg.norm(muons.direction, axis=1), 1, atol=1e-5)
    assert (np.sum(muons.entry * muons.direction, axis=1) <= 1e-4).all()
    assert (np.diff(muons.timestamp) >= 0).all()


def test_rate_and_track_length_are_those_of_kamland(drawn):
    muons, _ = drawn
    expected = 0.198 * DAYS * 86_400
    assert abs(len(muons) - expected) < 5 * np.sqrt(expected)
    length = -2 * np.sum(muons.entry * muons.direction, axis=1)
    # Parallel tracks through a sphere: 4/3 of the radius on average, spread sqrt(2)/3 of it.
    assert abs(length.mean() - 4 / 3 * RADIUS) < 5 * 0.4715 * RADIUS / np.sqrt(len(muons))
    # A muon crosses (874 +- 13) cm of scintillator, KamLAND (2010).
    assert abs(length.mean() - 8.74) < 0.13


def test_captures_follow_within_their_time_and_near_the_track(drawn):
    muons, captures = drawn
    assert (np.linalg.norm(captures.position, axis=1) < RADIUS).all()
    assert (np.diff(captures.timestamp) >= 0).all()
    parent = np.searchsorted(muons.timestamp, captures.timestamp, side="right") - 1
    delay = captures.timestamp - muons.timestamp[parent]
    # Of 16,000 exponential times; muons that come between shift the mean by 4e-5 of it.
    assert abs(delay.mean() / CAPTURE_TIME_NS - 1) < 5 / np.sqrt(len(delay))
    away = captures.position - muons.entry[parent]
    distance = np.linalg.norm(np.cross(away, muons.direction[parent]), axis=1)
    # 0.6 of them 0.38 m away on average and 0.4 of them 1 m, less what leaves the sphere.
    assert 0.5 < distance.mean() < 0.628 + 0.02


def test_captures_have_the_rate_of_kamland(drawn):
    _, captures = drawn
    # 3,250 a day are captured. Captures come in groups of 4.8 on average, whose sizes' second
    # moment over the first is 15: 5 sigma are 8 per cent.
    per_day = len(captures.timestamp) / DAYS
    assert 0.92 * 3250 < per_day < 1.08 * 3250


def test_the_same_key_gives_the_same_muons():
    first, second = (
        draw_muons(MuonRates(), DAY_NS // 10, RADIUS, BlockKey(3, 1, "muons", 0)) for _ in range(2)
    )
    assert np.array_equal(first[0].timestamp, second[0].timestamp)
    assert np.array_equal(first[1].position, second[1].position)


def test_without_muons_there_are_no_captures():
    muons, captures = draw_muons(
        MuonRates(rate_hz=0.0), DAY_NS, RADIUS, BlockKey(1, 1, "muons", 0)
    )
    assert len(muons) == len(captures.timestamp) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate_hz", -1.0), ("neutrons", 0.5), ("near_share", 1.5), ("neutron_muons", 0.9),
     ("far_m", 1e9), ("rate_hz", float("nan"))],
)  # fmt: skip
def test_rates_that_cannot_be_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=rf"{name} of \[muons\]"):
        MuonRates(**{name: value})


def test_one_neutron_after_every_muon_with_any():
    rates = MuonRates(neutrons=1, rate_hz=10.0)
    _, captures = draw_muons(rates, 1000 * 10**9, 6.5, BlockKey(1, 1, "muons", 0))
    # 0.04 of 10,000 muons: 400 with an error of 20.
    assert abs(len(captures.timestamp) - 400) < 80
