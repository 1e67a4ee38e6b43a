"""Cuts that samples share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzcal.hits import Events, Hits, Muons
from kzcal.samples.cuts import NEVER, alone, since_muon, within
from kzcal.samples.purity import counted


def events_at(times, trigger=None, vertex=None) -> Events:
    n = len(times)
    hits = Hits(np.zeros(n + 1, np.int64), *(np.zeros(0, t) for t in ("u2", "f4", "f4")))
    return Events(
        np.arange(n),
        np.asarray(times, np.int64),
        np.zeros(n, np.uint8) if trigger is None else np.asarray(trigger, np.uint8),
        np.zeros((n, 3), np.float32) if vertex is None else np.asarray(vertex, np.float32),
        np.ones(n, np.float32),
        np.zeros(n, np.float32),
        hits,
    )


def muons_at(times) -> Muons:
    n = len(times)
    vector = np.zeros((n, 3), np.float32)
    return Muons(np.asarray(times, np.int64), vector, vector, np.ones(n, np.float32))


TIMES = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


@given(TIMES, TIMES)
def test_time_since_a_muon_is_that_since_the_last_one_before(times, muons):
    expected = [min((t - m for m in muons if m <= t), default=NEVER) for t in times]
    assert since_muon(events_at(times), muons_at(muons)).tolist() == expected


def test_without_muons_no_event_is_after_one():
    assert since_muon(events_at([1, 2]), Muons.none()).tolist() == [NEVER, NEVER]


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=30), st.integers(1, 40))
def test_alone_means_no_other_physics_trigger_nearby(rows, gap):
    times, forced = [t for t, _ in rows], [f for _, f in rows]
    expected = [
        not forced[i]
        and all(forced[j] or j == i or abs(t - times[j]) >= gap for j in range(len(rows)))
        for i, t in enumerate(times)
    ]
    assert alone(events_at(times, trigger=forced), gap).tolist() == expected


def test_within_a_radius_are_physics_triggers_only():
    vertex = [[0, 0, 5.9], [0, 6.1, 0], [np.nan] * 3, [1, 1, 1]]
    events = events_at([0, 1, 2, 3], trigger=[0, 0, 1, 0], vertex=vertex)
    assert within(events, 6.0).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((100, 10.0, 3.0), (0.9, np.sqrt(9 + 10) / 100)),
        ((100, 0.0, 0.0), (1.0, 0.0)),
        ((10, 20.0, 1.0), (0.0, np.sqrt(21) / 10)),
        ((0, 0.0, 0.0), (0.0, 1.0)),
    ],
)
def test_purity_from_counts(counts, expected):
    assert counted(*counts) == pytest.approx(expected)
