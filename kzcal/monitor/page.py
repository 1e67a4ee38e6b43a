"""The stability page: what a shifter keeps open. One file of HTML that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import kzcal
from kzcal.calibrate.report import digits
from kzcal.calibrate.report.sphere import SphereMap, colour_key
from kzcal.geometry import Detector
from kzcal.io.atomic import replacing
from kzcal.monitor.alarms import AMBER, NOTE, RED, SEVERITY, Alarm
from kzcal.monitor.boundaries import starts
from kzcal.monitor.changes import Divided
from kzcal.monitor.drawing import series_picture, timeline
from kzcal.monitor.series import SILENT
from kzcal.monitor.watch import TYPES, Stability

RECENT = 3
"""Runs that a light looks back."""
LISTED, DRAWN, NAMED = 300, 24, 12
"""Alarms in the table, PMTs with pictures, PMT numbers in a line, at most."""
COLOURS: Mapping[str, str] = MappingProxyType(
    {RED: "#c0392b", AMBER: "#e0a100", NOTE: "#4a90c2", "": "#9aa0a6"}
)
LIGHTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "PMTs alive": ("died", "came back", "status"),
        "dark rates": ("flashing", "quiet again", "noisier", "quieter"),
        "efficiency": ("efficiency step",),
        "charge": ("gain step", "width step"),
        "times": ("time step", "transit-time step"),
        "groups of PMTs": ("group step",),
        "whole detector": ("global step", "global drift bends"),
    }
)
"""What each light stands for."""


@dataclass(frozen=True, slots=True)
class Light:
    """A traffic light.

    Args:
        name: what it stands for.
        colour: "red", "amber" or "green".
        recent: alarms, but notes, of the last runs.
        total: those of all runs.
    """

    name: str
    colour: str
    recent: int
    total: int


def lights(alarms: Sequence[Alarm], n_runs: int) -> list[Light]:
    """The gravest alarm of the last runs, for each light."""
    found = []
    for name, kinds in LIGHTS.items():
        mine = [a for a in alarms if a.kind in kinds and a.severity != NOTE]
        recent = [a for a in mine if a.run >= n_runs - RECENT]
        worst = {a.severity for a in recent}
        colour = RED if RED in worst else AMBER if AMBER in worst else "green"
        found.append(Light(name, colour, len(recent), len(mine)))
    return found


def write_page(path: Path, stability: Stability, detector: Detector) -> None:
    """Write the page, whole or not at all.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    record, alarms = stability.record, stability.alarms
    runs = record.runs
    drawn = worst_pmts(stability)
    listed = sorted(alarms, key=lambda a: -a.run)[:LISTED]
    text = (
        _environment()
        .get_template("stability.html")
        .render(
            record=record,
            runs=runs,
            detector=detector,
            version=kzcal.__version__,
            lights=lights(alarms, len(runs)),
            recent=RECENT,
            status=_counts(record.status[:, -1]),
            timeline=timeline(_timeline_rows(alarms), runs, starts(stability.intervals)),
            shared=[
                series_picture(series, 0, runs, what)
                for what, series in sorted(stability.shared.items(), key=_changed_first)
            ],
            map=changed_map(alarms, detector, record.status[:, -1]).svg(),
            alarms=listed,
            n_alarms=len(alarms),
            named=NAMED,
            drawn=set(drawn),
            pictures=_pictures(stability, drawn),
            intervals=stability.intervals,
            noise=_noise(stability),
            config=stability.config,
        )
    )
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def worst_pmts(stability: Stability) -> list[int]:
    """PMTs with the strongest evidence of a change that is no note, the strongest first."""
    best: dict[int, float] = {}
    for alarm in stability.alarms:
        if alarm.severity == NOTE:
            continue
        for pmt in alarm.pmts if len(alarm.pmts) == 1 else alarm.pmts[:1]:
            best[pmt] = max(best.get(pmt, 0.0), alarm.strength)
    return sorted(best, key=lambda pmt: (-best[pmt], pmt))[:DRAWN]


def changed_map(alarms: Sequence[Alarm], detector: Detector, status: np.ndarray) -> SphereMap:
    """Where the PMTs are that have an alarm, coloured by the gravest.

    Args:
        alarms: of all runs.
        detector: the PMTs.
        status: of each in the newest run; those dead all along are crosses.
    """
    worst: dict[int, str] = {}
    told: dict[int, list[str]] = {}
    for severity in (NOTE, AMBER, RED):
        for alarm in alarms:
            if alarm.severity == severity:
                for pmt in alarm.pmts:
                    worst[pmt] = severity
                    told.setdefault(pmt, []).append(alarm.kind)
    counts = {name: sum(value == name for value in worst.values()) for name in (RED, AMBER, NOTE)}
    key = [(COLOURS[name], f"{name} ({n})") for name, n in counts.items()]
    numbers = range(detector.n_pmt)
    return SphereMap(
        detector.directions,
        detector.diameter_inch,
        [
            COLOURS[worst[pmt]] if pmt in worst else "" if status[pmt] == SILENT else COLOURS[""]
            for pmt in numbers
        ],
        [
            f"PMT {pmt}, {status[pmt]}: {', '.join(told.get(pmt, ['no change']))}"
            for pmt in numbers
        ],
        f"Map of the PMTs that changed: {', '.join(f'{n} {name}' for name, n in counts.items())}.",
        colour_key([*key, (COLOURS[""], "no change")]),
    )


def _counts(status: np.ndarray) -> list[tuple[str, int]]:
    words, numbers = np.unique(status, return_counts=True)
    return sorted(zip(words.tolist(), numbers.tolist(), strict=True), key=lambda row: -row[1])


def _timeline_rows(
    alarms: Sequence[Alarm],
) -> list[tuple[str, str, list[tuple[int, int]]]]:
    rows = []
    for kind, severity in SEVERITY.items():
        marks: dict[int, int] = {}
        for alarm in alarms:
            if alarm.kind == kind:
                marks[alarm.run] = marks.get(alarm.run, 0) + max(len(alarm.pmts), 1)
        if marks:
            rows.append((kind, severity, sorted(marks.items())))
    return rows


def _changed_first(item: tuple[str, Divided]) -> tuple[bool, str]:
    what, series = item
    return not series.changes, what


def _pictures(stability: Stability, pmts: Sequence[int]) -> list[tuple[int, str]]:
    """For each PMT the series in which it changed; of one that only died, its efficiency."""
    found = []
    for pmt in pmts:
        changed = [
            name
            for name, series in stability.divided.items()
            if any(change.row == pmt for change in series.changes)
        ]
        for name in changed or ["qe"]:
            what = f"PMT {pmt}: {digits.words(name)}"
            drawn = series_picture(stability.divided[name], pmt, stability.record.runs, what)
            if drawn:
                found.append((pmt, drawn))
    return found


def _noise(stability: Stability) -> list[tuple[str, int, float, float, float]]:
    """Constant, type, scale of errors, penalty and spread of slopes over errors."""
    rows = []
    for name, ready in stability.prepared.items():
        typical = float(np.nanmedian(ready.series.error))
        for t, scale in enumerate(ready.scale.tolist()):
            slope = float(np.sqrt(ready.slope_variance[t])) / typical
            penalty = float(stability.divided[name].penalty[t])
            rows.append((name, TYPES[t], scale, slope, penalty))
    return rows


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kzcal.monitor"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": digits.number, "words": digits.words}
    return environment
