"""``kzcal calibrate`` with several files: runs go to workers, results to the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.machine import usable_cores
from kzcal.campaign.campaign import Campaign, Outcome, Shelf
from kzcal.campaign.fitted import FitRecipe
from kzcal.campaign.overview import WORDS, counts_of, write_overview
from kzcal.campaign.plan import plan
from kzcal.campaign.pool import local_pool, remote_pool
from kzcal.campaign.recipe import PmtRecipe, Recipe, Settings
from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.output import emit, progress, table
from kzcal.cli.report import made_directory
from kzcal.cli.session import Session
from kzcal.conditions.database import Database
from kzcal.conditions.engine import resolve
from kzcal.conditions.writing import OnOverlap
from kzcal.errors import CalibrationError
from kzcal.fit.config import FitConfig
from kzcal.geometry import load_detector

NAMED = 8
"""Runs that a sentence names."""


def calibrate_many(
    session: Session,
    files: Sequence[Path],
    location: str | None,
    tag: str,
    out: Path | None,
    config: CalibrationConfig | FitConfig,
    *,
    device: str,
    threads: int,
    on_overlap: OnOverlap,
    message: str,
    workers: int | None,
    scheduler: str | None,
    skip_existing: bool,
    as_json: bool,
) -> None:
    """Calibrate several runs and say what became of each.

    Args:
        session: options before the command.
        files: events of one run each.
        location: the database.
        tag: in it.
        out: directory of the reports; None for none.
        config: the settings of the calibration, or of the global fit that goes with it.
        device: "auto", "cpu" or "cuda".
        threads: of each worker.
        on_overlap: what to do with older IOVs that share runs.
        message: why, for the log.
        workers: processes of this machine; None for all usable cores.
        scheduler: address of a Dask scheduler, instead.
        skip_existing: leave runs that the tag has already.
        as_json: print JSON.

    Raises:
        CalibrationError: a run failed; the others are stored.
        KzcalError: nothing was calculated.
    """
    plugin_files = tuple(path.absolute() for path in session.plugin_files)
    settings, plugins = Settings(plugin_files, device, threads), session.plugins()
    recipe: Recipe
    if isinstance(config, FitConfig):
        recipe, detector = FitRecipe(config, settings), config.open_detector()[0]
        config.parameter_set(detector)
        config.calibration_config()
        if config.fitter:
            plugins.fitters.choose(config.fitter)
    else:
        recipe, detector = PmtRecipe(config, settings), load_detector(config.detector)
    formats = {name: record.build() for name, record in plugins.event_formats.items()}
    with Database.open(resolve(location)) as db:
        planned = plan(
            [path.absolute() for path in files],
            db,
            tag,
            recipe.kinds,
            detector,
            formats,
            on_overlap=on_overlap,
            skip_existing=skip_existing,
        )
        shelf = Shelf(db, tag, on_overlap, message, None if out is None else made_directory(out))
        number = workers or min(usable_cores(), max(1, len(planned.runs)))
        with (
            remote_pool(scheduler) if scheduler else local_pool(number, threads) as pool,
            interrupts_kept() as check,
            progress("calibrating runs", len(files), quiet=session.quiet) as advance,
        ):

            def watch(runs: float) -> None:
                check()
                advance(runs)

            outcomes = Campaign(planned, recipe, pool, shelf, watch).run()
        name = db.name
    page = None if out is None else write_overview(out, outcomes, tag, detector.name)
    result = {"database": name, "tag": tag, "page": page, **counts_of(outcomes), "runs": outcomes}
    emit(result, as_json, text(outcomes, name, tag, page))
    _require_all(outcomes)


def text(outcomes: Sequence[Outcome], database: str, tag: str, page: Path | None) -> str:
    """A line for each run, and where they are."""
    rows = []
    for outcome in outcomes:
        numbers = outcome.numbers or {}
        rows.append(
            (
                "?" if outcome.run is None else outcome.run,
                outcome.file.name,
                WORDS[outcome.status],
                "" if outcome.good is None else outcome.good,
                f"{numbers['events']:,.0f}" if "events" in numbers else "",
                f"{numbers['time to calibrate']:.0f}" if "time to calibrate" in numbers else "",
                outcome.report or "",
                outcome.reason or ("" if numbers.get("settled", 1.0) else "not settled"),
            )
        )
    header = ("run", "file", "result", "good PMTs", "events", "s", "report", "")
    stored = counts_of(outcomes)["stored"]
    lines = [table(header, rows), f"stored {stored} runs under tag {tag} in {database}"]
    return "\n".join([*lines, f"wrote {page}"] if page else lines)


def _require_all(outcomes: Sequence[Outcome]) -> None:
    """A campaign has done its work if no run failed and every report is there.

    Raises:
        CalibrationError: it has not.
    """
    wrong = [outcome for outcome in outcomes if outcome.reason]
    if not wrong:
        return
    names = [o.file.name if o.run is None else str(o.run) for o in wrong]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    message = (
        f"every run must be calibrated, got {len(wrong)} of {len(outcomes)} that failed or have "
        f"no report: {', '.join(names[:NAMED])}{more}; the others are stored, and the same "
        f"command with --skip-existing tries these again"
    )
    raise CalibrationError(message)
