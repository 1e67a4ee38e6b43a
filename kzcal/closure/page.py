"""The page of a closure: its verdict, the pulls and ranks of every parameter, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import norm

from kzcal import __version__
from kzcal.calibrate.report.digits import words
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.picture import BAND, DATA, FULL, MODEL, drawing, embedded
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.calibrate.report.templating import fill
from kzcal.closure.config import ClosureConfig
from kzcal.closure.statistics import FAIL, Limits
from kzcal.closure.trials import Trial
from kzcal.closure.verdict import ParameterClosure, Verdict
from kzcal.io.atomic import replacing

PAGE = "index.html"
EDGES = np.linspace(-5.0, 5.0, 31)
SHOWN = ("bias", "width", "coverage_68", "coverage_95", "ranks")
MOST_POINTS = 2000
"""Rows of a parameter that are drawn one by one."""
FOOTER = (
    "Written by kzcal closure. Bands: where ranks of a right fit stay, all bins together, but for "
    "the false-alarm rate; curves: unit Gaussian."
)


def write_page(
    path: Path, config: ClosureConfig, verdict: Verdict, trials: Sequence[Trial]
) -> None:
    """Write the page: one file of HTML that needs no other, whole or not at all.

    Args:
        path: file to write.
        config: the settings.
        verdict: on the trials.
        trials: by number.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    heading = Heading(f"Closure of {config.experiment}", "", "", "injected truth", __version__)
    chapters = [
        Chapter("verdict", "Verdict", _summary(verdict), "", _verdict(verdict, config.limits)),
        *(_parameter(parameter, trials) for parameter in verdict.parameters),
        Chapter(
            "trials", "Trials", "What failed, and what was asked for.", "", _rest(config, trials)
        ),
    ]
    page = fill("page.html", heading=heading, chapters=chapters, footer=FOOTER)
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def _summary(verdict: Verdict) -> str:
    found = [
        f"{words(p.name)}: {words(c.name)}"
        for p in verdict.parameters
        for c in p.checks
        if c.verdict == FAIL
    ]
    return f"Failed: {'; '.join(found)}." if found else "No number fails."


def _verdict(verdict: Verdict, limits: Limits) -> str:
    checks = {p.name: {c.name: c for c in p.checks} for p in verdict.parameters}
    return fill("closure.html", verdict=verdict, limits=limits, checks=checks, names=SHOWN)


def _rest(config: ClosureConfig, trials: Sequence[Trial]) -> str:
    failures = [trial for trial in trials if trial.failure]
    told = list(settings(config.as_dict()))
    return fill("closure_failures.html", failures=failures, settings=told)


def _parameter(parameter: ParameterClosure, trials: Sequence[Trial]) -> Chapter:
    """Pulls, ranks, and fitted against true values."""
    with drawing(FULL, 2.9) as figure:
        pulls, ranks, values = figure.subplots(1, 3)
        _draw_pulls(pulls, parameter)
        _draw_ranks(ranks, parameter)
        _draw_values(values, parameter, trials)
        shown = f"{words(parameter.name)}: pulls, ranks of the truth, fitted against true values"
        body = embedded(figure, shown)
    title = words(parameter.name)
    summary = "; ".join(f"{words(c.name)}: {c.verdict}" for c in parameter.checks)
    return Chapter(parameter.name.replace(" ", "-"), title.capitalize(), summary, "", body)


def _draw_pulls(axes: Axes, parameter: ParameterClosure) -> None:
    counts, _ = np.histogram(np.clip(parameter.pulls, EDGES[0], EDGES[-1]), EDGES)
    axes.stairs(counts, EDGES, color=DATA)
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    axes.plot(middle, parameter.n * np.diff(norm.cdf(EDGES)), color=MODEL)
    axes.set_xlabel("pull")
    axes.set_ylabel("truths")


def _draw_ranks(axes: Axes, parameter: ParameterClosure) -> None:
    """How many more truths have a smaller rank than even ranks would give."""
    axes.set_xlabel("rank of the truth")
    if parameter.ranks is None:
        axes.text(0.5, 0.5, "rows of a trial hang together", ha="center", va="center")
        axes.set_axis_off()
        return
    ranks = parameter.ranks
    even = parameter.n * ranks.edges
    least, most = ranks.band - even
    axes.fill_between(ranks.edges, least, most, color=BAND, step="mid")
    axes.axhline(0, color=MODEL)
    axes.step(ranks.edges, ranks.below - even, where="mid", color=DATA)
    axes.set_xlim(0, 1)
    axes.set_ylabel("truths below, less even ones")


def _draw_values(axes: Axes, parameter: ParameterClosure, trials: Sequence[Trial]) -> None:
    """Fitted less true values over the truth."""
    fits = [t.fitted for t in trials if t.fitted is not None]
    if parameter.name not in fits[0].truth:
        axes.set_axis_off()
        return
    columns = (
        np.concatenate([getattr(fit, part)[parameter.name] for fit in fits])
        for part in ("truth", "values", "errors")
    )
    truth, values, errors = (column[:MOST_POINTS] for column in columns)
    axes.errorbar(truth, values - truth, errors, fmt=".", ms=3, lw=0.6, color=DATA)
    axes.axhline(0, color=MODEL)
    axes.set_xlabel("true value" + ("" if parameter.unit == "1" else f", {parameter.unit}"))
    axes.set_ylabel("fitted − true")
