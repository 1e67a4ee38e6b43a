"""How much faster two workers calibrate many runs than one, and what ten years would cost.

    python benchmarks/campaign_scaling.py [--runs 100] [--alone 100] [--events 1500] [--workers 2]
        [--reports] [--wait SECONDS] [--json] [--write docs/many_runs.md]
        [--figure docs/many_runs.png]

The runs of a synthetic year are calibrated over Dask and stored in a new database, by one worker
and by several, one thread each. Wall time begins before the workers are started and ends when they
are gone. The one worker may have fewer runs (--alone), evenly from the year; what all would have
taken it is the time that they took the several, over how much longer the same runs took there.
Exit code 1 if runs per time, over those of one worker, are less than 0.9 times the number of
workers.

On cores that other work keeps busy, wall times say little; beside them stand the share of the time
between the first run's begin and the last one's end in which a worker had a run in hand, and the
processor times of a run and of what the parent does for it, which other work hardly changes. With
--wait, each run takes so long without any calculation and its constants are made up: what is left
is the cost of handing out, sending back and storing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pages
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kzcal.campaign.campaign import Campaign, Outcome, Shelf
from kzcal.campaign.plan import plan
from kzcal.campaign.pool import local_pool
from kzcal.campaign.recipe import Calibrated, PmtRecipe, Recipe
from kzcal.campaign.year import draw_year
from kzcal.campaign.year_runs import write_year
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import DIAGNOSTICS, RESPONSE
from kzcal.geometry import load_detector
from kzcal.io.source import BUILT_IN, open_events
from kzcal.testing.payloads import example_calibration, example_diagnostics

LEAST = 0.9
DAYS = 3652
PERIOD_A = ("as the challenge's period A", 7_330_000, 88.0)
"""Hits, and processor time of ``calibrate_run`` with one thread, measured beside other work; s."""
SYNTHETIC = ("one of the synthetic runs", 573_000)


@dataclass(frozen=True, slots=True)
class TimedRecipe:
    """The recipe of ``kzcal calibrate``, with when and how long it worked among the numbers."""

    inner: Recipe = field(default_factory=PmtRecipe)

    @property
    def kinds(self) -> tuple[str, ...]:
        """As the inner one."""
        return self.inner.kinds

    def calibrate(self, path: Path) -> Calibrated:
        """The inner one's, timed."""
        begin, busy = time.time(), time.process_time()
        found = self.inner.calibrate(path)
        numbers = (
            ("begin", begin, "s"),
            ("end", time.time(), "s"),
            ("processor", time.process_time() - busy, "s"),
            ("process", os.getpid(), "1"),
        )
        return replace(found, numbers=(*found.numbers, *numbers))

    def page(
        self, response: Payload, diagnostics: Payload, previous: Payload | None, tag: str
    ) -> str:
        """The inner one's."""
        return self.inner.page(response, diagnostics, previous, tag)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waits as long as a calibration might take, and makes its constants up.

    Args:
        seconds: to wait.
    """

    seconds: float

    @property
    def kinds(self) -> tuple[str, ...]:
        """As a calibration's."""
        return RESPONSE, DIAGNOSTICS

    def calibrate(self, path: Path) -> Calibrated:
        """Wait."""
        detector = load_detector()
        with open_events(path, detector) as source:
            run = source.header.run
        response = example_calibration(detector, seed=run, run=run)
        diagnostics = example_diagnostics(detector, run=run)
        time.sleep(self.seconds)
        return Calibrated(run, (response, diagnostics), ())

    def page(
        self, response: Payload, diagnostics: Payload, previous: Payload | None, tag: str
    ) -> str:
        """The report of the made-up constants."""
        return PmtRecipe().page(response, diagnostics, previous, tag)


def campaign(
    files: Sequence[Path], workers: int, directory: Path, reports: bool, wait: float
) -> float:
    """Calibrate all files; returns wall time, s, and leaves the outcomes as JSON."""
    begin = time.perf_counter()
    recipe = TimedRecipe(Waiting(wait) if wait else PmtRecipe())
    out = directory / "reports" if reports else None
    with Database.init(directory / "kz.db") as db, local_pool(workers, 1) as pool:
        todo = plan(files, db, "year", recipe.kinds, load_detector(), BUILT_IN)
        outcomes = Campaign(todo, recipe, pool, Shelf(db, "year", out=out)).run()
    wall = time.perf_counter() - begin
    rows = [{"run": outcome.run, **numbers_of(outcome)} for outcome in outcomes]
    (directory / "numbers.json").write_text(json.dumps(rows))
    return wall


def numbers_of(outcome: Outcome) -> Mapping[str, float]:
    """Of a run, which must be stored."""
    if outcome.numbers is None:
        message = f"every run must be calibrated, got run {outcome.run}: {outcome.reason}"
        raise ValueError(message)
    return outcome.numbers


