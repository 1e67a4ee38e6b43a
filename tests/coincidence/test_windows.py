"""Pairs of time windows are those that a loop over all pairs finds, in pieces of any size."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kzcal.coincidence.windows import window_pairs

QUICK = settings(max_examples=60, deadline=None)
TIMES = st.lists(st.integers(0, 50), max_size=12).map(sorted)


@QUICK
@given(owners=TIMES, rows=TIMES, width=st.integers(0, 20), most=st.integers(1, 9))
def test_windows_hold_what_a_loop_over_all_pairs_finds(owners, rows, width, most):
    owners, rows = np.array(owners, np.int64), np.array(rows, np.int64)
    first, last = np.searchsorted(rows, owners - width), np.searchsorted(rows, owners)
    pieces = list(window_pairs(first, last, most))
    found = [pair for owner, row in pieces for pair in zip(owner, row, strict=True)]
    assert found == [
        (i, j) for i, t in enumerate(owners) for j, s in enumerate(rows) if t - width <= s < t
    ]
    for owner, _ in pieces:
        assert len(owner) <= most or len(set(owner)) == 1


def test_a_window_that_ends_before_it_begins_holds_nothing():
    (piece,) = window_pairs(np.array([3, 1]), np.array([1, 3]))
    assert [column.tolist() for column in piece] == [[1, 1], [1, 2]]
