"""``kzcal report``: the report of a calibrated run, from the database alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.db import database_option, revision_option, tag_option
from kzcal.cli.output import emit, json_option
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload


@click.command()
@click.argument("run", type=click.IntRange(0))
@database_option
@tag_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Directory for index.html; made where there is none.",
)
@click.option(
    "--detector", help="Name or .toml file of the detector, instead of the one in the lineage."
)
@revision_option
@json_option
@pass_session
def report(
    session: Session,
    run: int,
    location: str | None,
    tag: str,
    out: Path,
    detector: str | None,
    revision: int | None,
    as_json: bool,
) -> None:
    """Rebuild the report of a calibrated RUN from the database alone.

    Writes OUT/index.html, one file that needs no other. It compares the run with the calibration
    before it in the same tag. Sections of plugins come after kzcal's own. Where the tag has a
    global fit for the run, OUT/fit.html is its page.
    """
    from kzcal.calibrate.report import write_report
    from kzcal.conditions.database import Database
    from kzcal.conditions.engine import resolve
    from kzcal.conditions.quantities import DIAGNOSTICS, GLOBAL_FIT, RESPONSE
    from kzcal.fit.page import PAGE as FIT_PAGE
    from kzcal.fit.page import write_page
    from kzcal.geometry import load_detector

    with Database.open(resolve(location)) as db:
        calibration = db.lookup(tag, RESPONSE, run, revision)
        diagnostics = db.lookup(tag, DIAGNOSTICS, run, revision)
        own = db.find(tag, RESPONSE, run, revision)
        before = db.before(tag, RESPONSE, own.runs.first, revision)
        previous = None if before is None else db.payload(before.payload)
        shared = db.holding(tag, GLOBAL_FIT, run, revision)
        fit = None if shared is None else db.payload(shared.payload)
    name = detector if detector is not None else detector_of(calibration, run, tag)
    page = made_directory(out) / "index.html"
    sections = session.plugins().report_sections
    built = load_detector(name)
    write_report(page, calibration, diagnostics, built, previous, sections, tag=tag)
    compared = None if before is None else str(before.runs)
    result = {"report": page, "run": run, "tag": tag, "compared_with": compared}
    text = f"wrote {page}"
    if fit is not None:
        beside = out / FIT_PAGE
        write_page(beside, fit, built, tag=tag)
        result["fit"] = beside
        text += f"\nwrote {beside}"
    emit(result, as_json, text)


def detector_of(calibration: Payload, run: int, tag: str) -> str:
    """Name of the detector that a calibration was made for.

    Raises:
        ConfigurationError: its lineage does not say.
    """
    from kzcal.errors import ConfigurationError

    name = calibration.lineage.configuration.get("detector")
    if not isinstance(name, str):
        message = (
            f"a lineage names the detector, got {name!r} in that of run {run} in tag {tag}: "
            "name it with --detector"
        )
        raise ConfigurationError(message)
    return name


def made_directory(directory: Path) -> Path:
    """The directory, made where there is none.

    Raises:
        ConfigurationError: it cannot be made.
    """
    from kzcal.errors import ConfigurationError

    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"--out must be a directory, got {directory}: {error.strerror}"
        raise ConfigurationError(message) from error
    return directory
