"""Laws of ragged hits: views, selections and sums agree with a loop over events."""

import time

import numpy as np
import pytest
from event_files import many_events, plain_events
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kzcal.hits import PIECE_M, Hits, Muons, Profile

QUICK = settings(max_examples=60, deadline=None)
COLUMNS = ("pmt", "time", "charge")


def rows_of(hits):
    """Every event's hits as a list of tuples: the slow way to look at them."""
    columns = [getattr(hits, name).tolist() for name in COLUMNS]
    return [
        list(zip(*(column[a:b] for column in columns), strict=True))
        for a, b in zip(hits.offsets[:-1], hits.offsets[1:], strict=True)
    ]


@QUICK
@given(events=many_events(), data=st.data())
def test_a_slice_is_a_view_of_its_events(events, data):
    n = len(events)
    start = data.draw(st.integers(-n - 1, n + 1))
    stop = data.draw(st.integers(-n - 1, n + 1))
    part = events.hits[start:stop]
    assert rows_of(part) == rows_of(events.hits)[start:stop]
    assert part.offsets[0] == 0
    for name in COLUMNS:
        column = getattr(part, name)
        if len(column):
            assert np.shares_memory(column, getattr(events.hits, name))


@QUICK
@given(events=many_events(), data=st.data())
def test_slicing_twice_is_slicing_once(events, data):
    a, b, c, d = (data.draw(st.integers(0, len(events))) for _ in range(4))
    assert rows_of(events.hits[a:b][c:d]) == rows_of(events.hits)[a:b][c:d]


@QUICK
@given(events=many_events(), data=st.data())
def test_take_by_rows_equals_brute_force(events, data):
    n = len(events)
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=8)) if n else []
    taken = events.take(np.array(chosen, np.int64))
    every = rows_of(events.hits)
    assert rows_of(taken.hits) == [every[i] for i in chosen]
    assert taken.event.tolist() == [events.event[i] for i in chosen]
    assert taken.truth["kind"].tolist() == [events.truth["kind"][i] for i in chosen]


@QUICK
@given(events=many_events(), data=st.data())
def test_take_by_mask_equals_brute_force(events, data):
    mask = data.draw(npst.arrays(bool, len(events)))
    taken = events.take(mask)
    kept = zip(rows_of(events.hits), mask, strict=True)
    assert rows_of(taken.hits) == [rows for rows, keep in kept if keep]
    assert taken.timestamp.tolist() == events.timestamp[mask].tolist()


@QUICK
@given(events=many_events(), data=st.data())
def test_where_keeps_every_event_and_the_hits_that_satisfy(events, data):
    keep = data.draw(npst.arrays(bool, len(events.hits.pmt)))
    found = rows_of(events.hits.where(keep))
    mask = iter(keep)
    assert found == [[row for row in rows if next(mask)] for rows in rows_of(events.hits)]


@QUICK
@given(events=many_events())
def test_counts_offsets_and_event_index_tell_the_same(events):
    hits = events.hits
    assert hits.counts.tolist() == [len(rows) for rows in rows_of(hits)]
    again = Hits.from_counts(hits.counts, hits.pmt, hits.time, hits.charge)
    np.testing.assert_array_equal(again.offsets, hits.offsets)
    assert hits.event_index.tolist() == [i for i, rows in enumerate(rows_of(hits)) for _ in rows]


@QUICK
@given(counts=st.lists(st.integers(0, 5), max_size=20), seed=st.integers(0, 99))
def test_sum_per_event_equals_a_loop(counts, seed):
    charge = np.random.default_rng(seed).exponential(1, sum(counts)).astype(np.float32)
    hits = Hits.from_counts(
        np.array(counts, np.int64), np.zeros(len(charge), np.uint16), charge, charge
    )
    expected = [
        charge[a:b].sum(dtype=np.float64)
        for a, b in zip(hits.offsets[:-1], hits.offsets[1:], strict=True)
    ]
    np.testing.assert_allclose(hits.sum_per_event(charge), expected, rtol=1e-12)


def test_events_inside_a_longer_table_are_summed_alone():
    hits = plain_events().hits
    inside = Hits(hits.offsets[5:9], hits.pmt, hits.time, hits.charge)
    assert rows_of(inside) == rows_of(hits[5:8])
    np.testing.assert_array_equal(
        inside.sum_per_event(hits.charge), hits.sum_per_event(hits.charge)[5:8]
    )


