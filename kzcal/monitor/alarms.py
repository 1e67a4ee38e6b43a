"""What a shifter is told: PMTs that died, flash, came back or stepped, one by one or together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from scipy.stats import chi2

from kzcal.calibrate.report.digits import measured, number, words
from kzcal.monitor.changes import Change, Divided
from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.groups import Group
from kzcal.monitor.series import SILENT

HOT = "hot"
RED, AMBER, NOTE = "red", "amber", "note"
SEVERITY: Mapping[str, str] = MappingProxyType(
    {
        "died": RED,
        "came back": NOTE,
        "flashing": RED,
        "quiet again": NOTE,
        "noisier": AMBER,
        "quieter": NOTE,
        "efficiency step": AMBER,
        "gain step": AMBER,
        "width step": AMBER,
        "time step": AMBER,
        "transit-time step": AMBER,
        "drift bends": NOTE,
        "unsteady": AMBER,
        "status": RED,
        "group step": RED,
        "global step": RED,
        "global drift bends": NOTE,
    }
)
"""Every kind of alarm, with how much it matters."""
KIND_OF: Mapping[str, str] = MappingProxyType(
    {
        "qe": "efficiency step",
        "gain": "gain step",
        "spe_width": "width step",
        "time_offset": "time step",
        "tts": "transit-time step",
    }
)
NEARBY = 1
"""Runs between two signs of one event."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that happened.

    Args:
        kind: a key of SEVERITY.
        run: position of the first run with it among the runs of the tag.
        pmts: cable numbers; empty for the whole detector.
        constant: that changed; "" for a status.
        text: one sentence.
        strength: of the evidence in standard deviations; infinite for a status.
    """

    kind: str
    run: int
    pmts: tuple[int, ...]
    constant: str
    text: str
    strength: float

    @property
    def severity(self) -> str:
        """Red, amber or note."""
        return SEVERITY[self.kind]


def alarms_of(
    status: np.ndarray,
    divided: Mapping[str, Divided],
    found: Sequence[Group],
    shared: Iterable[tuple[str, Divided]],
    config: MonitorConfig,
) -> tuple[Alarm, ...]:
    """Every alarm in order of runs, the gravest first.

    Args:
        status: in words, by PMT and run.
        divided: constants of the PMTs, by name.
        found: groups of PMTs that changed together.
        shared: series of the whole detector, with what to call each.
        config: settings.
    """
    grouped = {(g.name, run, pmt) for g in found for pmt in g.pmts for run in near(g.run)}
    single = [
        _of_change(change, config)
        for series in divided.values()
        for change in series.changes
        if (change.name, change.run, change.row) not in grouped
    ]
    rated = np.isfinite(divided["dark_rate"].series.value)
    alarms = [
        *(_of_group(group) for group in found),
        *_merged([*single, *_of_statuses(status, rated)]),
        *(_of_shared(what, change) for what, s in shared for change in s.changes),
        *unsteady_alarms(divided, config),
    ]
    order = {RED: 0, AMBER: 1, NOTE: 2}
    return tuple(sorted(alarms, key=lambda a: (a.run, order[a.severity], a.kind, a.pmts)))


def _of_change(change: Change, config: MonitorConfig) -> Alarm:
    kind = KIND_OF.get(change.name, "")
    if not change.is_step:
        kind = "drift bends"
    elif change.name == "dark_rate":
        kind = _dark(change.ratio, config.flash_factor)
    text = f"{words(change.name)} {measured(*change.before)} before, {measured(*change.after)} now"
    return Alarm(kind, change.run, (change.row,), change.name, text, abs(change.pull))


def _dark(ratio: float, flash_factor: float) -> str:
    if ratio >= flash_factor:
        return "flashing"
    if ratio <= 1 / flash_factor:
        return "quiet again"
    return "noisier" if ratio > 1 else "quieter"


def near(run: int) -> range:
    """The runs in which the signs of one event may lie."""
    return range(run - NEARBY, run + NEARBY + 1)


def _of_statuses(status: np.ndarray, rated: np.ndarray) -> Iterator[Alarm]:
    """Alarms of PMTs whose status becomes another.

    Whether a PMT is hot is left to the series of its dark rates where there are any: one close to
    the limit is called hot in some runs and good in others.
    """
    for run, (before, now) in enumerate(pairwise(status.T), start=1):
        for pmt in np.flatnonzero(before != now).tolist():
            was, word = str(before[pmt]), str(now[pmt])
            if HOT in (was, word) and rated[pmt, run - 1] and rated[pmt, run]:
                continue
            yield Alarm(
                _status_kind(was, word), run, (pmt,), "", f"{was} before, {word} now", np.inf
            )


def _status_kind(before: str, now: str) -> str:
    if now == SILENT:
        return "died"
    if before == SILENT:
        return "came back"
    if now == HOT:
        return "flashing"
    return "quiet again" if before == HOT else "status"


def _merged(alarms: Sequence[Alarm]) -> list[Alarm]:
    """One alarm where a step and a change of status tell of the same event."""
    kept: dict[tuple[str, int], list[Alarm]] = {}
    for alarm in sorted(alarms, key=lambda a: (a.run, not a.constant)):
        same = kept.setdefault((alarm.kind, alarm.pmts[0]), [])
        twin = bool(same) and alarm.run - same[-1].run <= NEARBY
        if twin and (alarm.constant == "") != (same[-1].constant == ""):
            continue
        same.append(alarm)
    return [alarm for same in kept.values() for alarm in same]


def _of_group(group: Group) -> Alarm:
    name, n = words(group.name), len(group.pmts)
    size = f"{number(group.size, 2)} ns" if group.name == "time_offset" else ""
    how = f"by {size}" if size else f"to {number(group.size, 3)} of what it was"
    where = "all over the detector"
    if group.cables is not None:
        first, last = group.cables
        where = f"among the {last - first + 1} cables {first} to {last}"
    text = f"{name} of {n} PMTs {where} moved {how}"
    return Alarm("group step", group.run, group.pmts, group.name, text, np.inf)


def _of_shared(what: str, change: Change) -> Alarm:
    kind = "global step" if change.is_step else "global drift bends"
    text = f"{what}: {measured(*change.before)} before, {measured(*change.after)} now"
    return Alarm(kind, change.run, (), change.name, text, abs(change.pull))


def unsteady_alarms(divided: Mapping[str, Divided], config: MonitorConfig) -> Iterator[Alarm]:
    """Constants that scatter about their own segments by more than chance, dated by the last run.

    With few runs chance makes a large chi-square per degree of freedom, so that what counts is
    both how large it is and how seldom chance exceeds it.
    """
    for name, series in divided.items():
        last = series.series.value.shape[1] - 1
        ratio = np.nan_to_num(series.unsteady)
        rows = np.array([change.row for change in series.changes], np.int64)
        segments = 1 + np.bincount(rows, minlength=len(ratio))
        freedom = np.isfinite(series.series.error).sum(1) - segments
        chance = chi2.isf(config.false_alarms, np.maximum(freedom, 1)) / np.maximum(freedom, 1)
        for pmt in np.flatnonzero(ratio > np.maximum(config.noisy, chance)).tolist():
            text = f"{words(name)} scatters, chi-square per degree of freedom {ratio[pmt]:.1f}"
            yield Alarm("unsteady", last, (pmt,), name, text, float(np.sqrt(ratio[pmt])))
