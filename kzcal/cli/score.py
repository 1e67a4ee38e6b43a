"""``kzcal score``: a trained classifier says of every event how signal-like it is."""

from __future__ import annotations

from pathlib import Path

import click

from kzcal.cli.corrections import constants_options, corrections
from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session


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
    grow with the file.
    """
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.classify.model import opened
    from kzcal.classify.score import score_file
    from kzcal.cli.classify_text import scored_text
    from kzcal.io.atomic import check_writable

    check_writable(out)
    chosen = corrections(location, tag, nominal)
    trained = opened(model, session.plugins().classifiers, choose_device(device))
    detector = trained.detector
    with (
        session.open_events(events, detector) as source,
        interrupts_kept() as check,
        progress("scoring", source.n_events, quiet=session.quiet) as advance,
    ):

        def watch(n_events: float) -> None:
            check()
            advance(n_events)

        correction, _ = chosen.of(source.header.run if run is None else run, detector)
        done = score_file(trained.classifier, source, correction, detector, out, advance=watch)
    emit(done, as_json, scored_text(done))
