"""Where intervals of validity are cut."""

import numpy as np

from kzcal.conditions.iov import IOV, RunRange
from kzcal.monitor.alarms import Alarm
from kzcal.monitor.boundaries import propose, starts

IOVS = [IOV("pmt-response", RunRange(100 + 2 * k, 100 + 2 * k), "") for k in range(10)]


def alarm(kind, run, *pmts):
    return Alarm(kind, run, pmts, "gain", f"{kind} at {run}", np.inf)


def test_without_alarms_there_is_one_interval():
    (only,) = propose(IOVS, [], 10)
    assert (only.first, only.last) == (0, 9)
    assert only.runs == RunRange(100, 118)
    assert only.reasons == ()


def test_a_common_change_cuts_and_gaps_go_to_the_interval_before():
    before, after = propose(IOVS, [alarm("group step", 4, 1, 2, 3)], 10)
    assert before.runs == RunRange(100, 107)
    assert after.runs == RunRange(108, 118)
    assert after.reasons == ("group step at 4",)
    assert starts([before, after]) == [4]


def test_single_changes_add_up_until_they_cut():
    singles = [alarm("gain step", run, run) for run in range(1, 9)]
    assert len(propose(IOVS, singles, 9)) == 1
    intervals = propose(IOVS, singles, 4)
    assert [interval.first for interval in intervals] == [0, 4, 8]
    assert intervals[1].n_changed == 4


def test_a_pmt_that_changes_often_counts_once():
    often = [alarm("gain step", run, 7) for run in range(1, 9)]
    assert len(propose(IOVS, often, 2)) == 1


def test_what_no_boundary_mends_does_not_cut():
    kinds = ("unsteady", "drift bends", "global drift bends")
    assert len(propose(IOVS, [alarm(kind, 5, 1, 2) for kind in kinds], 1)) == 1


def test_an_open_end_stays_open():
    iovs = [*IOVS[:-1], IOV("pmt-response", RunRange(118, None), "")]
    assert propose(iovs, [alarm("global step", 3)], 10)[-1].runs == RunRange(106, None)
