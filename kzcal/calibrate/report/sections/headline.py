"""Headline: the run, how many PMTs are good, and every constant in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kzcal.calibrate.report.population import TYPES, populations
from kzcal.calibrate.report.templating import fill
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import is_good
from kzcal.geometry import Detector


class Headline:
    """The report on one screen."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002  as the protocol
    ) -> str:
        """Numbers of good and bad PMTs; median, spread and errors of each constant by type."""
        return fill(
            "headline.html",
            n_pmt=detector.n_pmt,
            n_good=int(is_good(calibration).sum()),
            census=census(calibration, detector),
            types=TYPES,
            populations=populations(calibration, detector),
            summary=summary(diagnostics),
        )


def census(calibration: Payload, detector: Detector) -> Mapping[str, tuple[int, ...]]:
    """Number of PMTs of each type by status, "good" first."""
    status = calibration.columns["status"].values
    names = sorted(np.unique(status).tolist(), key=lambda name: (name != "good", name))
    return {
        name: tuple(int(np.sum((status == name) & (detector.diameter_inch == d))) for d in TYPES)
        for name in names
    }


def summary(diagnostics: Payload) -> list[tuple[str, float, str]]:
    """Name, value and unit of each number that the calibration noted about the run."""
    names = ("summary_names", "summary_values", "summary_units")
    if not all(name in diagnostics.columns for name in names):
        return []
    return list(zip(*(diagnostics.columns[n].values.tolist() for n in names), strict=True))
