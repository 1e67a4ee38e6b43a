"""``kzcal score``: a trained classifier says of every event how signal-like it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.corrections import (
    Corrections,
    check_uncorrected,
    constants_options,
    corrections,
)
from kzcal.cli.interrupts import watched
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option
from kzcal.cli.session import Session, pass_session
from kzcal.components import HITS

if TYPE_CHECKING:
    from kzcal.classify.model import OpenedModel
    from kzcal.classify.score import ScoredFile


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("events", type=click.Path(path_type=Path))
@constants_options
@click.option(
    "--run", type=click.IntRange(0), help="Run whose constants are taken; else that of EVENTS."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV file to write; it is replaced if it is there.",
)
@device_option
@threads_option
@json_option
@pass_session
def score(
    session: Session,
    model: Path,
    events: Path,
    location: str | None,
    tag: str | None,
    nominal: bool,
    run: int | None,
    out: Path,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Score every event of a file by a trained classifier.

    MODEL is a directory of `kzcal train`; one with the instances of a bootstrap gives the mean of
    their scores. OUT has a row event,score for every event, in the order of the file; the larger
    the score, the more signal-like. An event without vertex, energy or emission time, such as a
    forced trigger, gets -1000. Events are scored some hundreds at a time, so that memory does not
    grow with the file. A classifier of coincidences takes a file of `kzcal coincidence build` and
    no constants, and gives each candidate a row.
    """
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.classify.candidates import check_takes
    from kzcal.classify.model import opened
    from kzcal.cli.classify_text import scored_text
    from kzcal.io.atomic import check_writable

    check_writable(out)
    trained = opened(model, session.plugins().classifiers, choose_device(device))
    check_takes(events, trained.record)
    if trained.record.takes != HITS:
        check_uncorrected(tag, nominal, () if run is None else (run,))
        done = _candidates_scored(session, trained, events, out)
    else:
        chosen = corrections(location, tag, nominal)
        done = _events_scored(session, trained, events, chosen, run, out)
    emit(done, as_json, scored_text(done, trained.record.takes))


def _events_scored(
    session: Session,
    trained: OpenedModel,
    events: Path,
    chosen: Corrections,
    run: int | None,
    out: Path,
) -> ScoredFile:
    """Score events by their hits."""
    from kzcal.classify.score import score_file

    detector = trained.detector
    with (
        session.open_events(events, detector) as source,
        watched("scoring", source.n_events, quiet=session.quiet) as watch,
    ):
        correction, _ = chosen.of(source.header.run if run is None else run, detector)
        return score_file(trained.classifier, source, correction, detector, out, advance=watch)


def _candidates_scored(
    session: Session, trained: OpenedModel, path: Path, out: Path
) -> ScoredFile:
    """Score candidates."""
    from kzcal.classify.candidates import opened_candidates
    from kzcal.classify.score import score_candidates

    with (
        opened_candidates(path, trained.record) as file,
        watched("scoring", len(file), quiet=session.quiet) as watch,
    ):
        return score_candidates(trained.scorer, file, out, advance=watch)
