"""Where intervals of validity should be cut: with common changes, and after enough single ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kzcal.conditions.iov import IOV, RunRange
from kzcal.monitor.alarms import Alarm

COMMON = ("group step", "global step")
NO_CHANGE = ("unsteady", "drift bends", "global drift bends")
"""Kinds that no boundary can mend."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Runs between two boundaries.

    Args:
        first: position of the first run among the runs of the tag.
        last: position of the last run.
        runs: for which the average holds.
        reasons: why it begins where it does; none for the first.
        n_changed: PMTs that changed since the interval before began, up to its first run.
    """

    first: int
    last: int
    runs: RunRange
    reasons: tuple[str, ...]
    n_changed: int


def propose(
    iovs: Sequence[IOV], alarms: Sequence[Alarm], boundary_pmts: int
) -> tuple[Interval, ...]:
    """Cut the runs of a tag.

    Args:
        iovs: of its calibrations, in order of runs.
        alarms: what happened.
        boundary_pmts: PMTs that changed since the last boundary from which there is a new one.
    """
    cuts: list[tuple[int, tuple[str, ...], int]] = [(0, (), 0)]
    changed: set[int] = set()
    for run in range(1, len(iovs)):
        here = [a for a in alarms if a.run == run and a.kind not in NO_CHANGE]
        common = [a.text for a in here if a.kind in COMMON]
        changed |= {pmt for a in here if a.kind not in COMMON for pmt in a.pmts}
        reasons = tuple(common)
        if len(changed) >= boundary_pmts:
            reasons += (f"{len(changed)} PMTs changed one by one",)
        if reasons:
            cuts.append((run, reasons, len(changed)))
            changed = set()
    ends = [*(cut[0] - 1 for cut in cuts[1:]), len(iovs) - 1]
    nexts = [*(iovs[cut[0]].runs.first - 1 for cut in cuts[1:]), iovs[-1].runs.last]
    return tuple(
        Interval(first, last, RunRange(iovs[first].runs.first, end), reasons, number)
        for (first, reasons, number), last, end in zip(cuts, ends, nexts, strict=True)
    )


def starts(intervals: Sequence[Interval]) -> list[int]:
    """Positions of the runs with which an interval begins, the first one left out."""
    return [after.first for _, after in pairwise(intervals)]
