"""What a study found, and how it is written: a page of HTML and a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kzcal import __version__
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.calibrate.report.templating import fill
from kzcal.io.atomic import replacing

PAGE, RESULT = "index.html", "study.json"
FOOTER = "Written by kzcal study. Errors are one standard deviation."


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers in rows.

    Args:
        title: of its chapter.
        summary: the line below it.
        header: of the columns, the first of which is text.
        rows: as they are shown.
        picture: HTML above the rows.
    """

    title: str
    summary: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a study found.

    Args:
        study: its name.
        verdict: in a sentence or two.
        tables: chapters of the page.
        numbers: all of it, for programs.
    """

    study: str
    verdict: str
    tables: tuple[Table, ...]
    numbers: Mapping[str, Any]

    def text(self) -> str:
        """The verdict, for a terminal."""
        return f"{self.study}: {self.verdict}"


def write_findings(
    directory: Path, found: Findings, inputs: Mapping[str, Any], detector_name: str
) -> Path:
    """Write DIRECTORY/index.html and DIRECTORY/study.json, each whole or not at all.

    Args:
        directory: that exists.
        found: by the study.
        inputs: settings and files, by what they are.
        detector_name: of the detector.

    Returns:
        The page.
    """
    page = directory / PAGE
    heading = Heading(f"Study of {found.study}", "", "", detector_name, __version__)
    text = fill("page.html", heading=heading, chapters=_chapters(found, inputs), footer=FOOTER)
    result = {"study": found.study, "verdict": found.verdict, **found.numbers, "inputs": inputs}
    with replacing(page) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    with replacing(directory / RESULT) as unfinished:
        unfinished.write_text(json.dumps(result, indent=2, allow_nan=False), encoding="utf-8")
    return page


def _chapters(found: Findings, inputs: Mapping[str, Any]) -> Sequence[Chapter]:
    rest = [("Settings", "What was asked for.", fill("settings.html", settings=settings(inputs)))]
    told = [(t.title, t.summary, t.picture + fill("study.html", table=t)) for t in found.tables]
    return [
        Chapter("verdict", "Verdict", found.verdict, "", ""),
        *(
            Chapter(title.lower().replace(" ", "-"), title, summary, "", body)
            for title, summary, body in (*told, *rest)
        ),
    ]
