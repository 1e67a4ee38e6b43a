"""``kzcal compare``: how far a file of events is from data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.events import detector_option
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, plain, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.scorecard.row import Row
    from kzcal.scorecard.score import Scorecard

RESULT = "scorecard.json"


@click.command()
@click.argument("fake", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory for OUT/index.html and OUT/scorecard.json; made where there is none.",
)
@click.option(
    "--config", "settings", type=click.Path(path_type=Path), help="TOML file with settings."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Classifier whose score is compared too; `kzcal plugins` lists them.",
)
@detector_option
@device_option
@threads_option
@json_option
@pass_session
def compare(
    session: Session,
    fake: Path,
    data: Path,
    out: Path,
    settings: Path | None,
    models: tuple[str, ...],
    detector_name: str,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Tell how far the events of FAKE are from those of DATA.

    If all events of FAKE are in DATA, by number and time, DATA is cut to them; else all physics
    and forced triggers of both are compared. Events, PMTs, resolutions, dark hits, patterns of
    hits and what classifiers learn each have a row, with the probability that one law makes as
    large a difference, and with a target where one is set.

    Writes OUT/index.html, a page that needs no other file, and OUT/scorecard.json with every
    number. docs/scorecard.md tells what each row is.
    """
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.cli.report import made_directory
    from kzcal.geometry import load_detector
    from kzcal.scorecard.config import ScorecardConfig
    from kzcal.scorecard.page import PAGE, write_page
    from kzcal.scorecard.score import score

    config = ScorecardConfig() if settings is None else ScorecardConfig.from_toml(settings)
    detector = load_detector(detector_name)
    classifiers = session.plugins().classifiers
    page = made_directory(out) / PAGE
    built = {name: classifiers.choose(name).untrained() for name in models}
    with (
        session.open_events(fake, detector) as made,
        session.open_events(data, detector) as true,
        progress("comparing", 1.0, quiet=session.quiet) as advance,
    ):
        found = score(
            made,
            true,
            detector,
            config=config,
            device=choose_device(device),
            models=built,
            advance=advance,
        )
        inputs = [(str(fake), made.digest()), (str(data), true.digest())]
    write_page(page, found, inputs)
    told = [{"file": name, "sha256": digest} for name, digest in inputs]
    result = {**found.as_dict(), "inputs": told}
    _write_result(out / RESULT, result)
    emit(result, as_json, text(found, page))


def text(found: Scorecard, page: Path) -> str:
    """A row per number, and where the page is."""
    header = ("number", "fake", "data", "difference", "corrected p", "target", "")
    events = "the same events" if found.paired else "other events"
    n_fake, n_data = found.n_events
    differing = f"{len(found.differing)} of {len(found.rows)} rows differ"
    return "\n".join(
        [
            table(header, [_cells(row) for row in found.rows]),
            f"{n_fake} and {n_data} physics events compared, {events}",
            f"{differing}, {len(found.missed)} targets are missed: {page}",
        ]
    )


def _cells(row: Row) -> list[str]:
    from kzcal.calibrate.report.digits import measured, number, words

    difference = measured(row.difference, row.error)
    limit = "< " if row.at_reach else ""
    chance = "" if row.corrected != row.corrected else f"{limit}{row.corrected:.2g}"
    target = "" if row.target != row.target else f"{row.target:g} {row.verdict}"
    marked = "differs" if row.differs else ""
    values = (number(row.fake), number(row.data))
    return [words(row.name), *values, difference, chance, target, marked]


def _write_result(path: Path, result: dict[str, object]) -> None:
    import json

    from kzcal.io.atomic import replacing

    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(plain(result), indent=2, allow_nan=False))
