"""Comparison: how this calibration differs from the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from scipy.special import ndtr

from kzcal.calibrate.report.changes import (
    SIGNIFICANT,
    Shift,
    changed_pmts,
    changed_statuses,
    shifts,
)
from kzcal.calibrate.report.digits import number, words
from kzcal.calibrate.report.picture import DATA, EXPECTED, FAINT, FULL, drawing, embedded
from kzcal.calibrate.report.templating import fill

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

LISTED = 20
"""Most changes of one constant that are listed one by one."""
NARROWEST = 6.0
"""Pull to which a histogram reaches at least."""
SHOWN = 95.0
"""Percentile of the absolute pulls to which it reaches where more PMTs changed."""


class Comparison:
    """Pulls of the differences, and the PMTs that changed."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,  # noqa: ARG002  as the protocol
        detector: Detector,
        previous: Payload | None,
    ) -> str:
        """Everything about the previous calibration, or a sentence that there is none."""
        if previous is None:
            return fill("no_comparison.html", n_rows=None, n_pmt=detector.n_pmt)
        n_rows = len(previous.columns["status"].values)
        if n_rows != detector.n_pmt:
            return fill("no_comparison.html", n_rows=n_rows, n_pmt=detector.n_pmt)
        found = shifts(calibration, previous)
        changes = changed_pmts(calibration, previous)
        return fill(
            "comparison.html",
            run=previous.lineage.configuration.get("run"),
            inputs=previous.lineage.inputs,
            shifts=found,
            significant=SIGNIFICANT,
            n_changes=len(changes),
            listed=LISTED,
            changes=[
                change
                for shift in found
                for change in [c for c in changes if c.name == shift.name][:LISTED]
            ],
            statuses=changed_statuses(calibration, previous),
            picture=_pulls(found),
        )


def _pulls(found: Sequence[Shift]) -> str:
    with drawing(FULL, 4.8) as figure:
        for axes, shift in zip(figure.subplots(2, 3).flat, found, strict=True):
            _histogram(axes, shift)
        widths = (f"{words(s.name)} {number(s.centre_and_width[1], 2)}" for s in found)
        alt = f"Histograms of the pulls of the differences; widths: {', '.join(widths)}."
        return embedded(figure, alt, CAPTION)


CAPTION = (
    "(now − before) over both errors together, PMTs good in both; the outermost bins hold what "
    "lies beyond. Grey: a unit Gaussian, which is what errors alone give if nothing changed. "
    "Narrower: the constant leans on the others of its type, so that both runs err alike."
)


def _histogram(axes: Axes, shift: Shift) -> None:
    pulls = shift.pull[shift.known]
    end = max(NARROWEST, 1.2 * float(np.percentile(np.abs(pulls), SHOWN)) if len(pulls) else 0)
    edges = np.linspace(-end, end, 49)
    counts, _ = np.histogram(np.clip(pulls, -end, end), edges)
    axes.stairs(len(pulls) * np.diff(ndtr(edges)), edges, fill=True, color=EXPECTED)
    axes.stairs(counts, edges, color=DATA)
    axes.axvline(0, color=FAINT, lw=0.6)
    axes.set_ylim(0, 1.25 * max(counts.max(), 1))
    centre, width = shift.centre_and_width
    axes.set_title(f"median {number(centre, 2)}, width {number(width, 2)}", loc="right")
    axes.set_xlabel(f"pull of the {words(shift.name)}")
    axes.set_ylabel("PMTs")
