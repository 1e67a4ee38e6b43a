"""Rows, and the correction for how many there are."""

import numpy as np
import pytest

from kzcal.scorecard.row import Row, corrected


def rows(*chances):
    return [Row(f"row_{i}", "events", "1", 1, 1, 0, probability=p) for i, p in enumerate(chances)]


def test_holm_multiplies_the_smallest_by_the_number_of_tests():
    found = corrected(rows(0.01, 0.001, 0.04), 0.05)
    assert [row.corrected for row in found] == pytest.approx([0.02, 0.003, 0.04])
    assert [row.differs for row in found] == [True, True, True]
    assert not corrected(rows(0.02, 0.03), 0.03)[0].differs


def test_none_falls_below_one_before_it_and_none_exceeds_one():
    found = corrected(rows(0.3, 0.31, 0.9), 0.01)
    assert [row.corrected for row in found] == pytest.approx([0.9, 0.9, 0.9])


def test_rows_that_are_not_tested_count_for_nothing():
    found = corrected(rows(0.004, np.nan), 0.01)
    assert found[0].corrected == pytest.approx(0.004)
    assert np.isnan(found[1].corrected)
    assert not found[1].differs


def test_a_target_is_a_limit_of_one_side():
    row = rows(0.5)[0]
    assert row.aimed(0.02, figure=0.01).verdict == "met"
    assert row.aimed(0.02, figure=0.03).verdict == "missed"
    assert row.aimed(0.97, figure=0.98, most=False).verdict == "met"
    assert row.aimed(0.02, figure=float("nan")).verdict == "missed"
