"""Agreement: measured against modelled spectra of the worst PMTs, and of a typical one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64, UInt8
from matplotlib.axes import Axes
from scipy.special import gammainc

from kzcal.calibrate.report import spectra
from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.picture import (
    DATA,
    EXPECTED,
    FULL,
    TYPE_COLOURS,
    drawing,
    embedded,
    type_legend,
)
from kzcal.calibrate.report.pmt_figure import Subject, pictures
from kzcal.calibrate.report.population import TYPES, median
from kzcal.calibrate.report.spectra import OBSERVABLES, Agreement
from kzcal.calibrate.report.templating import absence, fill
from kzcal.conditions.quantities import is_good

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

N_LISTED, N_DRAWN = 12, 4
"""How many of the worst PMTs are listed, and how many of those are drawn."""


class AgreementSection:
    """The worst PMTs by chi-square per degree of freedom among the good ones."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002  as the protocol
    ) -> str:
        """Distribution of the agreement, the list of the worst PMTs, and their spectra."""
        kept = spectra.recorded(diagnostics)
        if not kept:
            return absence(diagnostics, [c for n in OBSERVABLES for c in spectra.column_names(n)])
        parts = {spectrum.name: spectra.agreement(spectrum) for spectrum in kept}
        ranked = ranking(calibration, detector, parts)
        return fill(
            "agreement.html",
            overview=_overview(calibration, detector, parts),
            names=list(parts),
            titles={name: OBSERVABLES[name].title for name in parts},
            worst=ranked[:N_LISTED],
            pictures=list(pictures(_drawn(ranked), kept)),
        )


def ranking(
    calibration: Payload, detector: Detector, parts: Mapping[str, Agreement]
) -> list[Subject]:
    """Good PMTs with something to compare, the worst first."""
    reduced = spectra.together(parts.values()).reduced
    ranked = np.flatnonzero(is_good(calibration) & np.isfinite(reduced))
    order: Int64[np.ndarray, " ranked"] = ranked[np.argsort(-reduced[ranked], kind="stable")]
    return [
        Subject(
            pmt,
            int(detector.diameter_inch[pmt]),
            float(reduced[pmt]),
            {name: (float(part.chi2[pmt]), int(part.ndf[pmt])) for name, part in parts.items()},
        )
        for pmt in order.tolist()
    ]


def _drawn(ranked: list[Subject]) -> list[Subject]:
    """The worst PMTs, and the one in the middle of the ranking where it is not among them."""
    worst = [
        replace(subject, role=f"Rank {i} of {len(ranked)}")
        for i, subject in enumerate(ranked[:N_DRAWN], start=1)
    ]
    middle = len(ranked) // 2
    typical = [replace(ranked[middle], role="A typical PMT")] if middle >= N_DRAWN else []
    return [*worst, *typical]


def _overview(calibration: Payload, detector: Detector, parts: Mapping[str, Agreement]) -> str:
    """Distribution of chi-square per degree of freedom for each spectrum."""
    good, medians = is_good(calibration), []
    with drawing(FULL, 2.9) as figure:
        panels = figure.subplots(1, len(parts), squeeze=False)[0]
        for axes, (name, part) in zip(panels, parts.items(), strict=True):
            shown = good & (part.ndf > 0)
            medians.append(f"{OBSERVABLES[name].title} {number(median(part.reduced[shown]))}")
            _reduced_histogram(axes, part, shown, detector.diameter_inch)
            axes.set_xlabel(f"χ²/ndf, {OBSERVABLES[name].title}")
            axes.set_ylabel("PMTs")
        type_legend(figure)
        listed = ", ".join(medians)
        alt = f"Histograms of chi-square per degree of freedom by PMT type; medians: {listed}."
        caption = f"Good PMTs; the last bin holds what lies beyond. {COLOURS}. Median χ²/ndf: "
        return embedded(figure, alt, f"{caption}{listed}.")


COLOURS = "Black: both types together; grey: what statistics alone would give for them"


def _reduced_histogram(
    axes: Axes,
    part: Agreement,
    shown: Bool[np.ndarray, " pmt"],
    diameters: UInt8[np.ndarray, " pmt"],
) -> None:
    """Found values, all and by type, over the chi-square distributions of all shown PMTs."""
    if not shown.any():
        axes.text(0.5, 0.5, "nothing to compare", transform=axes.transAxes, ha="center")
        return
    end = max(2.5, 1.2 * float(np.percentile(part.reduced[shown], 97)))
    edges = np.linspace(0, end, 51)
    ndf, n = np.unique(part.ndf[shown], return_counts=True)
    below = gammainc(ndf / 2, edges[:, None] * ndf / 2) @ n
    axes.stairs(np.diff(below), edges, fill=True, color=EXPECTED)
    found = [part.reduced[shown & (diameters == diameter)] for diameter in TYPES]
    colours = [TYPE_COLOURS[diameter] for diameter in TYPES]
    for chosen, colour in zip((*found, part.reduced[shown]), (*colours, DATA), strict=True):
        counts, _ = np.histogram(np.minimum(chosen, end), edges)
        axes.stairs(counts, edges, color=colour)
