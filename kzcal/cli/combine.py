"""``kzcal combine``: one rejection from the scores of several classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.output import emit, json_option, plain, table

if TYPE_CHECKING:
    from kzcal.rejection.combination import Combination

FILE = click.Path(path_type=Path)
RESULT = "rejection.json"
SCORES = "combined"


@click.command()
@click.argument("scores", nargs=-1, required=True, metavar="NAME=SCORES.csv[,MORE.csv]...")
@click.option(
    "--events", "files", type=FILE, multiple=True, required=True, help="File of candidates."
)
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="Directory for index.html, rejection.json and combined.csv; made where there is none.",
)
@click.option(
    "--signal", multiple=True, default=("xe136",), show_default=True, help="Kind of truth/kind."
)
@click.option(
    "--background", multiple=True, default=("long-lived",), show_default=True, help="The same."
)
@click.option(
    "--method",
    default="auto",
    show_default=True,
    help="auto, product, logistic or joint: auto takes the best on candidates not learned from.",
)
@click.option(
    "--acceptance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the signal above the threshold; else that of --config, or 0.9.",
)
@click.option(
    "--match",
    metavar="COLUMN",
    help="Leave out candidates until this column is alike in both classes, such as energy.",
)
@click.option(
    "--last",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of each kind to judge, from the end of each file: what a training set aside.",
)
@click.option("--config", "settings", type=FILE, help="TOML file with settings of evaluations.")
@json_option
def combine(
    scores: tuple[str, ...],
    files: tuple[Path, ...],
    out: Path,
    signal: tuple[str, ...],
    background: tuple[str, ...],
    method: str,
    acceptance: float | None,
    match: str | None,
    last: float,
    settings: Path | None,
    as_json: bool,
) -> None:
    """Combine the scores of several classifiers into one rejection.

    SCORES is what `kzcal score` writes, for the candidates or for the events of the runs they
    come from: scores are joined to candidates by the number of the event. With several --events,
    one for each run, a classifier has a file of scores for each, joined by commas.

    The joint likelihood ratio is a product of the ratios of each score, a logistic regression on
    these, or one density of all scores together: whatever tells candidates best that it did not
    learn from. OUT/combined.csv holds a score for every candidate (combined-1.csv and so on for
    several files), OUT/rejection.json what `kzcal sensitivity --rejection` takes, and
    OUT/index.html shows them beside each score alone. docs/rejection.md tells what each is.
    """
    from dataclasses import replace

    import numpy as np

    from kzcal.cli.report import made_directory
    from kzcal.evaluate.config import EvaluationConfig
    from kzcal.evaluate.scored import ScoreFiles
    from kzcal.io.candidates import CandidateFile
    from kzcal.rejection.combination import combine as combined
    from kzcal.rejection.combination import write_scores
    from kzcal.rejection.matching import matched
    from kzcal.rejection.material import Material
    from kzcal.rejection.page import write_page

    config = EvaluationConfig() if settings is None else EvaluationConfig.from_toml(settings)
    if acceptance is not None:
        config = replace(config, acceptance=acceptance)
    classifiers = [ScoreFiles.parsed(text, len(files)) for text in scores]
    candidates = []
    for path in files:
        with CandidateFile(path) as opened:
            candidates.append(opened.read())
            detector = opened.header.detector
    material = Material.of(candidates, classifiers, signal, background, last=last)
    if match is not None:
        generator = np.random.default_rng([config.seed, 12])
        material = matched(material, match, generator=generator)
    found = combined(material, config, method=method)
    directory = made_directory(out)
    inputs: dict[str, Any] = {
        "events": files,
        **{one.name: one.paths for one in classifiers},
        "signal": signal,
        "background": background,
        "match": match or "nothing",
        "last": last,
    }
    result = plain({**found.as_dict(), "inputs": inputs})
    _write_json(directory / RESULT, result)
    first = 0
    for i, n in enumerate(material.counts):
        name = f"{SCORES}.csv" if len(files) == 1 else f"{SCORES}-{i + 1}.csv"
        rows = slice(first, first + n)
        write_scores(directory / name, material.event[rows], found.score[rows])
        first += n
    write_page(directory / "index.html", found, plain(inputs), detector)
    emit(result, as_json, text(found, directory / "index.html"))


def text(found: Combination, page: Path) -> str:
    """A row per score, what was combined how, and where the page is."""
    from kzcal.cli.evaluate import text as evaluated

    lines = [evaluated(found.evaluation, page), f"method: {found.method}"]
    header = ("method", "loss", "larger by")
    best = found.methods[0]
    rows = [
        (one.name, f"{one.mean:.4f}", "{:.4f} ± {:.4f}".format(*one.worse(best)))
        for one in found.methods
    ]
    lines.append(table(header, rows))
    lines += [
        f"{one.first} and {one.second} in the {one.kind}: rank correlation "
        f"{one.value:+.3f} ± {one.error:.3f}"
        for one in found.correlations
    ]
    return "\n".join([*lines, *(f"warning: {warning}" for warning in found.warnings)])


def _write_json(path: Path, result: object) -> None:
    """Write a result, whole or not at all."""
    import json

    from kzcal.io.atomic import replacing

    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
