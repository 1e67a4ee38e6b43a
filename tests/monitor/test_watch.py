"""Bad input, a single run, settings, and the comparison with a truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kzcal.conditions.database import Database
from kzcal.conditions.iov import IOV, RunRange
from kzcal.conditions.payload import Column
from kzcal.errors import CalibrationError, ConfigurationError, DatabaseError
from kzcal.monitor.comparison import compare
from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.page import write_page
from kzcal.monitor.series import read_record, record_of
from kzcal.monitor.watch import divided_record, watch
from kzcal.testing.payloads import example_calibration

CPU = torch.device("cpu")


def one_run(detector, run=7):
    payload = example_calibration(detector, run=run)
    return record_of("one", 1, (IOV("pmt-response", RunRange(run, run), ""),), [payload], [None])


def test_a_tag_without_calibrations_is_refused(changed_runs):
    changed_runs.db.create_tag("empty", "nothing yet")
    with pytest.raises(CalibrationError, match=r"needs calibrated runs, got none .* 'empty'"):
        read_record(changed_runs.db, "empty")


def test_a_tag_that_is_not_there_is_refused(changed_runs):
    with pytest.raises(DatabaseError, match="a tag must exist, got 'missing'"):
        read_record(changed_runs.db, "missing")


def test_one_run_has_no_changes_and_a_page(detector, tmp_path):
    found = divided_record(one_run(detector), detector, MonitorConfig(), CPU)
    assert not found.alarms
    assert len(found.intervals) == 1
    write_page(tmp_path / "index.html", found, detector)
    assert "Nothing changed." in (tmp_path / "index.html").read_text()


def test_calibrations_of_different_detectors_are_refused(detector):
    payload = example_calibration(detector)
    few = {
        name: Column(c.values[:10], c.unit, c.doc, None if c.errors is None else c.errors[:10])
        for name, c in payload.columns.items()
    }
    iovs = tuple(IOV("pmt-response", RunRange(run, run), "") for run in (1, 2))
    with pytest.raises(CalibrationError, match="have the same PMTs, got 1879 in run 1 and 10"):
        record_of("mixed", 1, iovs, [payload, replace(payload, columns=few)], [None, None])


def test_another_detector_is_refused(detector):
    record = one_run(detector)
    few = replace(record, status=record.status[:5])
    with pytest.raises(CalibrationError, match="got 5 rows and 1879 PMTs"):
        divided_record(few, detector, MonitorConfig(), CPU)


def test_a_revision_is_watched_as_it_was(tmp_path, detector):
    payload = example_calibration(detector)
    with Database.init(tmp_path / "kz.db") as db:
        for run in (1, 2):
            db.store("runs", run, run, [payload], "a run", description="runs")
        assert list(read_record(db, "runs", 2).runs) == [1]
        assert list(read_record(db, "runs").runs) == [1, 2]
        assert not watch(db, "runs", detector, MonitorConfig()).alarms


def test_the_same_seed_finds_the_same(changed, changed_runs, detector):
    again = watch(changed_runs.db, changed_runs.tag, detector, MonitorConfig())
    assert again.alarms == changed.alarms
    assert again.intervals == changed.intervals


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("false_alarm = 1e-3", "unknown key 'false_alarm': choose from false_alarms"),
        ("false_alarms = 0.5", "false_alarms must be between 0 and 0.05, got 0.5"),
        ("boundary_pmts = 2.5", "boundary_pmts must be of type int, got 2.5"),
        ("walk = -1", "walk must be 0 to 10, got -1"),
        ("walk = nan", "walk must be 0 to 10, got nan"),
    ],
)
def test_wrong_settings_are_named(text, told, tmp_path):
    file = tmp_path / "monitor.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        MonitorConfig.from_toml(file)


def test_settings_that_are_left_out_keep_their_defaults(tmp_path):
    file = tmp_path / "monitor.toml"
    file.write_text("walk = 1\nboundary_pmts = 3\n")
    assert MonitorConfig.from_toml(file) == MonitorConfig(walk=1, boundary_pmts=3)


def change(kind, quantity, cables, first, last=None):
    return {
        "kind": kind,
        "quantity": quantity,
        "cables": list(cables),
        "first_run": first,
        "last_run": last,
    }


def test_found_changes_are_compared_with_true_ones(changed):
    """Everything planted is found; what is added to the truth is missed."""
    at = 15006
    truth = [
        change("gain step", "gain", (3, 1500), at),
        change("efficiency step", "qe", (250, 900), at),
        change("died", "status", (42, 77), at),
        change("came back", "status", (600,), at),
        change("flash", "dark_rate", (1000, 1201), at),
        change("delay step", "time_offset", range(320, 368), at),
    ]
    found = compare(changed, truth)
    by_kind = {row.kind: row for row in found.kinds}
    for kind in ("gain step", "efficiency step", "died", "came back", "flash"):
        assert by_kind[kind].found == by_kind[kind].true
    assert by_kind["delay step"].found > 43
    assert found.false < 6
    fewer = compare(changed, truth[:-1])
    assert fewer.false >= found.false + 44
    more = compare(changed, [*truth, change("gain step", "gain", (1111,), at)])
    assert {row.kind: row for row in more.kinds}["gain step"].true == 3
    assert more.efficiency < found.efficiency
    assert found.purity > 0.9


def test_what_ends_counts_twice_and_what_was_there_counts_not(changed):
    truth = [
        change("flash", "dark_rate", (5,), 15003, 15007),
        change("flash", "dark_rate", (6,), 15001),
    ]
    assert [row.kind for row in compare(changed, truth).kinds] == ["flash", "end of flash"]
    assert np.isnan(compare(changed, []).efficiency)
