"""What changed between two calibrations."""

from dataclasses import replace

import numpy as np
import pytest

from kzcal.calibrate.report.changes import changed_pmts, changed_statuses, shifts
from kzcal.calibrate.report.sections.comparison import LISTED
from kzcal.conditions.quantities import QUANTITIES


def moved(calibration, previous, changed, name, pmt, sigmas):
    """The calibration with a constant of one PMT moved so far from the previous one."""
    now, before = calibration.columns[name], previous.columns[name]
    values = now.values.copy()
    values[pmt] = before.values[pmt] + sigmas * np.hypot(now.errors[pmt], before.errors[pmt])
    return changed(calibration, **{name: values})


@pytest.mark.parametrize("name", [quantity.name for quantity in QUANTITIES])
def test_a_change_of_six_sigma_is_listed_and_one_of_four_is_not(
    calibration, previous, changed, rendered, diagnostics, name
):
    far = moved(calibration, previous, changed, name, 300, -6.0)
    far = moved(far, previous, changed, name, 301, 4.0)
    (change,) = changed_pmts(far, previous)
    assert (change.pmt, change.name) == (300, name)
    assert change.pull == pytest.approx(-6.0)
    page = rendered("comparison", far, diagnostics, previous)
    assert page.row("300", table=1)[-1] == "−6.0"


def test_two_calibrations_of_one_truth_have_pulls_of_width_one(calibration, previous):
    """Of 1,874 PMTs, the width is known to 2 %; 5 standard errors: false alarm 1e-6 a constant."""
    for shift in shifts(calibration, previous):
        centre, width = shift.centre_and_width
        assert abs(centre) < 5 * 1.25 / np.sqrt(shift.known.sum())
        assert abs(width - 1) < 0.11


def test_pmts_that_are_bad_in_either_are_left_out(calibration, previous, changed):
    status = previous.columns["status"].values.copy()
    status[900] = "hot"
    for shift in shifts(calibration, changed(previous, status=status)):
        assert not shift.known[900]
        assert shift.known.sum() == 1879 - 5 - 1


def test_changes_of_status_are_listed_by_kind(
    calibration, previous, changed, diagnostics, rendered
):
    status = previous.columns["status"].values.copy()
    status[[17, 731]], status[900] = "good", "dead"
    before = changed(previous, status=status)
    found = {
        (change.before, change.now): change.pmts
        for change in changed_statuses(calibration, before)
    }
    assert found == {("good", "dead"): (17,), ("good", "hot"): (731,), ("dead", "good"): (900,)}
    page = rendered("comparison", calibration, diagnostics, before)
    rows = page.tables[-1][1:]
    assert ["good", "dead", "1", "17"] in rows
    assert len(rows) == 3


def test_many_changes_are_counted_and_the_largest_listed(
    calibration, previous, changed, diagnostics, rendered
):
    shifted = changed(calibration, time_offset=calibration.columns["time_offset"].values + 5.0)
    n_changes = len(changed_pmts(shifted, previous))
    assert n_changes > 1800
    page = rendered("comparison", shifted, diagnostics, previous)
    assert f"the {LISTED} largest of each, {n_changes} in all" in page.text
    assert len(page.tables[1]) == LISTED + 1
    assert page.row("time offset")[-1] == str(n_changes)


def test_without_a_previous_calibration_there_is_a_sentence(calibration, diagnostics, rendered):
    page = rendered("comparison", calibration, diagnostics)
    assert page.text.strip() == "There is no calibration before this one in the tag."


def test_a_previous_calibration_of_another_detector_is_not_compared(
    calibration, diagnostics, rendered
):
    columns = {
        name: replace(
            column,
            values=column.values[:100],
            errors=None if column.errors is None else column.errors[:100],
        )
        for name, column in calibration.columns.items()
    }
    page = rendered("comparison", calibration, diagnostics, replace(calibration, columns=columns))
    assert "it has 100 PMTs, this one 1879" in page.text


def test_the_previous_run_and_its_file_are_named(calibration, previous, diagnostics, rendered):
    page = rendered("comparison", calibration, diagnostics, previous)
    assert "Compared with run 15000, run_15000.h5." in page.text
