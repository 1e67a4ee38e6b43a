"""``kzcal calibrate``: every PMT of one run or of many, stored under a tag, with reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kzcal.cli.db import (
    database_option,
    last_run_option,
    message_option,
    onwards_option,
    overlap_option,
    tag_option,
)
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.calibrate.config import CalibrationConfig
    from kzcal.fit.config import FitConfig


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@database_option
@tag_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Directory for the report, OUT/index.html, or for those of several runs, "
    "OUT/RUN/index.html; needed unless --no-report is given.",
)
@click.option("--no-report", is_flag=True, help="Store the constants and write no report.")
@click.option(
    "--config",
    "settings",
    type=click.Path(path_type=Path),
    help="TOML file with settings of the calibration.",
)
@click.option(
    "--detector",
    metavar="NAME|FILE.toml",
    help="Detector that the PMT numbers belong to; else the one in --config, or kamland-zen-800.",
)
@device_option
@threads_option
@overlap_option
@last_run_option
@onwards_option
@message_option
@click.option(
    "--fit",
    "fitted",
    type=click.Path(path_type=Path),
    metavar="PARAMETERS.toml",
    help="Fit what all PMTs share too, as `kzcal fit --parameters` does.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes that calibrate runs, several at a time.  [default: all usable cores]",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler whose workers calibrate, such as tcp://10.0.0.1:8786, instead.",
)
@click.option(
    "--skip-existing",
    is_flag=True,
    help="Leave runs that the tag has been given already, as after an interruption.",
)
@json_option
@pass_session
def calibrate(
    session: Session,
    files: tuple[Path, ...],
    location: str | None,
    tag: str,
    out: Path | None,
    no_report: bool,
    settings: Path | None,
    detector: str | None,
    device: str,
    threads: int | None,
    on_overlap: Literal["refuse", "split"],
    last_run: int | None,
    onwards: bool,
    message: str | None,
    fitted: Path | None,
    workers: int | None,
    scheduler: str | None,
    skip_existing: bool,
    as_json: bool,
) -> None:
    """Calibrate every PMT of a run and store the result.

    Each FILE holds the events of one run. Relative efficiency, gain, single-p.e. width, time
    offset, transit-time spread and dark rate of every PMT, each with its error, and the channels
    that are dead, hot or exchanged, go into the database under the tag and the run of FILE in one
    transaction, and a report of them to OUT/index.html. A tag that is not there is made, open.

    Samples, estimators, formats and report sections of plugins take part. A run that the tag
    covers already is refused before anything is calculated; --on-overlap split lets the new
    constants take over for these runs, and `kzcal db rollback` brings older ones back.

    Several runs are calibrated by processes of this machine, or by the workers of --scheduler;
    results are stored as they come, each run in one transaction. A run that fails is reported
    and stops no other; the exit code is then 1. The constants of a run are the same to the bit
    as those of a calibration on its own with --threads 1.
    """
    if onwards and last_run is not None:
        reason = "give --last-run or --onwards, not both"
        raise click.UsageError(reason)
    if (out is None) is not no_report:
        reason = "give either --out DIRECTORY or --no-report"
        raise click.UsageError(reason)
    if fitted is not None and (settings or detector):
        reason = "--fit stands alone: its file says detector and settings of the calibration"
        raise click.UsageError(reason)
    several = len(files) > 1 or fitted is not None
    many = several or workers is not None or scheduler is not None or skip_existing
    if many and (onwards or last_run is not None):
        reason = "--last-run and --onwards are for one run: each of several holds for its own"
        raise click.UsageError(reason)
    if workers is not None and scheduler is not None:
        reason = "give --workers or --scheduler, which has its own"
        raise click.UsageError(reason)
    if many:
        settle_threads(threads or 1)
        from kzcal.cli.calibrate_many import calibrate_many

        calibrate_many(
            session,
            files,
            location,
            tag,
            out,
            _configuration(settings, detector) if fitted is None else _fit(fitted),
            device=device,
            threads=threads or 1,
            on_overlap=on_overlap,
            message=message or "",
            workers=workers,
            scheduler=scheduler,
            skip_existing=skip_existing,
            as_json=as_json,
        )
        return
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.calibrate.run import Target, calibrate_file
    from kzcal.cli import calibrate_text
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve

    target = Target(tag, last_run, onwards, on_overlap, message or "")
    config = _configuration(settings, detector)
    chosen = choose_device(device)
    plugins = session.plugins()
    with (
        Database.open(resolve(location)) as db,
        progress("calibrating", 1.0, quiet=session.quiet) as advance,
    ):
        (file,) = files
        stored = calibrate_file(
            file, db, target, config, plugins, device=chosen, out=out, advance=advance
        )
        summary = calibrate_text.summary_of(file, db.name, stored)
    emit(summary, as_json, calibrate_text.text(summary))


def _configuration(settings: Path | None, detector: str | None) -> CalibrationConfig:
    """Settings of the file, if there is one, with the detector of the command line."""
    from kzcal.calibrate.config import CalibrationConfig

    config = CalibrationConfig() if settings is None else CalibrationConfig.from_toml(settings)
    return config if detector is None else replace(config, detector=detector)


def _fit(path: Path) -> FitConfig:
    from kzcal.fit.config import FitConfig

    return FitConfig.from_toml(path.absolute())
