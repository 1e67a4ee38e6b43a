"""The page of a combination: that of its evaluation, and what scores share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kzcal import __version__
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.templating import fill
from kzcal.evaluate.page import chapters
from kzcal.io.atomic import replacing
from kzcal.rejection import pictures
from kzcal.rejection.combination import Combination

FOOTER = "Written by kzcal combine. Errors are one standard deviation."


def write_page(
    path: Path, found: Combination, inputs: Mapping[str, Any], detector_name: str
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: file to write.
        found: the combination.
        inputs: files and kinds of candidates, by what they are.
        detector_name: of the detector.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    names = found.evaluation.scored.names[1:]
    heading = Heading(f"Combination of {', '.join(names)}", "", "", detector_name, __version__)
    first, *others = chapters(found.evaluation, inputs)
    pages = [first, *_chapters(found), *others]
    text = fill("page.html", heading=heading, chapters=pages, footer=FOOTER)
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _chapters(found: Combination) -> list[Chapter]:
    """How scores are combined, and isotopes where they are known."""
    summary = "How one score is made of several, and what these share inside each class."
    body = fill("rejection.html", found=found) + pictures.planes(found)
    drawn = [Chapter("method", "Method", summary, "", body)]
    if found.isotopes:
        cut = f"{found.evaluation.config.acceptance:.0%}"
        summary = f"Rejected of each isotope where {cut} of the signal are accepted."
        body = pictures.of_isotopes(found) + fill("rejection_isotopes.html", found=found)
        drawn.append(Chapter("isotopes", "Isotopes", summary, "", body))
    return drawn
