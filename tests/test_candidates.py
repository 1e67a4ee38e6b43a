"""Laws of candidates: selections, padding and joining agree with a loop over them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kzcal.candidates import joined
from kzcal.errors import ConfigurationError
from kzcal.testing.candidates import synthetic_candidates

QUICK = settings(max_examples=40, deadline=None)
SPALLATION = synthetic_candidates("spallation", 23)[0]
EVENTS = np.arange(9)
PAIRS = replace(
    synthetic_candidates("ibd", 9)[0], members={"prompt": 2 * EVENTS, "delayed": 2 * EVENTS + 1}
)


def rows_of(candidates):
    """Every candidate as plain values: the slow way to look at them."""
    per_row = candidates.columns | candidates.truth | candidates.members
    rows = []
    for i in range(len(candidates)):
        start, stop = candidates.offsets[i : i + 2]
        points = {name: values[start:stop].tolist() for name, values in candidates.points.items()}
        numbers = {name: str(values[i]) for name, values in per_row.items()}
        rows.append((candidates.event[i], candidates.run[i], numbers, points))
    return rows


@QUICK
@given(chosen=st.lists(st.integers(0, 22), max_size=30))
def test_take_by_rows_equals_a_loop(chosen):
    every = rows_of(SPALLATION)
    taken = SPALLATION.take(np.array(chosen, np.int64))
    assert rows_of(taken) == [every[i] for i in chosen]
    assert taken.counts.tolist() == [len(every[i][3]["dt"]) for i in chosen]


@QUICK
@given(mask=npst.arrays(bool, 23))
def test_take_by_mask_equals_a_loop(mask):
    kept = zip(rows_of(SPALLATION), mask, strict=True)
    assert rows_of(SPALLATION.take(mask)) == [row for row, keep in kept if keep]


def test_pairs_keep_the_numbers_of_their_events():
    taken = PAIRS.take(np.array([4, 2]))
    assert taken.members["delayed"].tolist() == [9, 5]
    assert rows_of(taken) == [rows_of(PAIRS)[4], rows_of(PAIRS)[2]]


@QUICK
@given(cuts=st.lists(st.integers(0, 23), max_size=4).map(sorted))
def test_parts_joined_again_are_the_whole(cuts):
    edges = [0, *cuts, 23]
    parts = [SPALLATION.take(np.arange(*edge)) for edge in pairwise(edges)]
    assert rows_of(joined(parts)) == rows_of(SPALLATION)


def test_the_rest_of_a_longer_table_of_points_is_not_joined():
    view = replace(
        SPALLATION.take(np.arange(4, 9)),
        offsets=SPALLATION.offsets[4:10],
        points=SPALLATION.points,
    )
    expected = [*rows_of(SPALLATION)[4:9], rows_of(SPALLATION)[0]]
    assert rows_of(joined([view, SPALLATION.take(np.arange(1))])) == expected


def test_what_differs_is_not_joined():
    with pytest.raises(ConfigurationError, match="must have one purpose, got spallation; ibd"):
        joined([SPALLATION, PAIRS])
    fewer = replace(SPALLATION, truth={})
    with pytest.raises(ConfigurationError, match=r"must have one truth, got group, .*; none"):
        joined([SPALLATION, fewer])
    with pytest.raises(ConfigurationError, match="at least one set, got none"):
        joined([])


@QUICK
@given(most=st.integers(0, 9))
def test_padding_shows_the_first_points_and_zeros(most):
    names = ["distance", "dt"]
    values, present = SPALLATION.padded(names, most)
    assert values.shape == (23, most, 2)
    for i, (_, _, _, points) in enumerate(rows_of(SPALLATION)):
        n = min(most, len(points["dt"]))
        assert present[i].tolist() == [True] * n + [False] * (most - n)
        assert not values[i, n:].any()
        for c, name in enumerate(names):
            assert values[i, :n, c].tolist() == points[name][:n]


def test_a_table_has_columns_in_the_order_asked_for():
    table = SPALLATION.table(["radius", "energy"])
    np.testing.assert_array_equal(table[:, 0], SPALLATION.columns["radius"])
    np.testing.assert_array_equal(table[:, 1], SPALLATION.columns["energy"])
    points = SPALLATION.point_table(["dt", "dx"])
    np.testing.assert_array_equal(points[:, 0], SPALLATION.points["dt"])
    np.testing.assert_array_equal(points[:, 1], SPALLATION.points["dx"])


def test_an_unknown_column_is_refused_with_the_choices():
    with pytest.raises(ConfigurationError, match=r"no column 'e' .choices: energy, x, y"):
        SPALLATION.table(["e"])
    with pytest.raises(ConfigurationError, match=r"no column of points 'e' .choices: dx, dy"):
        SPALLATION.padded(["e"], 3)
    with pytest.raises(ConfigurationError, match=r"no column of points 'e' .choices: dx, dy"):
        SPALLATION.point_table(["dx", "e"])
    with pytest.raises(ConfigurationError, match=r"no column of points 'dt' .choices: none"):
        PAIRS.padded(["dt"], 3)
