"""What is told of planted changes, and what of runs in which nothing happens."""

import numpy as np
import pytest

from kzcal.monitor.alarms import unsteady_alarms
from kzcal.monitor.changes import Divided
from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.series import Series

CHANGE = 5
GAIN, EFFICIENCY, DIED, FLASHED, BACK = (3, 1500), (250, 900), (42, 77), (1000, 1201), 600
GROUP = range(320, 368)


def alarms(stability, kind):
    return [alarm for alarm in stability.alarms if alarm.kind == kind]


@pytest.mark.parametrize(
    ("kind", "pmts"), [("gain step", GAIN), ("efficiency step", EFFICIENCY), ("flashing", FLASHED)]
)
def test_a_step_is_found_within_a_run(changed, kind, pmts):
    for pmt in pmts:
        (alarm,) = (alarm for alarm in alarms(changed, kind) if alarm.pmts == (pmt,))
        assert abs(alarm.run - CHANGE) <= 1
        assert alarm.strength > 4.0


def test_pmts_that_die_and_come_back_are_told_at_once(changed):
    died = alarms(changed, "died")
    assert {(alarm.pmts[0], alarm.run) for alarm in died} == {(pmt, CHANGE) for pmt in DIED}
    assert all(alarm.severity == "red" for alarm in died)
    (back,) = alarms(changed, "came back")
    assert (back.pmts, back.run, back.severity) == ((BACK,), CHANGE, "note")


def test_cables_that_move_together_are_one_alarm(changed):
    (group,) = alarms(changed, "group step")
    assert group.run == CHANGE
    assert group.constant == "time_offset"
    assert set(group.pmts) <= set(GROUP)
    assert len(group.pmts) > 0.9 * len(GROUP)
    assert "among the 48 cables 320 to 367" in group.text
    moved = {alarm.pmts[0] for alarm in alarms(changed, "time step")}
    assert not moved & set(group.pmts)


def test_sizes_are_in_the_constants_own_unit(changed):
    divided = changed.divided["dark_rate"]
    (change,) = (c for c in divided.changes if c.row == FLASHED[0] and c.is_step)
    assert change.ratio == pytest.approx(5.0, rel=0.2)
    (change,) = (c for c in changed.divided["gain"].changes if c.row == GAIN[0])
    assert change.ratio == pytest.approx(1.2, rel=0.05)


@pytest.mark.parametrize("n_runs", [2, 3, 4, 12])
def test_few_runs_are_not_called_unsteady(n_runs):
    """2,000 rows at 1e-4 give 0.2 on average; five or more have a probability of 3e-6."""
    rng = np.random.default_rng(n_runs)
    value, error = rng.normal(1.0, 0.1, (2000, n_runs)), np.full((2000, n_runs), 0.1)
    unsteady = value.var(1, ddof=1) / 0.1**2
    nothing = np.zeros((2000, n_runs))
    series = Series("gain", "1", value, error)
    divided = {"gain": Divided(series, nothing, nothing, (), unsteady, np.zeros(1))}
    assert len(list(unsteady_alarms(divided, MonitorConfig()))) < 5
    loud = {"gain": Divided(series, nothing, nothing, (), 30 * unsteady, np.zeros(1))}
    assert len(list(unsteady_alarms(loud, MonitorConfig()))) > 100


def test_few_false_alarms_where_nothing_happens(quiet):
    """11,200 series at 1e-4 give 1.1 on average; seven or more have a probability of 2e-4."""
    steps = [alarm for alarm in quiet.alarms if alarm.constant and alarm.pmts]
    assert len(steps) < 7
    assert not alarms(quiet, "group step")
    assert not alarms(quiet, "died")
    assert sum(len(series.changes) for series in quiet.shared.values()) < 3


def test_stated_errors_are_found_right(quiet):
    """The runs are drawn with errors of which those stated are 0.85 to 1.2 times, at random."""
    for ready in quiet.prepared.values():
        assert np.allclose(ready.scale, 1.0, atol=0.08)
