"""The algebra of IOVs against a brute-force picture: one payload or none for each run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzcal.conditions.iov import (
    IOV,
    LAST_RUN,
    RunRange,
    at,
    change_between,
    compare,
    gaps,
    ordered,
    overlaps,
    place,
)
from kzcal.errors import DatabaseError

HORIZON = 40
"""Runs 0 to 39 are looked at; a range without end covers 39."""


@st.composite
def ranges(draw):
    """A run range within the horizon."""
    first = draw(st.integers(0, HORIZON - 1))
    last = draw(st.integers(first, HORIZON - 1) | st.none())
    return RunRange(first, last)


def picture(iovs) -> list[str | None]:
    """The payload of every run, by looking at every IOV."""
    seen: list[str | None] = [None] * HORIZON
    for iov in iovs:
        for run in range(iov.runs.first, min(iov.runs.end, HORIZON - 1) + 1):
            assert seen[run] is None, "two IOVs claim a run"
            seen[run] = iov.payload
    return seen


def placed(existing: list[IOV], new: list[IOV]) -> list[IOV]:
    """Existing IOVs after a placement that may split."""
    change = place(existing, new, split=True, where="test")
    assert set(change.removed) <= set(existing)
    return ordered([*(iov for iov in existing if iov not in change.removed), *change.added])


def timeline(runs: list[RunRange], letter: str) -> list[IOV]:
    """IOVs of these ranges, each split by those that come after it."""
    iovs: list[IOV] = []
    for number, found in enumerate(runs):
        iovs = placed(iovs, [IOV("k", found, f"{letter}{number}")])
    return iovs


@given(st.lists(ranges(), max_size=8))
def test_a_split_changes_the_new_runs_and_no_other(runs):
    iovs: list[IOV] = []
    for number, found in enumerate(runs):
        before = picture(iovs)
        iovs = placed(iovs, [IOV("k", found, str(number))])
        expected = [str(number) if run in found else old for run, old in enumerate(before)]
        assert picture(iovs) == expected
        assert [
            iov and iov.payload for iov in (at(iovs, run) for run in range(HORIZON))
        ] == expected
        assert overlaps(iovs) == ()


@given(st.lists(ranges(), max_size=6), st.lists(ranges(), min_size=1, max_size=4))
def test_several_at_once_are_as_good_as_one_by_one(old, new):
    existing = timeline(old, "old")
    batch = [IOV("k", found, f"new{i}") for i, found in enumerate(new)]
    if overlaps(ordered(batch)):
        with pytest.raises(DatabaseError, match="stored together must not overlap"):
            place(existing, batch, split=True, where="test")
        return
    one_by_one = existing
    for iov in batch:
        one_by_one = placed(one_by_one, [iov])
    assert picture(placed(existing, batch)) == picture(one_by_one)


@given(st.lists(ranges(), max_size=6), ranges())
def test_refuse_refuses_exactly_what_overlaps(old, found):
    existing = timeline(old, "old")
    covered = any(run is not None for run in picture(existing)[found.first : found.end + 1])
    new = [IOV("k", found, "new")]
    if covered:
        with pytest.raises(DatabaseError, match="must not overlap"):
            place(existing, new, split=False, where="test")
    else:
        change = place(existing, new, split=False, where="test")
        assert (change.removed, change.added) == ((), tuple(new))


@given(st.lists(ranges(), max_size=8))
def test_gaps_are_the_runs_without_payload_between_the_first_and_the_last(runs):
    iovs = timeline(runs[1:], "x")
    seen = picture(iovs)
    inside = [run for run, payload in enumerate(seen) if payload is not None]
    missing = {run for run in range(HORIZON) if inside and inside[0] < run < inside[-1]}
    missing -= set(inside)
    found = gaps(iovs)
    assert {run for gap in found for run in range(gap.first, gap.end + 1)} == missing
    assert len(found) == sum(run - 1 not in missing for run in missing)


@given(st.lists(ranges(), max_size=6), st.lists(ranges(), max_size=6))
def test_compare_finds_every_run_that_differs(left, right):
    a, b = timeline(left, "x"), timeline(right, "x")
    found = compare(a, b)
    for run, sides in enumerate(zip(picture(a), picture(b), strict=True)):
        covering = [d for d in found if run in d.runs]
        assert [(d.left, d.right) for d in covering] == ([] if sides[0] == sides[1] else [sides])


@given(st.lists(ranges(), max_size=6), st.lists(ranges(), max_size=6))
def test_change_between_leads_from_one_to_the_other(left, right):
    a, b = timeline(left, "x"), timeline(right, "x")
    change = change_between(a, b)
    after = [iov for iov in a if iov not in change.removed]
    assert picture([*after, *change.added]) == picture(b)
    assert not set(change.removed) & set(change.added)


@pytest.mark.parametrize(
    ("first", "last"),
    [(-1, 3), (5, 4), (0.5, 1), ("1", 2), (1, LAST_RUN + 1), (None, 1), (LAST_RUN + 1, None)],
)
def test_a_wrong_range_is_refused(first, last):
    with pytest.raises(DatabaseError, match="a run"):
        RunRange(first, last)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        (RunRange(7, 7), "run 7"),
        (RunRange(7, 9), "runs 7 to 9"),
        (RunRange(7, None), "runs 7 onwards"),
    ],
)
def test_a_range_reads_as_words(runs, words):
    assert str(runs) == words
