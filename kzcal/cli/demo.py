"""``kzcal demo``: everything once, on a small simulated period whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.machine import settle_threads
from kzcal.cli.output import emit, json_option, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kzcal.calibrate.closure import Closure

TAG = "demo"


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
    default=6000,
    show_default=True,
    help="Physics triggers; a sixth as many forced ones come on top.",
)
@click.option("--threads", type=click.IntRange(1), help="As for kzcal calibrate.")
@json_option
@pass_session
def demo(
    session: Session, out: Path, seed: int, events: int, threads: int | None, as_json: bool
) -> None:
    """Calibrate a small simulated period, from hits to report.

    Writes into OUT: period.h5, events of every PMT of KamLAND-Zen 800 from kzcal's own light and
    response; kz.db, a database with the baseline and, under the tag "demo", the calibration;
    table.csv, the constants; report/index.html; and, since here the truth is known, truth.csv
    and pulls.png, with a summary of biases and pull widths.
    """
    settle_threads(threads)
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
    made = write_demo_period(period, seed=seed, n_events=events)
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