def test_a_step_other_than_one_is_refused():
    with pytest.raises(IndexError, match=r"got step=2: use take\(\)"):
        plain_events().hits[::2]


def test_slices_of_events_share_every_column():
    events = plain_events()
    part = events[5:12]
    for name in ("event", "timestamp", "trigger", "vertex", "energy", "t0"):
        assert np.shares_memory(getattr(part, name), getattr(events, name))
        np.testing.assert_array_equal(getattr(part, name), getattr(events, name)[5:12])
    assert np.shares_memory(part.truth["kind"], events.truth["kind"])
    assert len(part) == 7


def test_physics_and_forced_triggers_are_told_apart():
    events = plain_events(4)
    events.trigger[:] = [0, 1, 1, 0]
    assert events.physics.tolist() == [True, False, False, True]
    assert events.forced.tolist() == [False, True, True, False]


def test_no_muons_are_columns_of_length_zero():
    none = Muons.none()
    assert len(none) == 0
    assert none.entry.shape == none.direction.shape == (0, 3)


def test_a_profile_between_two_places_is_the_integral_of_its_pieces():
    rng = np.random.default_rng(3)
    counts = np.array([3, 0, 40, 1])
    deposit = rng.exponential(30, counts.sum()).astype(np.float32)
    profile = Profile(np.cumsum([0, *counts]), deposit)
    muon = rng.integers(0, 4, 300)
    begin = rng.uniform(-1, 9, 300)
    end = begin + rng.exponential(1, 300)
    fine = (np.arange(200_000) + 0.5) * 1e-4 - 2
    for found, row, low, high in zip(
        profile.between(muon, begin, end), muon, begin, end, strict=True
    ):
        inside = (fine >= max(low, 0)) & (fine < min(high, counts[row] * PIECE_M))
        pieces = profile.offsets[row] + (fine[inside] / PIECE_M).astype(int)
        expected = deposit[pieces].sum(dtype=float) * 1e-4 / PIECE_M if counts[row] else np.nan
        np.testing.assert_allclose(found, expected, atol=0.05)


def test_all_of_a_track_holds_all_that_its_muon_deposited():
    profile = Profile(np.array([0, 3, 5]), np.array([1, 2, 4, 8, 16], np.float32))
    every, begin = np.array([0, 1]), np.zeros(2)
    np.testing.assert_allclose(profile.between(every, begin, begin + 99.0), [7, 24], rtol=1e-12)


@QUICK
@given(events=many_events())
def test_awkward_records_hold_the_same_hits(events):
    array = events.hits.to_awkward()
    found = [[(r["pmt"], r["time"], r["charge"]) for r in rows] for rows in array.to_list()]
    assert found == rows_of(events.hits)


def test_awkward_shares_the_columns():
    import awkward as ak

    hits = plain_events().hits
    for name in COLUMNS:
        assert np.shares_memory(
            ak.to_numpy(ak.flatten(hits.to_awkward()[name])), getattr(hits, name)
        )


@QUICK
@given(events=many_events())
def test_tensors_hold_the_same_hits(events):
    import torch

    tensors = events.hits.to_torch()
    for name in ("offsets", *COLUMNS):
        np.testing.assert_array_equal(tensors[name].numpy(), getattr(events.hits, name))
    assert tensors["pmt"].dtype == tensors["offsets"].dtype == torch.int64
    assert tensors["time"].dtype == tensors["charge"].dtype == torch.float32


@pytest.fixture(scope="module")
def ten_million():
    """Ten million hits in 30,000 events."""
    counts = np.full(30_000, 334)
    n = int(counts.sum())
    charge = np.ones(n, np.float32)
    return Hits.from_counts(counts, np.zeros(n, np.uint16), charge, charge)


@pytest.mark.parametrize(
    ("work", "limit_s"),
    [
        (lambda hits: hits[10_000:20_000], 0.001),
        (lambda hits: hits.sum_per_event(hits.charge), 0.3),
        (lambda hits: hits.take(np.arange(0, 30_000, 10)), 0.3),
    ],
    ids=["slice", "sum", "take"],
)
def test_ten_million_hits_cost_no_python_loop(ten_million, work, limit_s):
    """A loop over the events would take longer than this, one over the hits a thousand times."""
    times = []
    for _ in range(5):
        start = time.process_time()
        work(ten_million)
        times.append(time.process_time() - start)
    assert min(times) < limit_s
