"""The page of a scorecard: one file of HTML that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kzcal import __version__
from kzcal.calibrate.report.digits import words
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.calibrate.report.templating import fill
from kzcal.io.atomic import replacing
from kzcal.scorecard import pictures
from kzcal.scorecard.row import Group
from kzcal.scorecard.score import Scorecard

PAGE = "index.html"
GROUPS: Mapping[Group, str] = {
    "whole": "Dark hits and resolutions",
    "events": "Events",
    "pmts": "PMTs",
    "classifiers": "Classifiers",
    "scores": "Scores downstream",
}
FOOTER = (
    "Written by kzcal compare. Black: data; red: what is judged. Probabilities are corrected for "
    "the number of rows (Holm); < stands where no deal of the blocks is as far from alike."
)


SUMMARIES: Mapping[str, str] = {
    "Times and charges": "Hits where a PMT expects few photoelectrons, every "
    "PMT brought to the place of all of its type.",
    "Events": "Hits within the light of physics events, and the angles between them.",
    "PMTs": "Each point is a PMT, with the errors that counting makes.",
    "Classifiers": "Area under the curve of classifiers that were taught to tell the files apart, "
    "and what the same ones find between halves of the data.",
    "Scores downstream": "What classifiers of plugins say of the physics events.",
    "Settings": "What was asked for.",
}
"""Title of each chapter and the line below it."""


def write_page(path: Path, found: Scorecard, inputs: Sequence[tuple[str, str]]) -> None:
    """Write the page, whole or not at all.

    Args:
        path: file to write.
        found: the scorecard.
        inputs: path and SHA-256 of the two files, what is judged first.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    fake, data = (Path(name).name for name, _ in inputs)
    heading = Heading(f"{fake} against {data}", "", "", found.detector.name, __version__)
    page = fill("page.html", heading=heading, chapters=chapters(found, inputs), footer=FOOTER)
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def chapters(found: Scorecard, inputs: Sequence[tuple[str, str]]) -> list[Chapter]:
    """The verdict, a picture for each group of rows, and what made them."""
    groups = {
        title: [row for row in found.rows if row.group == group]
        for group, title in GROUPS.items()
        if any(row.group == group for row in found.rows)
    }
    verdict = fill("scorecard.html", found=found, groups=groups, names=words)
    files = {
        kind: {"path": name, "sha256": digest}
        for kind, (name, digest) in zip(("fake", "data"), inputs, strict=True)
    }
    told = [*settings({"input": files}), *settings(found.config.as_dict())]
    bodies = {
        "Times and charges": pictures.peaks(found),
        "Events": pictures.events(found) + pictures.patterns(found),
        "PMTs": pictures.pmts(found) + pictures.occupancy_map(found),
        "Classifiers": pictures.classifiers(found),
        **({"Scores downstream": pictures.scores(found)} if found.scores else {}),
        "Settings": fill("settings.html", settings=told),
    }
    return [
        Chapter("verdict", "Verdict", _summary(found), "", verdict),
        *(
            Chapter(title.lower().replace(" ", "-"), title, SUMMARIES[title], "", body)
            for title, body in bodies.items()
        ),
    ]


def _summary(found: Scorecard) -> str:
    differing = [words(row.name) for row in found.differing]
    if not differing:
        return "No row tells the two files apart."
    return f"Rows that tell the files apart, the clearest first: {', '.join(differing)}."
