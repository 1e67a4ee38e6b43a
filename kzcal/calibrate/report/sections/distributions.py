"""Distributions: every constant and its error over the good PMTs of each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import number, words
from kzcal.calibrate.report.picture import FULL, TYPE_COLOURS, drawing, embedded, type_legend
from kzcal.calibrate.report.population import TYPES, good_of_type, median, with_errors
from kzcal.conditions.quantities import QUANTITIES

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

N_BINS = 40
SHOWN = (0.5, 99.5)
"""Percentiles of the values between which the histograms lie, with a margin."""

ByType = Mapping[int, Float64[np.ndarray, " pmt"]]


class Distributions:
    """Histograms with Poisson errors; the typical error of a PMT is drawn above."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,  # noqa: ARG002  as the protocol
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """A figure of the values and one of the errors."""
        known = {q.name: _known(calibration, detector, q.name) for q in QUANTITIES}
        return _values_figure(calibration, known) + _errors_figure(calibration, known)


def _known(calibration: Payload, detector: Detector, name: str) -> tuple[ByType, ByType]:
    """Finite values and their errors by type."""
    values, errors = with_errors(calibration, name)
    chosen = {d: good_of_type(calibration, detector, d) & np.isfinite(values) for d in TYPES}
    return {d: values[c] for d, c in chosen.items()}, {d: errors[c] for d, c in chosen.items()}


def _values_figure(calibration: Payload, known: Mapping[str, tuple[ByType, ByType]]) -> str:
    with drawing(FULL, 5.4) as figure:
        for axes, (name, (values, errors)) in zip(
            figure.subplots(2, 3).flat, known.items(), strict=True
        ):
            outside = _histograms(axes, values)
            _typical_errors(axes, values, errors)
            axes.set_xlabel(_label(calibration, name))
            axes.set_ylabel("PMTs")
            if outside:
                axes.set_title(f"{outside} outside", loc="left", fontsize=7.5)
        type_legend(figure)
        return embedded(figure, _alt("", calibration, known), CAPTION)


CAPTION = (
    "Good PMTs, with the Poisson error of each bin. The dot and bar above are the median of the "
    "values and the median error of one PMT."
)


def _errors_figure(calibration: Payload, known: Mapping[str, tuple[ByType, ByType]]) -> str:
    with drawing(FULL, 4.6) as figure:
        for axes, (name, (_, errors)) in zip(
            figure.subplots(2, 3).flat, known.items(), strict=True
        ):
            _histograms(axes, {d: e[np.isfinite(e)] for d, e in errors.items()})
            axes.set_xlabel(f"error of the {_label(calibration, name)}")
            axes.set_ylabel("PMTs")
        type_legend(figure)
        alt = _alt("errors of the ", calibration, {n: (e, e) for n, (_, e) in known.items()})
        return embedded(figure, alt, "One standard deviation of each constant, good PMTs.")


def _histograms(axes: Axes, values: ByType) -> int:
    """Step histograms on common bins; returns how many values lie outside them."""
    together = np.concatenate(list(values.values()))
    if not len(together):
        axes.text(0.5, 0.5, "no good PMT", transform=axes.transAxes, ha="center")
        return 0
    low, high = np.percentile(together, SHOWN)
    margin = 0.08 * (high - low) or 0.5 * abs(high) or 0.5
    edges = np.linspace(low - margin, high + margin, N_BINS + 1)
    axes.locator_params(nbins=6)
    middle = (edges[1:] + edges[:-1]) / 2
    for diameter, chosen in values.items():
        counts, _ = np.histogram(chosen, edges)
        colour = TYPE_COLOURS[diameter]
        axes.stairs(counts, edges, color=colour)
        axes.vlines(middle, counts - np.sqrt(counts), counts + np.sqrt(counts), colour, lw=0.6)
    return int(np.sum((together < edges[0]) | (together > edges[-1])))


def _typical_errors(axes: Axes, values: ByType, errors: ByType) -> None:
    """Median and median error of each type, above the histograms."""
    top = axes.get_ylim()[1]
    for row, diameter in enumerate(TYPES):
        if len(values[diameter]):
            middle, error = float(np.median(values[diameter])), median(errors[diameter])
            height, colour = top * (1.06 + 0.07 * row), TYPE_COLOURS[diameter]
            axes.hlines(height, middle - error, middle + error, colour)
            axes.plot(middle, height, "o", ms=3, color=colour)
    axes.set_ylim(0, top * 1.25)


def _label(calibration: Payload, name: str) -> str:
    unit = calibration.columns[name].unit
    return words(name) if unit == "1" else f"{words(name)} [{unit}]"


def _alt(what: str, calibration: Payload, known: Mapping[str, tuple[ByType, ByType]]) -> str:
    """Medians in words."""
    parts = []
    for name, (values, _) in known.items():
        medians = (f"{number(median(v))} ({d}-inch)" for d, v in values.items())
        parts.append(f"{_label(calibration, name)} median {', '.join(medians)}")
    return f"Histograms of the {what}constants by PMT type: {'; '.join(parts)}."
