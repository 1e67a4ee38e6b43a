"""``kzcal demo``: everything once, on a small simulated period whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.machine import settle_threads
from kzcal.cli.output import emit, json_option, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kzcal.calibrate.closure import Closure

TAG = "demo"
N_EVENTS = 6000


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="New or empty directory for everything that the demonstration makes.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides all.")
@click.option(
    "--events",
    type=click.IntRange(500),
    help="Physics triggers; a sixth as many forced ones come on top.  "
    "[default: 6000, or 1500 in each run of --year]",
)
@click.option(
    "--year",
    "n_runs",
    type=click.IntRange(1),
    metavar="RUNS",
    help="Write so many runs over a year instead, and calibrate none.",
)
@click.option("--threads", type=click.IntRange(1), help="As for kzcal calibrate.")
@json_option
@pass_session
def demo(
    session: Session,
    out: Path,
    seed: int,
    events: int | None,
    n_runs: int | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Calibrate a small simulated period, from hits to report.

    Writes into OUT: period.h5, events of every PMT of KamLAND-Zen 800 from kzcal's own light and
    response; kz.db, a database with the baseline and, under the tag "demo", the calibration;
    table.csv, the constants; report/index.html; and, since here the truth is known, truth.csv
    and pulls.png, with a summary of biases and pull widths.

    With --year, OUT gets the events of short runs, runs/run-00001.h5 and so on, and truth.json,
    which says what happened to the detector in the year: PMTs that die, flash, step and drift.
    """
    settle_threads(threads)
    if n_runs is not None:
        _year(session, out, seed, n_runs, events, as_json)
        return
    from kzcal.calibrate import closure
    from kzcal.calibrate.config import CalibrationConfig
    from kzcal.calibrate.demo import write_demo_period
    from kzcal.calibrate.machine import choose_device
    from kzcal.calibrate.run import Target, calibrate_file
    from kzcal.conditions.database import Database
    from kzcal.conditions.table import write_table
    from kzcal.geometry import load_detector

    prepare(out)
    period, detector = out / "period.h5", load_detector()
    made = write_demo_period(period, seed=seed, n_events=events or N_EVENTS)
    with (
        Database.init(out / "kz.db") as db,
        progress("calibrating", 1.0, quiet=session.quiet) as advance,
    ):
        stored = calibrate_file(
            period,
            db,
            Target(TAG),
            CalibrationConfig(),
            session.plugins(),
            device=choose_device("cpu"),
            out=out / "report",
            advance=advance,
        )
    response, truth = stored.measurement.response, closure.Truth.of(made, detector)
    write_table(response, out / "table.csv")
    closure.write_truth(truth, out / "truth.csv")
    closure.draw_pulls(response, truth, detector, out / "pulls.png")
    compared, found = closure.closures(response, truth, detector), closure.found(response, truth)
    result = {"report": stored.report, "directory": out, "closure": compared, "found": found}
    emit(result, as_json, text(out, compared, found))


def _year(
    session: Session, out: Path, seed: int, n_runs: int, events: int | None, as_json: bool
) -> None:
    """Write the runs of a year, and say what happens in it."""
    from kzcal.campaign import year_runs
    from kzcal.campaign.year import draw_year
    from kzcal.geometry import load_detector

    prepare(out)
    year = draw_year(load_detector(), seed=seed, n_runs=n_runs)
    with progress("simulating runs", n_runs, quiet=session.quiet) as advance:
        files = year_runs.write_year(
            out, year, n_events=events or year_runs.N_EVENTS, advance=advance
        )
    changes = year_runs.change_records(year)
    result = {"directory": out, "files": files, "changes": changes}
    emit(result, as_json, year_text(out, len(files), changes))


def prepare(out: Path) -> None:
    """Make a directory that must be new or empty.

    Raises:
        ConfigurationError: it holds something, or cannot be made.
    """
    from kzcal.errors import ConfigurationError

    try:
        out.mkdir(parents=True, exist_ok=True)
        held = next(out.iterdir(), None)
    except OSError as error:
        message = f"--out must be a directory, got {out}: {error.strerror}"
        raise ConfigurationError(message) from error
    if held is not None:
        message = f"--out must be a new or empty directory, got {out}, which holds {held.name}"
        raise ConfigurationError(message)


def text(out: Path, compared: Sequence[Closure], found: Mapping[str, tuple[int, int]]) -> str:
    """Biases and pulls, the channels found, and where to look."""
    rows = [
        (
            row.name.replace("_", " "),
            f"{row.diameter}-inch",
            row.n,
            "" if row.unit == "1" else row.unit,
            f"{row.bias:+.3g}",
            f"{row.error:.3g}",
            f"{row.pull_width:.2f} ± {row.pull_width_error:.2f}",
        )
        for row in compared
    ]
    header = ("constant", "PMTs", "number", "unit", "bias", "stated error", "width of pulls")
    channels = ", ".join(f"{same} of {n} {status}" for status, (same, n) in found.items())
    return "\n".join(
        [
            "calibrated a simulated period, against its truth:",
            table(header, rows),
            f"channels told apart: {channels}",
            f"pulls: {out / 'pulls.png'}",
            f"report: {out / 'report' / 'index.html'}",
        ]
    )


def year_text(out: Path, n_runs: int, changes: Sequence[Mapping[str, Any]]) -> str:
    """What happens in a year, and where its runs are."""
    rows = [
        (
            change["kind"],
            str(change["cables"][0]) if len(change["cables"]) == 1 else _many(change["cables"]),
            change["first_run"],
            "" if change["last_run"] is None else change["last_run"],
        )
        for change in changes
    ]
    return "\n".join(
        [
            table(("change", "PMT", "from run", "to run"), rows),
            f"wrote {n_runs} runs to {out / 'runs'}",
            f"truth: {out / 'truth.json'}",
        ]
    )


def _many(cables: Sequence[int]) -> str:
    """Several PMTs in words."""
    return f"{len(cables)} of {cables[0]} to {cables[-1]}"