def measured(
    files: Sequence[Path], workers: int, directory: Path, reports: bool, wait: float
) -> dict[str, Any]:
    """Wall time, processor time of a run, and the share of time in which workers had work."""
    directory.mkdir()
    before = time.process_time()
    wall = campaign(files, workers, directory, reports, wait)
    parent = time.process_time() - before
    rows = json.loads((directory / "numbers.json").read_text())
    begin, end = min(r["begin"] for r in rows), max(r["end"] for r in rows)
    length = {r["run"]: r["end"] - r["begin"] for r in rows}
    return {
        "workers": workers,
        "runs": len(rows),
        "wall_s": wall,
        "processor_s": sum(r["processor"] for r in rows) / len(rows),
        "parent_s": parent / len(rows),
        "at_work": sum(length.values()) / (workers * (end - begin)),
        "length_s": length,
        "bars": bars(rows, begin),
    }


def alone_s(one: Mapping[str, Any], several: Mapping[str, Any]) -> float:
    """Wall time that all runs would have taken the one worker, s."""
    same = sum(one["length_s"].values())
    slower = sum(several["length_s"][run] for run in one["length_s"]) / same
    return one["wall_s"] - same + sum(several["length_s"].values()) / slower


def bars(rows: Sequence[Mapping[str, float]], zero: float) -> list[tuple[int, float, float]]:
    """Which worker had each run, counted from 0, from when on and how long, s."""
    processes = sorted({row["process"] for row in rows})
    return [
        (processes.index(row["process"]), row["begin"] - zero, row["end"] - row["begin"])
        for row in rows
    ]


def draw(found: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Which worker had which run when."""
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    lane, names = 0, []
    for row in found:
        for k, (worker, begin, length) in enumerate(row["bars"]):
            colour = ("#20639b", "#7aa6c2")[k % 2]
            axis.barh(lane + worker, length, left=begin, color=colour, edgecolor="white")
        number = row["workers"]
        names += [f"{number} worker{'s' if number > 1 else ''}: {k + 1}" for k in range(number)]
        lane += number
    axis.set_yticks(range(lane), names)
    axis.invert_yaxis()
    axis.set_xlabel("time since the first run began, s (each bar is a run)")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def part(found: Sequence[Mapping[str, Any]], ratio: float) -> str:
    """What the page says."""
    head = (
        "workers",
        "runs",
        "wall time, s",
        "workers at work, %",
        "processor time of a run, s",
        "of the parent for it, s",
    )
    rows = [
        (
            str(row["workers"]),
            str(row["runs"]),
            f"{row['wall_s']:.0f}",
            f"{100 * row['at_work']:.0f}",
            f"{row['processor_s']:.1f}",
            f"{row['parent_s']:.2f}",
        )
        for row in found
    ]
    summary = f"Runs per time over those of one worker: {ratio:.2f} (target: 1.8)."
    return f"{pages.table(head, rows)}\n\n{summary}"


def ten_years(seconds: float) -> str:
    """One run a day for ten years, on paper; seconds are of a synthetic run."""
    rows = []
    for name, hits, each in ((*SYNTHETIC, seconds), PERIOD_A):
        total = DAYS * each / 3600
        rows.append((name, f"{hits:,}", f"{each:.0f}", f"{total:.0f}", f"{total / 16:.1f}"))
    head = ("a run", "hits", "processor time, s", "ten years on one core, h", "on 16 cores, h")
    return pages.table(head, rows)


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--alone", type=int, help="runs of the one worker; all if not given")
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--reports", action="store_true", help="draw them too")
    parser.add_argument("--wait", type=float, default=0.0, help="s, instead of calibrating")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        year = draw_year(load_detector(), seed=1, n_runs=options.runs)
        files = write_year(directory / "year", year, n_events=options.events)
        alone = options.alone or options.runs
        some = [files[i * options.runs // alone] for i in range(alone)]
        found = [
            measured(part_of, workers, directory / str(workers), options.reports, options.wait)
            for part_of, workers in ((some, 1), (files, options.workers))
        ]
    ratio = alone_s(*found) / found[1]["wall_s"]
    if options.write and options.wait:
        pages.write_part(options.write, "campaign_waiting", part(found, ratio))
    elif options.write:
        pages.write_part(options.write, "campaign_scaling", part(found, ratio))
        each = found[1]["processor_s"] + found[1]["parent_s"]
        pages.write_part(options.write, "ten_years", ten_years(each))
    if options.figure:
        draw(found, options.figure)
    if options.json:
        print(json.dumps({"found": found, "ratio": ratio}, indent=2))
    else:
        print(part(found, ratio))
    return int(ratio < LEAST * options.workers)


if __name__ == "__main__":
    sys.exit(main())
