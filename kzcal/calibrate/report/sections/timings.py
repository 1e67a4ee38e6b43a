"""Timings: how long each step took, and what it worked on."""

from __future__ import annotations

from dataclasses import dataclass

from kzcal.calibrate.report.sections.headline import summary
from kzcal.calibrate.report.templating import absence, fill
from kzcal.conditions.payload import Payload
from kzcal.geometry import Detector

NEEDED = ("step_names", "step_seconds")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the calibration: its duration in seconds, and its share of all."""

    name: str
    seconds: float
    share: float


class Timings:
    """A table with a bar for each step."""

    def render(
        self,
        calibration: Payload,  # noqa: ARG002  as the protocol
        diagnostics: Payload,
        detector: Detector,  # noqa: ARG002
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """Steps in their order, then the numbers of the run."""
        if missing := absence(diagnostics, NEEDED):
            return missing
        return fill("timings.html", steps=steps(diagnostics), summary=summary(diagnostics))


def steps(diagnostics: Payload) -> list[Step]:
    """The steps in their order."""
    names, seconds = (diagnostics.columns[name].values.tolist() for name in NEEDED)
    total = sum(seconds) or 1.0
    return [Step(name, s, s / total) for name, s in zip(names, seconds, strict=True)]
