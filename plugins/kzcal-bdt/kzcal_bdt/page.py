"""Pages of the plugin's commands: one file of HTML each that needs no other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from kzcal import __version__
from kzcal.calibrate.report.digits import measured, number
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.calibrate.report.templating import fill
from kzcal.cli.output import plain
from kzcal.io.atomic import replacing
from kzcal_bdt import pictures
from kzcal_bdt.importance import Importance
from kzcal_bdt.working_point import Accuracy, Found

PAGE = "index.html"
PROVIDER = "kzcal-bdt"


def write_importance(
    path: Path,
    found: Importance,
    signal: Bool[np.ndarray, " pair"] | None,
    inputs: Mapping[str, Any],
) -> None:
    """Write the page of what inputs are worth, whole or not at all.

    Args:
        path: file to write.
        found: the importances.
        signal: whether each pair is an antineutrino; None if that is not known.
        inputs: files, by what they are.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    head = ("input", "adds to the logit", "share of gain")
    body = table(head, importance_rows(found)) + pictures.bars(found)
    chapters = [
        _chapter("Inputs", "The one that adds most first.", body),
        _chapter(
            "Values",
            "What each input adds to the logit of a pair, beside what all pairs have in common.",
            pictures.panels(found, signal),
        ),
        _chapter("Settings", "What was asked for.", _settings(inputs)),
    ]
    _write(path, f"What inputs are worth in {len(found.added)} pairs", chapters)


def importance_rows(found: Importance) -> Sequence[tuple[str, str, str]]:
    """Input, what it adds and its share of the gain, the input that adds most first."""
    return [
        (name, measured(one["added"], one["added_error"]), number(one["gain"]))
        for name, one in found.as_dict().items()
    ]


def write_threshold(
    path: Path,
    found: Found,
    accuracy: Accuracy,
    score: Float64[np.ndarray, " pair"],
    signal: Bool[np.ndarray, " pair"],
    inputs: Mapping[str, Any],
) -> Sequence[tuple[str, str]]:
    """Write the page of a working point, whole or not at all.

    Args:
        path: file to write.
        found: the working point.
        accuracy: at a logit of zero.
        score: of every pair.
        signal: whether each is an antineutrino.
        inputs: files and rates, by what they are.

    Returns:
        What it tells, in words and numbers.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    told = threshold_rows(found, accuracy)
    body = table(("", "at the best threshold"), told)
    body += pictures.thresholds(score, signal, found.point)
    chapters = [
        _chapter("Threshold", "With the largest S / √(S + B).", body),
        _chapter("Settings", "What was asked for.", _settings(inputs)),
    ]
    _write(path, "Where to cut", chapters)
    return told


def threshold_rows(found: Found, accuracy: Accuracy) -> Sequence[tuple[str, str]]:
    """What the working point keeps, in words and numbers with their errors."""
    point, (efficiency, purity, merit) = found.point, found.errors
    return (
        ("threshold", number(point.threshold)),
        ("efficiency", measured(point.efficiency, efficiency)),
        ("purity", measured(point.purity, purity)),
        ("S / √(S + B) of a day", measured(point.merit, merit)),
        ("antineutrinos kept per day", number(point.signal)),
        ("accidental pairs kept per day", number(point.accidental)),
        ("balanced accuracy at zero", measured(accuracy.value, accuracy.error)),
    )


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write what a page tells as JSON, whole or not at all."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(plain(result), indent=2, allow_nan=False))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of HTML whose first column is words."""
    first, *others = head
    titles = "".join(f"<th>{escape(word)}</th>" for word in others)
    lines = "".join(
        f'<tr><th class="text">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<table class="numbers"><thead><tr><th class="text">{escape(first)}</th>{titles}</tr>'
        f"</thead><tbody>{lines}</tbody></table>"
    )


def _chapter(title: str, summary: str, body: str) -> Chapter:
    return Chapter(title.lower(), title, summary, "", body)


def _settings(inputs: Mapping[str, Any]) -> str:
    return fill("settings.html", settings=list(settings(inputs)))


def _write(path: Path, title: str, chapters: Sequence[Chapter]) -> None:
    heading = Heading(title, "", "", "Antineutrino pairs", __version__)
    footer = f"Written by {PROVIDER}. Errors are one standard deviation."
    page = fill("page.html", heading=heading, chapters=chapters, footer=footer)
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
