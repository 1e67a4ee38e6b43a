"""The page of an evaluation: one file of HTML that needs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kzcal import __version__
from kzcal.calibrate.report.digits import amount, measured
from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.sections.lineage import settings
from kzcal.calibrate.report.templating import fill
from kzcal.evaluate import looks, pictures
from kzcal.evaluate.evaluation import Evaluation
from kzcal.io.atomic import replacing

PAGE = "index.html"
FOOTER = "Written by kzcal evaluate. Errors are one standard deviation."
SUMMARIES: Mapping[str, str] = {
    "Separation": "Background rejected against signal accepted, and how scores are distributed.",
    "Dependence": "What the score of {first} depends on beside the class.",
    "Calibration": "Whether scores are logits of probabilities.",
    "Data and simulation": "The score of {first} in tagged events of a run, and simulated.",
    "Times": "What hits of each bin of the residual are worth to the model, by {probed} events.",
    "Sphere": "What times of hits on each part of the sphere are worth to the model.",
    "Dead PMTs": "What PMTs are worth to the model.",
    "Settings": "What was asked for.",
}
"""Title of each chapter and the line below it."""


def write_page(
    path: Path, found: Evaluation, inputs: Mapping[str, Any], detector_name: str
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: file to write.
        found: the evaluation.
        inputs: files and kinds of events, by what they are.
        detector_name: of the detector.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    title = f"Evaluation of {', '.join(found.scored.names)}"
    heading = Heading(title, "", "", detector_name, __version__)
    page = fill("page.html", heading=heading, chapters=chapters(found, inputs), footer=FOOTER)
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def chapters(found: Evaluation, inputs: Mapping[str, Any]) -> list[Chapter]:
    """The verdict, and a chapter for each part that was asked for."""
    names = {
        "first": found.scored.names[0],
        "probed": "" if found.looked is None else amount(found.looked.probed),
    }
    verdict = fill("evaluation.html", found=found, tiles=_tiles(found))
    return [
        Chapter("verdict", "Verdict", _summary(found), "", verdict),
        *(
            Chapter(
                title.lower().replace(" ", "-"), title, SUMMARIES[title].format(**names), "", body
            )
            for title, body in _bodies(found, inputs).items()
        ),
    ]


def _bodies(found: Evaluation, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Chapters below the verdict by title."""
    named = zip(found.scored.names, found.reliabilities, strict=True)
    bodies = {
        "Separation": pictures.curves(found) + pictures.distributions(found),
        "Dependence": pictures.dependences(found)
        + fill("evaluation_dependence.html", found=found.dependences),
        "Calibration": fill("evaluation_reliability.html", found=list(named))
        + pictures.reliabilities(found),
    }
    if found.agreement is not None:
        numbers = fill("evaluation_agreement.html", found=found.agreement)
        bodies["Data and simulation"] = numbers + pictures.agreement(found)
    if found.looked is not None:
        looked = found.looked
        bodies["Times"] = looks.times(looked.times)
        bodies["Sphere"] = looks.sphere(looked.bands, looked.patches)
        dead = fill("evaluation_dead.html", found=looked.dead, probed=looked.probed_dead)
        bodies["Dead PMTs"] = dead + looks.dead(looked.dead)
    told = [*settings(inputs), *settings(found.config.as_dict())]
    return {**bodies, "Settings": fill("settings.html", settings=told)}


def _tiles(found: Evaluation) -> Sequence[tuple[str, str]]:
    n_signal = int(found.scored.signal.sum())
    return (
        (f"{amount(n_signal)}", "signal events"),
        (f"{amount(len(found.scored.signal) - n_signal)}", "background events"),
        (f"{len(found.scored.names)}", "classifiers"),
    )


def _summary(found: Evaluation) -> str:
    cut = found.config.cuts.index(found.config.acceptance)
    value, error = found.rejections.values[0, cut], found.rejections.errors[0, cut]
    share = measured(float(value), float(error))
    return (
        f"{found.scored.names[0]} rejects {share} of the background where it accepts "
        f"{found.config.acceptance:.0%} of the signal."
    )
