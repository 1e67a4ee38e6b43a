"""Pairs on and off time: windows find what a table of all pairs holds, and chance rules."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timelines import US, S, as_events, muons_at, singles_run

from kzcal.candidates import joined
from kzcal.coincidence.config import IbdSettings
from kzcal.coincidence.pairs import PairSearch
from kzcal.coincidence.slabs import slabs
from kzcal.errors import ConfigurationError
from kzcal.hits import Muons

QUICK = settings(max_examples=6, deadline=None)
OFF = IbdSettings(off_time=True, windows=3, spacing=20_000.0)
BRISK = {"rate": 150.0, "seconds": 2.0, "n_pairs": 12}


def found(events, wanted, *, muons=None, n=10**6, scores=None, names=()):
    """Pairs of a run with blocks of n events, and what was counted."""
    search = PairSearch(wanted, run=3, score_names=names, has_truth=bool(events.truth))
    blocks = (events[i : i + n] for i in range(0, len(events), n))
    parts, done = [], 0
    for slab in slabs(blocks, [] if muons is None else [muons]):
        here = slice(done, done + len(slab.events))
        parts.append(search.take(slab, None if scores is None else scores[here]))
        done = here.stop
    return joined([*parts, search.last()]), search.counts


def by_all_pairs(events, wanted):
    """Event numbers of the prompt and the delayed event of each pair, from all pairs."""
    inside = np.linalg.norm(events.vertex, axis=1) < wanted.radius
    energy, time = events.energy, events.timestamp
    prompt = (energy >= wanted.prompt[0]) & (energy < wanted.prompt[1]) & inside
    delayed = np.any([(energy >= a) & (energy < b) for a, b in wanted.delayed], axis=0) & inside
    singles = time[prompt | delayed]
    step = np.linalg.norm(events.vertex[:, None] - events.vertex[None], axis=2)
    allowed = delayed[:, None] & prompt[None] & (step < wanted.distance)
    pairs = []
    for number, shift in enumerate(wanted.shifts):
        gap = time[:, None] - time[None] - round(shift * US)
        in_time = (gap >= wanted.time[0] * US) & (gap < wanted.time[1] * US)
        for j, i in np.argwhere(allowed & in_time):
            begin, end = time[i] - wanted.alone * US, time[i] + gap[j, i] + wanted.alone * US
            others = ((singles >= begin) & (singles <= end)).sum()
            if not wanted.alone or others == (1 if wanted.off_time else 2):
                pairs.append((j, number, i, gap[j, i] / S))
    numbers = events.event
    return [(numbers[i], numbers[j], gap) for j, _, i, gap in sorted(pairs)]


@pytest.mark.parametrize(
    "wanted",
    [
        IbdSettings(),
        IbdSettings(alone=1500.0, distance=1.2),
        OFF,
        IbdSettings(off_time=True, windows=2, spacing=9000.0, alone=3000.0),
    ],
    ids=["on time", "alone", "off time", "off time, alone"],
)
@QUICK
@given(seed=st.integers(0, 10**6), n=st.integers(1, 300))
def test_windows_find_what_a_table_of_all_pairs_holds(wanted, seed, n):
    events = singles_run(seed, **BRISK)
    pairs, _ = found(events, wanted, n=n)
    expected = by_all_pairs(events, wanted)
    members = zip(pairs.members["prompt"], pairs.members["delayed"], strict=True)
    assert list(members) == [pair[:2] for pair in expected]
    np.testing.assert_allclose(pairs.columns["dt"], [gap for *_, gap in expected], rtol=1e-6)
    assert pairs.event.tolist() == list(range(len(expected)))
    assert not pairs.offsets.any()


def test_columns_are_those_of_the_two_events():
    events = singles_run(2, **BRISK)
    pairs, _ = found(events, IbdSettings())
    rows = {int(number): row for row, number in enumerate(events.event)}
    prompt, delayed = ([rows[int(e)] for e in pairs.members[m]] for m in ("prompt", "delayed"))
    assert len(prompt) > 10
    radius = np.linalg.norm(events.vertex, axis=1)
    for name, expected in {
        "e_prompt": events.energy[prompt],
        "e_delayed": events.energy[delayed],
        "r_prompt": radius[prompt],
        "r_delayed": radius[delayed],
        "dr": np.linalg.norm(events.vertex[prompt] - events.vertex[delayed], axis=1),
        "dt": (events.timestamp[delayed] - events.timestamp[prompt]) / S,
    }.items():
        np.testing.assert_allclose(pairs.columns[name], expected, rtol=1e-5)


def test_true_pairs_are_those_of_one_group():
    events = singles_run(4, rate=200.0, seconds=20.0, n_pairs=300, radius=1.2)
    pairs, _ = found(events, IbdSettings())
    true = pairs.truth["kind"] == b"ibd"
    both = (pairs.truth["prompt_kind"] == b"ibd-prompt") & (
        pairs.truth["delayed_kind"] == b"ibd-delayed"
    )
    assert (~true).sum() > 100
    assert (both | ~true).all()
    assert (pairs.truth["group"] >= 0).tolist() == true.tolist()
    first = events.truth["kind"] == b"ibd-prompt"
    group = dict(zip(events.event[first], events.truth["group"][first], strict=True))
    ours = [group[number] for number in pairs.members["prompt"][true]]
    assert ours == pairs.truth["group"][true].tolist()
    start = events.timestamp[first][np.argsort(events.truth["group"][first])]
    later = events.truth["kind"] == b"ibd-delayed"
    gap = events.timestamp[later][np.argsort(events.truth["group"][later])] - start
    assert true.sum() == (gap < 1000 * US).sum()
    assert not set(pairs.truth["kind"]) - {b"ibd", b"accidental"}


def test_off_time_pairs_are_accidental_even_in_data():
    events = singles_run(4, **BRISK)
    pairs, _ = found(events, OFF)
    assert set(pairs.truth["kind"]) == {b"accidental"}
    assert set(pairs.truth["group"]) == {-1}
    data = as_events(events.timestamp, events.vertex, events.energy)
    assert set(found(data, OFF)[0].truth["kind"]) == {b"accidental"}
    assert found(data, IbdSettings())[0].truth == {}


def chance(rate, radius, wanted, seconds):
    """Pairs expected of singles uniform in a sphere and in time, by distance alone."""
    u = wanted.distance / radius
    near = u**3 - 9 / 16 * u**4 + u**6 / 32
    prompt = (3.0 - wanted.prompt[0]) / 2.5
    delayed = (wanted.delayed[0][1] - wanted.delayed[0][0]) / 2.5
    width = (wanted.time[1] - wanted.time[0]) * 1e-6
    return rate**2 * prompt * delayed * width * near * seconds


@pytest.mark.parametrize("alone", [0.0, 2000.0])
def test_accidental_pairs_come_at_the_rate_of_chance_on_time_and_off_time(alone):
    """Poisson in number, with the known share of a sphere's points that are near each other.

    False alarms: four standard deviations, 6e-5 a test.
    """
    rate, seconds, radius = 20.0, 6000.0, 2.5
    events = singles_run(11, rate=rate, seconds=seconds, radius=radius)
    on = IbdSettings(alone=alone)
    off = IbdSettings(alone=alone, off_time=True, windows=50)
    expected = chance(rate, radius, on, seconds)
    selected = rate * (3.0 - 0.9) / 2.5
    quiet = math.exp(-selected * 2 * alone * 1e-6)
    if alone:
        width = (on.time[1] - on.time[0]) * 1e-6
        quiet *= -math.expm1(-selected * width) / (selected * width)
    n_on, n_off = len(found(events, on)[0]), len(found(events, off)[0])
    assert expected * quiet > 100
    assert abs(n_on - expected * quiet) < 4 * math.sqrt(expected)
    singles = expected * math.sqrt(2 / (rate * seconds))
    assert abs(n_off / 50 - expected * quiet) < 4 * (math.sqrt(expected / 50) + singles)


def test_times_of_accidental_pairs_are_uniform_and_of_true_ones_exponential():
    """Kolmogorov and Smirnov at 1e-4 each."""
    from scipy import stats

    events = singles_run(3, rate=60.0, seconds=2000.0)
    dt = found(events, OFF)[0].columns["dt"]
    assert len(dt) > 1000
    assert stats.kstest(dt, "uniform", args=(0.5e-6, 1e-3 - 0.5e-6)).pvalue > 1e-4
    true, _ = found(singles_run(3, rate=0.1, seconds=2e5, n_pairs=3000), IbdSettings())
    dt = true.columns["dt"][true.truth["kind"] == b"ibd"] - 1e-6
    assert len(dt) > 2900
    law = stats.truncexpon(b=1e-3 / 207.5e-6, scale=207.5e-6)
    assert stats.kstest(dt, law.cdf).pvalue > 1e-4


def test_nothing_is_paired_soon_after_a_muon():
    time = np.array([1500, 1700, 2600, 2800]) * US
    events = as_events(time, np.zeros((4, 3)), 2.2)
    muons = muons_at([0])
    pairs, counts = found(events, IbdSettings(), muons=muons)
    assert pairs.members["prompt"].tolist() == [7]
    assert counts["events vetoed after muons"] == 2
    everything, _ = found(events, IbdSettings(veto=0.0), muons=muons)
    assert len(everything) == 3
    assert len(found(events, IbdSettings(), muons=Muons.none())[0]) == 3


def test_events_without_a_vertex_are_counted():
    events = as_events([0, 100 * US], [[np.nan] * 3, [0, 0, 0]], 2.2)
    pairs, counts = found(events, IbdSettings())
    assert len(pairs) == 0
    assert counts["events without a vertex"] == 1


def test_scores_are_those_of_the_prompt_event():
    events = singles_run(2, **BRISK)
    scores = np.random.default_rng(1).normal(size=(len(events), 2)).astype(np.float32)
    pairs, _ = found(events, IbdSettings(), scores=scores, names=("pid", "other"), n=17)
    rows = {int(number): row for row, number in enumerate(events.event)}
    prompt = [rows[int(number)] for number in pairs.members["prompt"]]
    np.testing.assert_array_equal(pairs.columns["pid"], scores[prompt, 0])
    np.testing.assert_array_equal(pairs.columns["other"], scores[prompt, 1])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"time": (0.0, 1000.0)}, "a delayed event comes after the prompt one, got time="),
        ({"windows": 0}, "windows must be a whole number from 1, got windows=0"),
        ({"alone": -1.0}, "alone must be a time from 0 us, got alone=-1.0"),
        ({"off_time": True, "spacing": 900.0}, "at least 1000.0 us apart, got spacing=900.0"),
        ({"delayed": ((2.6, 1.8),)}, "delayed must be a window LOW:HIGH from 0 on, got 2.6:1.8"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, says):
    with pytest.raises(ConfigurationError, match=says):
        IbdSettings(**wrong)


def test_many_windows_off_time_are_not_held_at_once():
    events = singles_run(6, rate=300.0, seconds=5.0)
    wanted = IbdSettings(off_time=True, windows=3000, spacing=1100.0, distance=0.3)
    tracemalloc.start()
    pairs, counts = found(events, wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A window takes five numbers of 8 bytes at least.
    assert counts["delayed-like events"] * 3000 * 40 > 2 * peak
    assert len(pairs) > 100


def test_the_number_of_windows_held_at_once_does_not_matter(monkeypatch):
    events = singles_run(6, rate=300.0, seconds=5.0)
    whole, counts = found(events, OFF)
    monkeypatch.setattr("kzcal.coincidence.pairs.WINDOWS_AT_ONCE", 7)
    pieces, counts_too = found(events, OFF)
    assert len(whole) > 20
    assert counts == counts_too
    for name, values in {**whole.columns, **whole.members}.items():
        np.testing.assert_array_equal(values, {**pieces.columns, **pieces.members}[name])
