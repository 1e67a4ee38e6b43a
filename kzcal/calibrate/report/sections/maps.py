"""Maps: where on the sphere the constants of the PMTs lie above or below those of their type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from jaxtyping import Float64
from matplotlib.colors import to_hex

from kzcal.calibrate.report import spectra
from kzcal.calibrate.report.digits import measured, number, rounded, words
from kzcal.calibrate.report.population import TYPES, describe, reasons, with_errors
from kzcal.calibrate.report.sphere import SphereMap, colour_key, colour_scale
from kzcal.calibrate.report.templating import fill
from kzcal.conditions.quantities import QUANTITIES, is_good

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

N_COLOURS = 33
REACH = 98.0
"""Percentile of the deviations at which the colours end."""
GOOD_COLOUR = "#d5d9de"
BAD_COLOURS = ("#1b1b1b", "#c0392b", "#d1701c", "#7b3fa0", "#2e8b57", "#20639b")
"""Colours of the bad statuses in alphabetical order."""


class Maps:
    """One map for each constant, one for the agreement with the model, one for the status."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002  as the protocol
    ) -> str:
        """Every map with its scale."""
        maps = {"status": status_map(calibration, detector)}
        for quantity in QUANTITIES:
            maps[words(quantity.name)] = constant_map(calibration, detector, quantity.name)
        kept = spectra.recorded(diagnostics)
        if kept:
            reduced = spectra.together(map(spectra.agreement, kept)).reduced
            maps["agreement with the model"] = agreement_map(calibration, detector, reduced)
        return fill("maps.html", maps={title: drawn.svg() for title, drawn in maps.items()})


def constant_map(calibration: Payload, detector: Detector, name: str) -> SphereMap:
    """Deviation of one constant from the median of its type, for good PMTs."""
    values, errors = with_errors(calibration, name)
    unit = calibration.columns[name].unit
    types = [describe(calibration, detector, name, diameter) for diameter in TYPES]
    middle = np.where(detector.diameter_inch == 20, types[1].median, types[0].median)
    texts = [measured(v, e) for v, e in zip(values.tolist(), errors.tolist(), strict=True)]
    medians = ", ".join(f"{rounded(t.median, t.error)} ({t.diameter}-inch)" for t in types)
    in_unit = "" if unit == "1" else f" [{unit}]"
    label = f"less the median of the type{in_unit}; medians {medians}"
    return _deviations(calibration, detector, values - middle, texts, words(name), label)


def agreement_map(
    calibration: Payload, detector: Detector, reduced: Float64[np.ndarray, " pmt"]
) -> SphereMap:
    """Chi-square per degree of freedom less one, for good PMTs."""
    texts = [f"χ²/ndf {number(value)}" for value in reduced.tolist()]
    what = "chi-square per degree of freedom"
    return _deviations(calibration, detector, reduced - 1.0, texts, what, "χ²/ndf less one")


def status_map(calibration: Payload, detector: Detector) -> SphereMap:
    """Which PMTs are bad, and why."""
    status = calibration.columns["status"].values
    bad = sorted(set(status.tolist()) - {"good"})
    colours = {name: BAD_COLOURS[i % len(BAD_COLOURS)] for i, name in enumerate(bad)}
    colours = {"good": GOOD_COLOUR, **colours}
    names = status.tolist()
    texts = [f"{s}: {r}" if r else s for s, r in zip(names, reasons(calibration), strict=True)]
    key = [(colour, f"{name} ({np.sum(status == name)})") for name, colour in colours.items()]
    counts = ", ".join(f"{np.sum(status == name)} {name}" for name in colours)
    return SphereMap(
        detector.directions,
        detector.diameter_inch,
        [colours[name] for name in names],
        _titles(detector, texts),
        f"Map of the PMTs by status: {counts}.",
        colour_key(key),
    )


def _deviations(
    calibration: Payload,
    detector: Detector,
    deviation: Float64[np.ndarray, " pmt"],
    texts: Sequence[str],
    what: str,
    label: str,
) -> SphereMap:
    """A map of deviations from zero; bad PMTs and those without a value are crosses."""
    shown = is_good(calibration) & np.isfinite(deviation)
    end = _round_up(np.percentile(np.abs(deviation[shown]), REACH)) if shown.any() else 1.0
    colours = [to_hex(c) for c in mpl.colormaps["coolwarm"](np.linspace(0, 1, N_COLOURS))]
    scaled = np.where(shown, np.clip(deviation / end, -1, 1), 0.0)
    steps = np.rint((scaled + 1) / 2 * (N_COLOURS - 1)).astype(int)
    fills = [colours[i] if s else "" for i, s in zip(steps.tolist(), shown.tolist(), strict=True)]
    status = calibration.columns["status"].values.tolist()
    texts = [t if s == "good" else f"{s}, {t}" for s, t in zip(status, texts, strict=True)]
    beyond = int(np.sum(np.abs(deviation[shown]) > end))
    alt = (
        f"Map of {what} over the PMT sphere: {int(shown.sum())} good PMTs coloured from "
        f"{number(-end, 2)} to {number(end, 2)}, {beyond} of them beyond the scale, "
        f"{int((~shown).sum())} marked as bad."
    )
    ticks = [number(t, 2) for t in (-end, -end / 2, 0.0, end / 2, end)]
    scale = colour_scale(colours, ticks, label)
    titles = _titles(detector, texts)
    return SphereMap(detector.directions, detector.diameter_inch, fills, titles, alt, scale)


def _titles(detector: Detector, texts: Sequence[str]) -> list[str]:
    diameters = detector.diameter_inch.tolist()
    return [f"PMT {i} ({diameters[i]}-inch): {text}" for i, text in enumerate(texts)]


def _round_up(value: float) -> float:
    """The next larger of 1, 1.5, 2, 3, 4, 6, 8 times a power of ten; 1 for zero."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(s for s in (1, 1.5, 2, 3, 4, 6, 8, 10) if s * power >= value) * power)
