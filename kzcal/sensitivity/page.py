"""The page of a sensitivity: one file of HTML that needs no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kzcal import __version__
from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.calibrate.report.templating import fill
from kzcal.io.atomic import replacing
from kzcal.sensitivity import pictures
from kzcal.sensitivity.halflife import UNIT
from kzcal.sensitivity.study import Sensitivity

PAGE = "index.html"
FOOTER = "Written by kzcal sensitivity. docs/sensitivity.md tells what each number is."


def write_page(path: Path, found: Sensitivity, inputs: Mapping[str, Any]) -> None:
    """Write the page, whole or not at all.

    Args:
        path: file to write.
        found: the sensitivity.
        inputs: what was asked for.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    name = found.experiment.name
    heading = Heading(f"Sensitivity of {name}", "", "", name, __version__)
    text = fill("page.html", heading=heading, chapters=_chapters(found, inputs), footer=FOOTER)
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _chapters(found: Sensitivity, inputs: Mapping[str, Any]) -> list[Chapter]:
    verdict = fill("sensitivity.html", found=found, tiles=_tiles(found)) + pictures.spectra(found)
    bodies = [
        ("Expected limit", _summary(found), verdict),
        (
            "Scatter",
            "Limits that data sets of the background alone set by chance.",
            pictures.limits(found),
        ),
    ]
    if found.cut_scans:
        bodies.append(("Cuts", "Expected limits by cuts on scores.", pictures.cuts(found)))
    radius, shells, clean = found.fiducial
    film = (
        f"Counted by energy alone, {radius:.2f} m is the best outermost radius. Shells out to the "
        f"film exclude {number(shells)} times that half-life, and {number(clean)} times when "
        f"{found.radius_scans[-1].rejected:.0%} of the film's events are rejected."
    )
    bodies.append(("Fiducial volume", film, pictures.radii(found)))
    summary = "Assumptions changed one by one; those that matter most first."
    body = fill("sensitivity_variations.html", found=found)
    bodies.append(("Assumptions", summary, body))
    told = [*settings(inputs), *settings(_settings(found))]
    body = fill("settings.html", settings=told)
    bodies.append(("Settings", "What was asked for.", body))
    return [
        Chapter(title.lower().replace(" ", "-"), title, summary, "", body)
        for title, summary, body in bodies
    ]


def _settings(found: Sensitivity) -> dict[str, Any]:
    """Fields of the experiment that are neither backgrounds nor cuts, which have tables."""
    told = asdict(found.experiment)
    return {key: told[key] for key in told if key not in ("backgrounds", "cuts", "reference")}


def _tiles(found: Sensitivity) -> tuple[tuple[str, str], ...]:
    low, middle, high = (value / UNIT for value in found.band)
    return (
        (number(found.half_life / UNIT), "10²⁶ years, expected"),
        (number(middle), f"median of {len(found.toys)}, 68 % from {low:.3g} to {high:.3g}"),
        (number(found.counted.half_life / UNIT), "by counting in one bin"),
        (number(found.experiment.exposure), "kg yr of 136Xe"),
    )


def _summary(found: Sensitivity) -> str:
    return (
        f"{found.experiment.name} is expected to exclude half-lives below "
        f"{number(found.half_life / UNIT)} · 10²⁶ years."
    )
