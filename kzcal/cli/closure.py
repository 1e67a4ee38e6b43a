"""``kzcal closure``: inject truth, simulate, fit; pass or fail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.machine import settle_threads
from kzcal.cli.output import emit, json_option, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kzcal.closure.config import ClosureConfig
    from kzcal.closure.statistics import Check
    from kzcal.closure.trials import Trial
    from kzcal.closure.verdict import ParameterClosure, Verdict

RESULT = "closure.json"


@click.command()
@click.option(
    "--config",
    "settings",
    type=click.Path(path_type=Path),
    required=True,
    help="TOML file with the experiment, its options and the limits.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory for trials, OUT/index.html and OUT/closure.json.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes; their number changes nothing in the result.",
)
@click.option("--trials", type=click.IntRange(1), help="Truths, else those of --config.")
@json_option
@pass_session
def closure(
    session: Session,
    settings: Path,
    out: Path,
    workers: int,
    trials: int | None,
    as_json: bool,
) -> None:
    """Inject truths, simulate, fit, and say whether the errors are honest.

    Every trial draws a truth, makes data from it and fits them. Pulls, coverage of the 68 and
    95 % intervals and ranks of the truth follow over all trials, each against its limits. Exit
    code 0: none fails. Exit code 1: one does, or the closure could not be done.

    Trials are kept in OUT/trials.jsonl as they end: an interrupted closure goes on where it was,
    and more --trials add to those that are there. docs/closure.md tells what is tested.
    """
    from dataclasses import replace

    from kzcal.closure.config import ClosureConfig

    config = ClosureConfig.from_toml(settings)
    if trials is not None:
        config = replace(config, trials=trials)
    settle_threads(1)
    from kzcal.closure.page import PAGE, write_page
    from kzcal.closure.run import run_closure

    with (
        interrupts_kept() as check,
        progress("closure", config.trials, quiet=session.quiet) as advance,
    ):

        def watch(n_trials: float) -> None:
            check()
            advance(n_trials)

        verdict, done = run_closure(config, out, workers=workers, advance=watch)
    write_page(out / PAGE, config, verdict, done)
    result = summary(config, verdict, done)
    _write_result(out / RESULT, result)
    emit(result, as_json, text(verdict, out / PAGE))
    if verdict.verdict == "fail":
        raise click.exceptions.Exit(1)


def summary(config: ClosureConfig, verdict: Verdict, trials: Sequence[Trial]) -> dict[str, Any]:
    """The verdict and every number that it rests on."""
    return {
        "verdict": verdict.verdict,
        "experiment": config.experiment,
        "settings": config.as_dict(),
        "trials": verdict.trials,
        "failed": [{"trial": t.number, "why": t.failure} for t in trials if t.failure],
        "seconds_per_trial": sum(t.seconds for t in trials) / len(trials),
        "parameters": [
            {
                "name": p.name,
                "unit": p.unit,
                "pulls": p.n,
                "offset": p.offset,
                "stated_error": p.stated,
                "checks": list(p.checks),
            }
            for p in verdict.parameters
        ],
    }


def _write_result(path: Path, result: dict[str, Any]) -> None:
    import json

    from kzcal.cli.output import plain
    from kzcal.io.atomic import replacing

    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(plain(result), indent=2, allow_nan=False))


def text(verdict: Verdict, page: Path) -> str:
    """A row per parameter, and the verdict."""
    header = ("parameter", "pulls", "bias", "width", "within 1 sigma", "within 1.96", "ranks")
    rows = [(p.name.replace("_", " "), p.n, *_cells(p)) for p in verdict.parameters]
    return "\n".join(
        [
            table(header, rows),
            f"{verdict.trials} truths fitted, {verdict.failed} without a fit",
            f"{verdict.verdict}: {page}",
        ]
    )


def _cells(parameter: ParameterClosure) -> list[str]:
    checks = {check.name: check for check in parameter.checks}
    names = ("bias", "width", "coverage_68", "coverage_95", "ranks")
    return [_cell(checks[name]) if name in checks else "" for name in names]


def _cell(check: Check) -> str:
    number = f"{check.value:.3f} ± {check.error:.3f}" if check.error else f"p = {check.value:.2g}"
    return number if check.verdict == "pass" else f"{number} {check.verdict}"
