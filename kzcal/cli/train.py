"""``kzcal train``: a classifier learns from events whose kind is known."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.corrections import (
    Corrections,
    check_uncorrected,
    constants_options,
    corrections,
)
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.number_options import number_options
from kzcal.cli.output import emit, json_option
from kzcal.cli.session import Session, pass_session
from kzcal.cli.training_session import training_options, training_session
from kzcal.components import HITS, Classifier

if TYPE_CHECKING:
    from kzcal.classify.candidates import LabelledCandidates
    from kzcal.classify.tasks import LabelledFile
    from kzcal.geometry import Detector

LONE_FLAG = "--"


def _list(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    """Print the classifiers that learn, and end."""
    if not asked:
        return
    from kzcal.cli.classify_text import listing

    session = context.ensure_object(Session)
    click.echo(listing(session.plugins().classifiers.values()))
    context.exit()


@click.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("name", metavar="NAME")
@click.argument(
    "words",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="EVENTS... [--CLASSIFIER-OPTION VALUE]...",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list,
    help="List the classifiers that learn, with options and presets, and exit.",
)
@click.option("--signal", multiple=True, required=True, help="Kind of events; may be repeated.")
@click.option(
    "--background", multiple=True, required=True, help="Kind of events; may be repeated."
)
@constants_options
@click.option(
    "--run",
    "runs",
    type=click.IntRange(0),
    multiple=True,
    help="Run whose constants are taken, for all files or once for each; else those of EVENTS.",
)
@training_options
@click.option("--preset", help="Values of the classifier's options under one name.")
@click.option(
    "--match",
    type=click.Choice(["nhit", "energy", "none"]),
    help="What weights make alike in both classes; nhit, for candidates none, if not given.",
)
@click.option(
    "--set-aside",
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of each kind at the end of every file that takes no part.",
)
@click.option(
    "--bootstrap",
    type=click.IntRange(0),
    default=0,
    help="Instances, each on events drawn anew, in OUT/00, OUT/01 and so on.",
)
@device_option
@threads_option
@json_option
@pass_session
def train(
    session: Session,
    name: str,
    words: tuple[str, ...],
    signal: tuple[str, ...],
    background: tuple[str, ...],
    location: str | None,
    tag: str | None,
    nominal: bool,
    runs: tuple[int, ...],
    out: Path,
    preset: str | None,
    settings: Path | None,
    detector: str | None,
    match: str | None,
    set_aside: float | None,
    bootstrap: int,
    events: int | None,
    minutes: float | None,
    steps: int | None,
    seed: int | None,
    resume: bool,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train a classifier on events whose kind is known.

    NAME is a classifier that learns (--list says which there are), EVENTS are files with
    truth/kind, of one run or several; the hits of each are corrected by the constants of its run:
    offsets, gains, exchanged cables and PMTs that are out of use. A classifier of coincidences
    takes files of `kzcal coincidence build` instead, and no constants.

    \b
        kzcal train kamnet topology.h5 --signal bb --background bi214 --run 15001 --db kz.db \\
            --tag full-2026 --out model/
        kzcal score model/ period_A.h5 --db kz.db --tag full-2026 --out scores.csv
        kzcal train pointnet pairs.h5 --signal xe136 --background long-lived --out spallation/

    Some events are held out and judge the training, which ends when it has not become better for
    some time, at the latest after --minutes. OUT holds the best weights, and a checkpoint that
    --resume goes on from, to the bit. Ctrl-C ends a training after the step that is under way, and
    all is kept. With --bootstrap, `kzcal score OUT` takes the mean of all instances. Where
    torchrun starts several processes, they train together.
    """  # noqa: D301  click reads \b
    settle_threads(threads)
    from kzcal.classify.config import chosen_options, config_type
    from kzcal.classify.run import Trainee, train_files
    from kzcal.cli.classify_text import outcomes_text
    from kzcal.geometry import load_detector
    from kzcal.training.distributed import world

    paths, numbers = paths_and_options(words)
    plugins = session.plugins()
    record = plugins.classifiers.choose(name)
    kind = config_type(record)
    config = kind() if settings is None else kind.from_toml(settings)
    config = config.with_given(
        {
            "detector": detector,
            "match": match,
            "set_aside": set_aside,
            "events": events,
            "minutes": minutes,
            "steps": steps,
            "seed": seed,
            "options": number_options(numbers, "a classifier", "kzcal train"),
        }
    )
    options = chosen_options(record, preset, config.options)
    version = plugins.versions[record.provider]
    trainee = Trainee(record, version, options, signal, background, config, resume)
    described = load_detector(config.detector)
    chosen = chosen_constants(record, location, tag, nominal, runs)
    minutes_of_all = config.minutes * max(bootstrap, 1)
    with (
        ExitStack() as stack,
        training_session(session, name, minutes_of_all, device) as hooks,
    ):
        first = world().first
        files = labelled_files(session, record, paths, runs, chosen, described, stack)
        done = train_files(trainee, files, described, out, hooks, bootstrap=bootstrap)
    if first:
        emit(done if bootstrap else done[0], as_json, outcomes_text(done))


