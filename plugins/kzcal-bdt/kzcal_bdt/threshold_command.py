"""``kzcal bdt-threshold``: where to cut a score of pairs."""

from __future__ import annotations

from pathlib import Path

import click

from kzcal.cli.output import emit, json_option, plain, table

RESULT = "threshold.json"
FILE = click.Path(path_type=Path)
MOST_DRAWS = 10_000


@click.command()
@click.argument("scores", type=FILE, nargs=-1, required=True)
@click.option(
    "--events",
    "pairs",
    type=FILE,
    multiple=True,
    required=True,
    help="Pairs that were scored: a file for each of SCORES, in their order.",
)
@click.option(
    "--ibd",
    "signal_rate",
    type=float,
    required=True,
    help="Antineutrinos per day among such pairs, before any cut on the score.",
)
@click.option("--accidental", "accidental_rate", type=float, help="Accidental pairs per day.")
@click.option(
    "--off-time",
    type=FILE,
    help="Instead: pairs of `kzcal coincidence build --off-time`, which tell their rate.",
)
@click.option("--signal", multiple=True, default=("ibd",), show_default=True, help="Kinds.")
@click.option(
    "--background", multiple=True, default=("accidental",), show_default=True, help="The same."
)
@click.option(
    "--last",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of each kind to judge by, from the end of each file: what a training set aside.",
)
@click.option(
    "--draws",
    type=click.IntRange(2, MOST_DRAWS),
    default=100,
    show_default=True,
    help="How often pairs are drawn anew for the errors.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the draws.")
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="Directory for OUT/index.html and OUT/threshold.json; made where there is none.",
)
@json_option
def bdt_threshold(
    scores: tuple[Path, ...],
    pairs: tuple[Path, ...],
    signal_rate: float,
    accidental_rate: float | None,
    off_time: Path | None,
    signal: tuple[str, ...],
    background: tuple[str, ...],
    last: float,
    draws: int,
    seed: int,
    out: Path,
    as_json: bool,
) -> None:
    """Find the threshold of a score that suits the rates of antineutrinos and accidentals.

    SCORES is what `kzcal score` writes, of pairs whose kind is known and that nothing learned
    from: simulated antineutrinos, and accidental pairs, such as those of a run off time. The
    threshold has the largest S / sqrt(S + B); what it keeps is judged by halves of the pairs, each
    cut at the threshold of the other.
    """
    if (accidental_rate is None) == (off_time is None):
        reason = "--accidental or --off-time tells the rate of accidental pairs: give one of them"
        raise click.UsageError(reason)
    if len(scores) != len(pairs):
        reason = f"each file of scores has its --events, got {len(scores)} for {len(pairs)} files"
        raise click.UsageError(reason)
    import numpy as np

    from kzcal.candidates import joined
    from kzcal.cli.report import made_directory
    from kzcal.io.candidates import read_candidates
    from kzcal.io.scores import read_scores
    from kzcal_bdt.model import kinds_of, lasts
    from kzcal_bdt.off_time import off_time_rate
    from kzcal_bdt.page import PAGE, write_result, write_threshold
    from kzcal_bdt.working_point import Rates, balanced_accuracy, working_point

    if off_time is not None:
        accidental_rate = off_time_rate(off_time)
    rates = Rates(signal_rate, accidental_rate or 0.0)
    page = made_directory(out) / PAGE
    candidates = [read_candidates(path) for path in pairs]
    rows, is_signal = kinds_of(joined(candidates), signal, background, lasts(candidates, last))
    each = zip(scores, candidates, strict=True)
    score = np.concatenate([read_scores(path, one.event) for path, one in each])[rows]
    generator = np.random.default_rng(seed)
    found = working_point(score, is_signal, rates, draws=draws, generator=generator)
    accuracy = balanced_accuracy(score, is_signal)
    given = {"ibd": signal_rate, "accidental": accidental_rate, "draws": draws, "seed": seed}
    given["last"] = last
    files = {"scores": scores, "pairs": pairs, "off_time": off_time}
    inputs = plain({**given, **files, "signal": signal, "background": background})
    result = {**found.as_dict(), **accuracy.as_dict(), "inputs": inputs}
    told = write_threshold(page, found, accuracy, score, is_signal, inputs)
    write_result(out / RESULT, result)
    emit(result, as_json, f"{table(('threshold of the best merit', ''), told)}\n{page}")
