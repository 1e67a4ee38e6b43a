"""``kzcal evaluate``: how well scores separate classes, and what they depend on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.corrections import constants_options, corrections
from kzcal.cli.events import detector_option
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, plain, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.evaluate.evaluation import Evaluation

RESULT = "evaluation.json"
FILE = click.Path(path_type=Path)


@click.command()
@click.argument("scores", nargs=-1, required=True, metavar="[NAME=]SCORES.csv[,MORE.csv]...")
@click.option(
    "--events", "files", type=FILE, multiple=True, required=True, help="Events that were scored."
)
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="Directory for OUT/index.html and OUT/evaluation.json; made where there is none.",
)
@click.option(
    "--signal", multiple=True, help="Kind of truth/kind; else bb, of candidates xe136 or ibd."
)
@click.option(
    "--background", multiple=True, help="The same; else bi214, long-lived or accidental."
)
@click.option(
    "--last",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of each kind to judge, from the end of each file: what a training set aside.",
)
@click.option(
    "--model", type=FILE, help="Model whose looks are studied; needs --tag or --nominal."
)
@click.option("--data", type=FILE, nargs=2, help="Run with BiPo pairs, and its scores.")
@click.option(
    "--simulated",
    type=FILE,
    nargs=2,
    help="Simulated events of the tagged kind, and their scores; else the background of --events.",
)
@click.option(
    "--sample", default="bi214", show_default=True, help="Sample that tags events of --data."
)
@click.option("--config", "settings", type=FILE, help="TOML file with settings.")
@constants_options
@click.option(
    "--run",
    "runs",
    type=click.IntRange(0),
    multiple=True,
    help="Run whose constants are taken, for all --events or once for each; else that of each.",
)
@detector_option
@device_option
@threads_option
@json_option
@pass_session
def evaluate(
    session: Session,
    scores: tuple[str, ...],
    files: tuple[Path, ...],
    out: Path,
    signal: tuple[str, ...],
    background: tuple[str, ...],
    last: float,
    model: Path | None,
    data: tuple[Path, Path] | None,
    simulated: tuple[Path, Path] | None,
    sample: str,
    settings: Path | None,
    location: str | None,
    tag: str | None,
    nominal: bool,
    runs: tuple[int, ...],
    detector_name: str,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Tell how well scores separate classes, and what they depend on.

    SCORES is what `kzcal score` writes, of events or of candidates; several are compared on the
    same ones, given by --events. With several --events each classifier has a file of scores for
    each, joined by commas. The first classifier is looked at closest: in bins of energy, radius,
    height, hits, run and PMTs in use, or of each column of candidates, and with --data in tagged
    events of a run. With --model the page shows which times and which parts of the sphere matter,
    and what dead PMTs cost; that scores a few hundred events a hundred times.

    Writes OUT/index.html, a page that needs no other file, and OUT/evaluation.json with every
    number. docs/evaluation.md tells what each is.
    """
    if simulated is not None and data is None:
        reason = "--simulated is what --data is compared with, got no --data: give both"
        raise click.UsageError(reason)
    if runs and tag is None and not nominal:
        reason = "--run chooses among constants, got none: give --tag, or --nominal"
        raise click.UsageError(reason)
    settle_threads(threads)
    from kzcal.cli.evaluate_candidates import are_candidates, check_options
    from kzcal.cli.evaluate_inputs import Conditions
    from kzcal.cli.evaluate_judging import Request, judged_candidates, judged_events
    from kzcal.cli.report import made_directory
    from kzcal.evaluate.config import EvaluationConfig
    from kzcal.evaluate.page import PAGE, write_page
    from kzcal.evaluate.scored import ScoreFiles
    from kzcal.geometry import load_detector

    config = EvaluationConfig() if settings is None else EvaluationConfig.from_toml(settings)
    classifiers = tuple(ScoreFiles.parsed(text, len(files)) for text in scores)
    kinds = (signal, background)
    request = Request(
        classifiers, files, kinds, last, config, model, data, simulated, sample, device
    )
    page = made_directory(out) / PAGE
    if are_candidates(files):
        options = {"--model": model, "--data": data, "--tag": tag, "--nominal": nominal}
        check_options(options)
        found = judged_candidates(request)
    else:
        detector = load_detector(detector_name)
        constants = corrections(location, tag, nominal) if tag is not None or nominal else None
        conditions = Conditions.of(constants, runs, len(files))
        found = judged_events(request, session, detector, conditions)
    write_page(page, found.evaluation, found.inputs, found.detector)
    result = {**found.evaluation.as_dict(), "inputs": found.inputs}
    _write_result(out / RESULT, result)
    emit(result, as_json, text(found.evaluation, page))


def text(found: Evaluation, page: Path) -> str:
    """A row per classifier, what was found beside, and where the page is."""
    from kzcal.calibrate.report.digits import measured

    cuts = [f"rejected at {cut:.0%}" for cut in found.rejections.acceptance]
    values, errors = found.rejections.values, found.rejections.errors
    rows = [
        [
            name,
            *(measured(*pair) for pair in zip(values[i], errors[i], strict=True)),
            measured(found.areas.values[i], found.areas.errors[i]),
        ]
        for i, name in enumerate(found.scored.names)
    ]
    lines = [table(("classifier", *cuts, "area"), rows)]
    for pair in found.contrasts:
        apart = measured(pair.rejected, pair.error)
        lines.append(f"{pair.first} less {pair.second}: {apart} (p = {pair.probability:.2g})")
    if found.agreement is not None:
        one = found.agreement
        lines.append(
            f"data and simulation: distance {one.distance:.3f} of {one.n_data} and "
            f"{one.n_simulated} events, p = {one.probability:.2g}"
        )
    n_signal = int(found.scored.signal.sum())
    n_background = len(found.scored.signal) - n_signal
    lines.append(f"{n_signal} signal and {n_background} background events: {page}")
    return "\n".join(lines)


def _write_result(path: Path, result: dict[str, object]) -> None:
    import json

    from kzcal.io.atomic import replacing

    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(plain(result), indent=2, allow_nan=False))
