"""Decays and their captures: windows find what a loop over all pairs finds, in any blocks."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timelines import DETECTOR, US, S, as_events, muons_at, shower_run

from kzcal.candidates import joined
from kzcal.coincidence.config import SpallationSettings
from kzcal.coincidence.slabs import muon_rows, slabs
from kzcal.coincidence.spallation import SpallationSearch
from kzcal.coincidence.tracks import displacement
from kzcal.errors import ConfigurationError
from kzcal.hits import Muons

QUICK = settings(max_examples=8, deadline=None)
WIDE = SpallationSettings(look_back=3.0, energy=(2.0, 3.0))
RADIUS = DETECTOR.scintillator_radius


def found(events, muons, wanted=WIDE, *, n=10**6, m=10**6, decay_radius=1.92):
    """Candidates of a run, and what was counted, with blocks of n events and m muons."""
    search = SpallationSearch(wanted, decay_radius=decay_radius, scintillator_radius=RADIUS, run=7)
    blocks = (events[i : i + n] for i in range(0, len(events), n))
    ahead = (muon_rows(muons, slice(i, i + m)) for i in range(0, len(muons), m))
    parts = [search.take(slab) for slab in slabs(blocks, ahead)]
    return joined(parts), search.counts


def by_loops(events, muons, wanted=WIDE, decay_radius=1.92):
    """Event number of each decay, with event numbers and muons of its captures: all pairs."""
    captures, decays = [], []
    for row in range(len(events)):
        time, place = int(events.timestamp[row]), events.vertex[row].astype(np.float64)
        before = [m for m in range(len(muons)) if muons.timestamp[m] <= time]
        delay = (time - int(muons.timestamp[before[-1]])) / US if before else math.inf
        energy, radius = float(events.energy[row]), float(np.linalg.norm(place))
        peak = any(a <= energy < b for a, b in wanted.capture_energy) and radius < RADIUS
        if peak and wanted.capture_time[0] <= delay < wanted.capture_time[1]:
            captures.append((row, before[-1]))
        window = wanted.energy[0] <= energy < wanted.energy[1] and radius < decay_radius
        if window and delay >= wanted.veto:
            decays.append(row)
    rows = []
    for decay in decays:
        time = int(events.timestamp[decay])
        near = [
            (int(events.event[row]), muon)
            for row, muon in captures
            if time - int(muons.timestamp[muon]) <= wanted.look_back * 3600 * S
            and events.timestamp[row] < time
            and np.linalg.norm(events.vertex[row] - events.vertex[decay]) < wanted.distance
        ]
        rows.append((int(events.event[decay]), sorted(near, key=lambda pair: (-pair[1], pair[0]))))
    return rows


@QUICK
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), m=st.integers(1, 50))
def test_windows_find_what_a_loop_over_all_pairs_finds(seed, n, m):
    events, muons = shower_run(seed, days=0.3, n_muons=30, n_decays=20)
    candidates, counts = found(events, muons, n=n, m=m)
    expected = by_loops(events, muons)
    assert candidates.event.tolist() == [event for event, _ in expected]
    assert candidates.counts.tolist() == [len(near) for _, near in expected]
    assert counts["captures near decays"] == sum(len(near) for _, near in expected)
    assert set(candidates.run) <= {7}
    rows = {int(event): row for row, event in enumerate(events.event)}
    points = candidates.points
    for (event, near), (start, stop) in zip(expected, pairwise(candidates.offsets), strict=True):
        decay, here = rows[event], slice(start, stop)
        place, time = events.vertex[decay], events.timestamp[decay]
        at = np.array([rows[number] for number, _ in near], np.int64)
        muon = np.array([number for _, number in near], np.int64)
        step = np.stack([points[f"d{axis}"][here] for axis in "xyz"], axis=1)
        np.testing.assert_allclose(step, events.vertex[at] - place, atol=1e-5)
        np.testing.assert_allclose(
            points["distance"][here], np.linalg.norm(step, axis=1), atol=1e-5
        )
        since = (time - muons.timestamp[muon]) / S
        np.testing.assert_allclose(points["dt"][here], since, rtol=1e-6)
        delay = (events.timestamp[at] - muons.timestamp[muon]) / US
        np.testing.assert_allclose(points["delay"][here], delay, rtol=1e-6)
        np.testing.assert_array_equal(points["muon_charge"][here], muons.charge[muon])
        beside = np.stack([points[f"track_{axis}"][here] for axis in "xyz"], axis=1)
        tracks = muons.entry[muon].astype(float), muons.direction[muon].astype(float)
        np.testing.assert_allclose(
            beside, displacement(events.vertex[at].astype(float), *tracks), atol=1e-4
        )
        around = displacement(np.tile(place.astype(float), (len(at), 1)), *tracks)
        np.testing.assert_allclose(
            points["track_distance"][here], np.linalg.norm(around, axis=1), atol=1e-4
        )
        newest = {number: rank for rank, number in enumerate(dict.fromkeys(muon.tolist()))}
        assert points["muon"][here].tolist() == [newest[number] for number in muon.tolist()]


@QUICK
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), m=st.integers(1, 50))
def test_blocks_do_not_matter(seed, n, m):
    events, muons = shower_run(seed)
    (one, seen), (other, seen_too) = found(events, muons), found(events, muons, n=n, m=m)
    assert seen == seen_too
    for group in ("columns", "points", "truth"):
        ours, theirs = getattr(one, group), getattr(other, group)
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(one.offsets, other.offsets)


def test_truth_links_decays_to_captures_of_their_showers():
    events, muons = shower_run(5, n_muons=60, n_decays=200)
    candidates, _ = found(events, muons, SpallationSettings(look_back=48.0))
    truth = candidates.truth
    made = truth["kind"] == b"long-lived"
    assert 20 < made.sum() < len(made) - 20
    assert truth["n_related"][made].sum() > 30
    alone = truth["kind"] == b"xe136"
    assert alone.sum() > 20
    assert not truth["n_related"][alone].any()
    assert (truth["n_related"] <= candidates.counts).all()
    np.testing.assert_array_equal(truth["isotope"] == b"sb118", made)
    decay = np.repeat(np.arange(len(candidates)), candidates.counts)
    lag = truth["lag"][decay]
    of_parent = np.isclose(candidates.points["dt"], lag, rtol=1e-5)
    related = np.bincount(decay[of_parent], minlength=len(candidates))
    np.testing.assert_array_equal(related[made], truth["n_related"][made])


def test_columns_say_what_is_known_of_a_decay():
    muons = muons_at([0])
    place = [[0.3, -0.4, 0.0]] * 3
    events = as_events([-1 * S, 300 * US, 90 * S], place, [2.5, 2.2, 2.5])
    candidates, counts = found(events, muons)
    columns = {name: values.tolist() for name, values in candidates.columns.items()}
    assert columns["energy"] == [2.5, 2.5]
    assert columns["radius"] == pytest.approx([0.5, 0.5])
    assert columns["n_captures"] == [0, 1]
    assert math.isnan(columns["dt_muon"][0])
    assert columns["dt_muon"][1] == 90
    assert candidates.points["muon_captures"].tolist() == [1]
    assert counts["decays without a muon before"] == 1
    assert candidates.truth == {}


def test_captures_of_a_muon_are_counted_wherever_they_are():
    muons = muons_at([0, 10 * S])
    time = [200 * US, 300 * US, 400 * US, 10 * S + 500 * US, 20 * S]
    place = [[0, 0, 0.1], [4, 0, 0], [-4, 0, 0], [0, 0, 0.2], [0, 0, 0]]
    candidates, _ = found(as_events(time, place, [2.2] * 4 + [2.5]), muons)
    assert candidates.points["muon_captures"].tolist() == [1, 3]
    assert candidates.points["muon"].tolist() == [0, 1]
    assert candidates.points["dt"].tolist() == [10, 20]


def test_what_cannot_be_placed_or_follows_a_muon_at_once_is_counted():
    time = [1 * S, 10 * S + 1000 * US, 10 * S + 2000 * US, 11 * S]
    place = [[np.nan] * 3, [0, 0, 0], [0, 0, 0], [0, 0, 1.95]]
    events = as_events(time, place, 2.7)
    candidates, counts = found(events, muons_at([0, 10 * S]))
    assert candidates.event.tolist() == [7]
    assert counts["events without a vertex"] == 1
    assert counts["events vetoed after muons"] == 1


def test_forced_triggers_are_neither_decays_nor_captures():
    events = as_events([300 * US, 9 * S], np.zeros((2, 3)), [2.2, 2.5], trigger=1)
    candidates, counts = found(events, muons_at([0]))
    assert len(candidates) == 0
    assert counts["captures"] == 0


def test_a_run_without_muons_has_candidates_without_captures():
    events = as_events([9 * S], np.zeros((1, 3)), 2.5)
    candidates, _ = found(events, Muons.none())
    assert candidates.counts.tolist() == [0]
    assert np.isnan(candidates.columns["dt_muon"]).all()


def test_captures_that_do_not_belong_come_at_the_rate_of_chance():
    """Uniform captures: their number around a decay is Poisson of rate, volume and time.

    Decays share captures, of which there are few, and which decide how many windows of time are
    independent. False alarms: four standard deviations, 6e-5 of all seeds fail.
    """
    rng = np.random.default_rng(8)
    n_muons, span, n_decays = 40_000, 40_000 * 5 * S, 1500
    muon_time = np.sort(rng.integers(0, span, n_muons))
    step = rng.normal(size=(n_muons, 3))
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    radius = 3.0
    place = radius * rng.random((n_muons, 1)) ** (1 / 3) * step
    late = rng.integers(span // 4, span, n_decays)
    events = as_events(
        np.concatenate([muon_time + 300 * US, late]),
        np.concatenate([place, rng.normal(0, 0.3, (n_decays, 3))]),
        np.concatenate([np.full(n_muons, 2.2), np.full(n_decays, 2.7)]),
    )
    wanted = SpallationSettings(look_back=0.05)
    candidates, _ = found(events, muons_at(muon_time, profile=False), wanted)
    near = (wanted.distance / radius) ** 3
    mean = n_muons / (span / S) * 0.05 * 3600 * near
    n = len(candidates)
    assert abs(candidates.counts.mean() - mean) < 4 * np.hypot(
        np.sqrt(mean / n), mean / np.sqrt(n_muons * near)
    )
    apart = span / S / (0.05 * 3600)
    assert abs(candidates.counts.var() / mean - 1) < 4 * np.sqrt(2 / apart)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"distance": 0.0}, "distance must be positive and finite, got distance=0.0"),
        ({"look_back": math.inf}, "look_back must be positive and finite, got look_back=inf"),
        ({"energy": (3.0, 2.0)}, "energy must be a window LOW:HIGH from 0 on, got 3.0:2.0"),
        ({"capture_energy": ((1.0, 2.0), (4.0, 4.0))}, "capture_energy must be a window"),
        ({"veto": 100.0}, "until its captures are over .2000.0 us., got veto=100.0"),
        ({"radius": -1.0}, "radius must be positive and finite, got radius=-1.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, says):
    with pytest.raises(ConfigurationError, match=says):
        SpallationSettings(**wrong)


def test_captures_without_a_vertex_are_counted():
    muons = muons_at([S])
    time = S + np.array([200, 300, 400, 500, 3000]) * US
    place = np.zeros((5, 3))
    place[[1, 2, 4]] = np.nan
    events = as_events(time, place, [2.2, 2.2, 1.2, 2.2, 2.2])
    _, counts = found(events, muons)
    assert counts["captures without a vertex"] == 1
    assert counts["captures"] == 2
