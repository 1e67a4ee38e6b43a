"""``kzcal translate``: twins of a run, training, and translations of files."""

from __future__ import annotations

from pathlib import Path

import click

from kzcal.cli.interrupts import watched
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.number_options import number_options
from kzcal.cli.output import emit, json_option
from kzcal.cli.session import Session, pass_session
from kzcal.cli.training_session import training_options, training_session
from kzcal.cli.twin import twin


@click.group()
def translate() -> None:
    """Learn from events how photoelectrons become hits, and translate files.

    A translator that has been trained makes of a simulation's photoelectrons (GTQ) what the
    detector of a data period would report (DTQ). docs/translators.md tells how.
    """


translate.add_command(twin)


@translate.command("list")
@json_option
@pass_session
def list_learners(session: Session, as_json: bool) -> None:
    """List the translators that learn, with their options."""
    from kzcal.cli.translate_text import learners_of, listing

    learners = learners_of(session.plugins())
    emit(learners, as_json, listing(learners))


@translate.command(context_settings={"ignore_unknown_options": True}, options_metavar="[OPTIONS]")
@click.argument("name", metavar="NAME")
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="[--TRANSLATOR-OPTION VALUE]..."
)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    required=True,
    help="File with photoelectrons, of `kzcal simulate --gtq` or `kzcal translate twin`.",
)
@click.option(
    "--target",
    type=click.Path(path_type=Path),
    required=True,
    help="File with the hits to learn.",
)
@training_options
@device_option
@threads_option
@json_option
@pass_session
def train(
    session: Session,
    name: str,
    words: tuple[str, ...],
    source: Path,
    target: Path,
    out: Path,
    settings: Path | None,
    detector: str | None,
    events: int | None,
    minutes: float | None,
    steps: int | None,
    seed: int | None,
    resume: bool,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train a translator on the events of two files.

    NAME is a translator that learns; `kzcal translate list` says which there are, with their
    options.

    \b
        kzcal translate train fitted-response --source gtq.h5 --target period_A.h5 --out model/
        kzcal translate train cyclegan --source gtq.h5 --target period_A.h5 --out model/ \\
            --minutes 120 --resume

    Some events are held out. Now and then they are translated and compared with the data; the
    training ends when this scorecard has not become better for some time, at the latest after
    --minutes. OUT holds the best weights, and a checkpoint that --resume goes on from, to the
    bit. Ctrl-C ends a training after the step that is under way, and all is kept. Where torchrun
    starts several processes, they train together.
    """  # noqa: D301  click reads \b
    settle_threads(threads)
    from kzcal.cli.translate_text import outcome_text
    from kzcal.geometry import load_detector
    from kzcal.training.config import TrainingConfig, option_values
    from kzcal.training.distributed import world
    from kzcal.translate.run import Trainee, train_files

    plugins = session.plugins()
    record = plugins.translators.choose(name)
    config = TrainingConfig() if settings is None else TrainingConfig.from_toml(settings)
    given = {
        "detector": detector,
        "events": events,
        "minutes": minutes,
        "steps": steps,
        "seed": seed,
        "options": number_options(words, "a translator", "kzcal translate train"),
    }
    config = config.with_given(given)
    options = option_values(record, config.options)
    trainee = Trainee(record, plugins.versions[record.provider], options, config, resume)
    described = load_detector(config.detector)
    with (
        session.open_events(source, described) as gtq,
        session.open_events(target, described) as data,
        training_session(session, name, config.minutes, device) as hooks,
    ):
        first = world().first
        files = (source, gtq), (target, data)
        outcome = train_files(trainee, *files, described, out, hooks)
    if first:
        emit(outcome, as_json, outcome_text(outcome))


@translate.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("gtq", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The event file.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Decides the random numbers.",
)
@click.option(
    "--unseen", is_flag=True, help="Leave out the events that took part in the training."
)
@device_option
@threads_option
@json_option
@pass_session
def apply(
    session: Session,
    model: Path,
    gtq: Path,
    out: Path,
    seed: int,
    unseen: bool,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Translate the photoelectrons of a file into hits.

    MODEL is a directory that `kzcal translate train` wrote, GTQ a file of the kind that it was
    trained on. The events stay; their hits become those that the detector of the training would
    report. Events are translated a few hundred at a time, so that memory does not grow with them.

    A scorecard of events that the training has not seen is the honest one: train with --events
    less than there are, and apply with --unseen; `kzcal compare` takes the
    same events of the data.
    """
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.cli.translate_text import translated_text
    from kzcal.io.atomic import check_writable
    from kzcal.translate.apply import translate_file
    from kzcal.translate.model import ModelDirectory
    from kzcal.translate.places import check_distinct

    check_distinct({"GTQ": gtq, "--out": out})
    check_writable(out)
    directory = ModelDirectory(model)
    manifest = directory.manifest()
    detector = directory.open_detector(manifest)
    record = session.plugins().translators.choose(manifest.translator)
    translator = directory.translator(record, detector, choose_device(device))
    with (
        session.open_events(gtq, detector) as source,
        watched("translating", source.n_events, quiet=session.quiet) as watch,
    ):
        written = translate_file(
            directory,
            translator,
            gtq,
            source,
            detector,
            out,
            seed=seed,
            unseen=unseen,
            advance=watch,
        )
    emit(written, as_json, translated_text(written))