def paths_and_options(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Files, and what belongs to the classifier's own options.

    Raises:
        click.UsageError: there is no file.
    """
    paths, options, rest = [], [], list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith(LONE_FLAG):
            paths.append(Path(word))
            continue
        options.append(word)
        if "=" not in word and rest:
            options.append(rest.pop(0))
    if not paths:
        reason = "a training needs at least one file of EVENTS, got none"
        raise click.UsageError(reason)
    return paths, options


def chosen_constants(
    record: Classifier,
    location: str | None,
    tag: str | None,
    nominal: bool,
    runs: Sequence[int],
) -> Corrections | None:
    """The constants that correct events; None for a classifier of candidates.

    Raises:
        ConfigurationError: it is not said which, or some are named for candidates.
    """
    if record.takes == HITS:
        return corrections(location, tag, nominal)
    check_uncorrected(tag, nominal, runs)
    return None


def labelled_files(
    session: Session,
    record: Classifier,
    paths: Sequence[Path],
    runs: Sequence[int],
    chosen: Corrections | None,
    detector: Detector,
    stack: ExitStack,
) -> Sequence[LabelledFile | LabelledCandidates]:
    """The files, as a classifier takes them.

    Args:
        session: that opens files.
        record: of the classifier.
        paths: of the files.
        runs: whose constants are taken.
        chosen: where they come from; None without constants.
        detector: of all files.
        stack: that closes files of events.

    Raises:
        ConfigurationError: a file holds events where it takes candidates, or the other way round.
    """
    from kzcal.classify.candidates import LabelledCandidates, check_takes

    if chosen is None:
        return [LabelledCandidates.read(path, record) for path in paths]
    for path in paths:
        check_takes(path, record)
    return opened_files(session, paths, runs, chosen, detector, stack)


def opened_files(
    session: Session,
    paths: Sequence[Path],
    runs: Sequence[int],
    chosen: Corrections,
    detector: Detector,
    stack: ExitStack,
) -> list[LabelledFile]:
    """The files, open as long as the stack is, with the corrections of their runs.

    Raises:
        click.UsageError: there are neither one run nor as many as files.
    """
    from kzcal.classify.tasks import LabelledFile

    if len(runs) not in {0, 1, len(paths)}:
        reason = f"--run is given once, or once for each file, got {len(runs)} for {len(paths)}"
        raise click.UsageError(reason)
    files = []
    for number, path in enumerate(paths):
        source = stack.enter_context(session.open_events(path, detector))
        asked = runs[number % len(runs)] if runs else source.header.run
        files.append(LabelledFile(path, source, *chosen.of(asked, detector)))
    return files
