"""Found changes against true ones, where the truth is known: a synthetic year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kzcal.monitor.alarms import NOTE, Alarm
from kzcal.monitor.watch import Stability

LATE = 1
"""Runs that a change may be dated wrongly by and still count as found."""
SIGNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "status": ("died", "came back"),
        "dark_rate": ("flashing", "noisier", "quiet again", "quieter"),
        "gain": ("gain step",),
        "qe": ("efficiency step",),
        "time_offset": ("time step",),
    }
)
"""Kinds of alarm that a change of a constant may give."""


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """A constant of one PMT that truly changed.

    Args:
        kind: of the change.
        quantity: that changed.
        pmt: cable number.
        run: position of the first run with the new value.
    """

    kind: str
    quantity: str
    pmt: int
    run: int


@dataclass(frozen=True, slots=True)
class Found:
    """How many changes of a kind were found.

    Args:
        kind: of the change.
        true: PMTs that changed so.
        found: of them, those with an alarm of the right constant within a run of the truth.
        exact: of these, those dated to the very run.
    """

    kind: str
    true: int
    found: int
    exact: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A whole record of changes.

    Args:
        kinds: one row for each kind of change.
        told: pairs of PMT and constant that have a red or amber alarm of a step.
        false: of them, those whose constant did not change within a run of the alarm.
    """

    kinds: tuple[Found, ...]
    told: int
    false: int

    @property
    def efficiency(self) -> float:
        """Share of the true changes that were found."""
        true = sum(row.true for row in self.kinds)
        return sum(row.found for row in self.kinds) / true if true else float("nan")

    @property
    def purity(self) -> float:
        """Share of what was told that is true."""
        return 1 - self.false / self.told if self.told else float("nan")


def true_events(changes: Sequence[Mapping[str, Any]], runs: Sequence[int]) -> list[TrueEvent]:
    """Changes as ``truth.json`` of a synthetic year has them, one for each PMT.

    What ends again within the runs counts twice. What is there from the first run on is none.

    Args:
        changes: with "kind", "quantity", "cables", "first_run" and "last_run".
        runs: run numbers of the record.
    """
    events = []
    position = {run: row for row, run in enumerate(runs)}
    for change in changes:
        edges = [(change["kind"], change["first_run"])]
        if change["last_run"] is not None:
            edges.append((f"end of {change['kind']}", change["last_run"] + 1))
        for kind, run in edges:
            if position.get(run, 0) > 0:
                events += [
                    TrueEvent(kind, change["quantity"], pmt, position[run])
                    for pmt in change["cables"]
                ]
    return events


def compare(stability: Stability, changes: Sequence[Mapping[str, Any]]) -> Comparison:
    """Look for an alarm of every true change, and for a true change behind every alarm."""
    events = true_events(changes, stability.record.runs)
    signs = [
        (quantity, pmt, alarm.run, alarm)
        for alarm in stability.alarms
        for quantity in _quantities(alarm)
        for pmt in alarm.pmts
    ]
    dated: dict[tuple[str, int], list[int]] = {}
    for quantity, pmt, run, _ in signs:
        dated.setdefault((quantity, pmt), []).append(run)
    truth: dict[tuple[str, int], list[int]] = {}
    for event in events:
        truth.setdefault((event.quantity, event.pmt), []).append(event.run)
    told = [(q, pmt, run) for q, pmt, run, alarm in signs if alarm.severity != NOTE]
    false = [row for row in told if not _near(truth.get((row[0], row[1]), []), row[2])]
    kinds = [_found(kind, events, dated) for kind in dict.fromkeys(e.kind for e in events)]
    return Comparison(tuple(kinds), len(told), len(false))


def _quantities(alarm: Alarm) -> list[str]:
    """Constants whose change the alarm tells of."""
    if alarm.kind == "group step":
        return [alarm.constant]
    return [quantity for quantity, kinds in SIGNS.items() if alarm.kind in kinds]


def _near(runs: Sequence[int], run: int) -> bool:
    return any(abs(run - other) <= LATE for other in runs)


def _found(
    kind: str, events: Sequence[TrueEvent], dated: Mapping[tuple[str, int], Sequence[int]]
) -> Found:
    mine = [event for event in events if event.kind == kind]
    runs = [dated.get((event.quantity, event.pmt), []) for event in mine]
    found = sum(_near(there, e.run) for e, there in zip(mine, runs, strict=True))
    exact = sum(e.run in there for e, there in zip(mine, runs, strict=True))
    return Found(kind, len(mine), found, exact)
