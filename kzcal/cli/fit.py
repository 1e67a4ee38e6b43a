"""``kzcal fit``: what all PMTs share and every PMT together, from one run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@database_option
@tag_option
@click.option(
    "--parameters",
    "settings",
    type=click.Path(path_type=Path),
    help="TOML file: detector, free parameters, their ranges and priors; else the baseline's.",
)
@click.option("--fitter", metavar="NAME", help="Way to minimise; `kzcal plugins` lists them.")
@click.option("--trials", type=click.IntRange(1), help="Most values to try.  [default: 200]")
@click.option(
    "--storage",
    default="",
    metavar="journal:FILE|URL",
    help="Where trials are kept, so that several workers share them and a fit can be resumed.",
)
@click.option("--study", help="Name of the trials in the storage; else FILE's name.")
@click.option("--resume", is_flag=True, help="Go on with the trials that are in the storage.")
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that try."
)
@click.option("--out", type=click.Path(path_type=Path), help="Directory for the page, fit.html.")
@overlap_option
@last_run_option
@onwards_option
@device_option
@threads_option
@message_option
@json_option
@pass_session
def fit(
    session: Session,
    file: Path,
    location: str | None,
    tag: str,
    settings: Path | None,
    fitter: str | None,
    trials: int | None,
    storage: str,
    study: str | None,
    resume: bool,
    workers: int,
    out: Path | None,
    on_overlap: Literal["refuse", "split"],
    last_run: int | None,
    onwards: bool,
    device: str,
    threads: int | None,
    message: str | None,
    as_json: bool,
) -> None:
    """Fit what all PMTs share, and calibrate every PMT with it.

    FILE holds the events of one run. Light yield, absorption, scattering, reflection, quenching,
    decay times, late light and the errors of the reconstruction are found by comparing calibration
    samples with traced light, together with the constants of every PMT. All of it goes into the
    database under the tag and the run of FILE in one transaction: payloads of kind pmt-response,
    calibration-diagnostics and global-fit, the last with the full covariance.

    Without --fitter the fit takes Newton's steps. Fitters of plugins try many values, keep them
    with --storage, share them among --workers and go on with --resume where they were stopped.
    """
    if onwards and last_run is not None:
        reason = "give --last-run or --onwards, not both"
        raise click.UsageError(reason)
    if resume and not storage:
        reason = "--resume needs the --storage that the trials are in"
        raise click.UsageError(reason)
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.calibrate.run import Target
    from kzcal.cli import fit_text
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve
    from kzcal.fit.config import FitConfig
    from kzcal.fit.store import fit_file
    from kzcal.parts import DEFAULT_EFFORT, Effort

    config = FitConfig() if settings is None else FitConfig.from_toml(settings)
    plugins = session.plugins()
    effort = Effort(trials or DEFAULT_EFFORT.trials, workers, storage, study or file.stem, resume)
    chosen = fit_text.fitter_for(
        effort, fitter or config.fitter, plugins.fitters, tries=trials is not None
    )
    with (
        Database.open(resolve(location)) as db,
        progress("fitting", None, quiet=session.quiet) as advance,
    ):
        stored = fit_file(
            file,
            db,
            Target(tag, last_run, onwards, on_overlap, message or ""),
            config,
            plugins,
            fitter=chosen,
            effort=effort,
            device=choose_device(device),
            out=out,
            advance=lambda _step, share: advance(share),
        )
        summary = fit_text.summary_of(file, db.name, stored)
    emit(summary, as_json, fit_text.text(summary))
