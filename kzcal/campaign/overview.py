"""One page for many runs: what became of each, and the way to its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import kzcal
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.templating import fill
from kzcal.calibrate.run import PAGE
from kzcal.campaign.campaign import Outcome
from kzcal.io.atomic import replacing

WORDS: Mapping[str, str] = {
    "stored": "stored",
    "present": "in the tag already",
    "failed": "failed",
}
FOOTER = (
    "Written by kzcal calibrate; a report lies beside this page for each run that links to it."
)


def counts_of(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Number of files of each status."""
    return {status: sum(o.status == status for o in outcomes) for status in WORDS}


def write_overview(out: Path, outcomes: Sequence[Outcome], tag: str, detector: str) -> Path:
    """Write OUT/index.html, whole or not at all; returns it.

    Args:
        out: directory with the reports of the runs.
        outcomes: what became of each file.
        tag: where the calibrations are.
        detector: its name.

    Raises:
        ConfigurationError: the page cannot be written.
    """
    counts = counts_of(outcomes)
    body = fill("runs.html", outcomes=outcomes, counts=counts.items(), words=WORDS)
    summary = "Each was calibrated on its own; the number of a run leads to its report."
    heading = Heading(f"Calibration of {len(outcomes)} runs", tag, "", detector, kzcal.__version__)
    chapters = [Chapter("runs", "Runs", summary, "", body)]
    page = out / PAGE
    with replacing(page) as unfinished:
        text = fill("page.html", heading=heading, chapters=chapters, footer=FOOTER)
        unfinished.write_text(text, encoding="utf-8")
    return page
