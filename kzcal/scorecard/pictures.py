"""Pictures of the scorecard's page."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from jaxtyping import Float64, Shaped
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from kzcal.calibrate.report.digits import measured, words
from kzcal.calibrate.report.picture import (
    DATA,
    FULL,
    MODEL,
    TYPE_COLOURS,
    drawing,
    embedded,
    type_legend,
)
from kzcal.calibrate.report.sphere import SphereMap, colour_scale
from kzcal.scorecard.features import EVENT_FEATURES, FEATURES, SPATIAL_FEATURES
from kzcal.scorecard.peaks import aligned_charges, aligned_times
from kzcal.scorecard.quantities import PmtComparison
from kzcal.scorecard.rows import UNITS
from kzcal.scorecard.score import Scorecard
from kzcal.scorecard.tally import CHARGE, TIME

N_BINS = 60
REACH, N_COLOURS = 5.0, 33
"""Differences at which the map's colours end, in errors; number of colours."""


def peaks(found: Scorecard) -> str:
    """Times and charges of each type of PMT."""
    fake, data = found.tallies
    sizes = np.unique(found.detector.diameter_inch)
    with drawing(FULL, 2.9 * len(sizes)) as figure:
        for row, size in zip(figure.subplots(len(sizes), 2, squeeze=False), sizes, strict=True):
            pmts = found.detector.diameter_inch == size
            times = [aligned_times(t.residual.sum(0)[pmts]) for t in (fake, data)]
            charges = [aligned_charges(t.charge.sum(0)[pmts]) for t in (fake, data)]
            _overlay(row[0], times, TIME.centres, f"residual, ns ({size}-inch)")
            _overlay(row[1], charges, CHARGE.centres, f"charge, p.e. ({size}-inch)")
            row[1].set_xlim(0, 4)
        return embedded(figure, "Times and charges of both files, by type of PMT")


def events(found: Scorecard) -> str:
    """Distributions of the numbers of an event."""
    fake, data = found.tallies
    with drawing(FULL, 2.9) as figure:
        for axes, name in zip(figure.subplots(1, 4), EVENT_FEATURES, strict=True):
            column = FEATURES.index(name)
            values = [t.features[:, column] for t in (fake, data)]
            lower, upper = np.quantile(np.concatenate(values), (0.002, 0.998))
            edges = np.linspace(lower, upper, N_BINS + 1)
            counts = [np.histogram(value, edges)[0] for value in values]
            unit = UNITS[name]
            label = words(name) + ("" if unit in ("1", "hits") else f", {unit}")
            _overlay(axes, counts, (edges[1:] + edges[:-1]) / 2, label)
        return embedded(figure, "Distributions over events of both files")


def patterns(found: Scorecard) -> str:
    """Fake less data of every feature of a pattern, in the spread of the data's events."""
    fake, data = found.tallies
    columns = [FEATURES.index(name) for name in SPATIAL_FEATURES]
    first, second = (t.features[:, columns].astype(np.float64) for t in (fake, data))
    spread = second.std(0)
    error = np.sqrt(1 / len(first) + 1 / len(second))
    with drawing(FULL, 2.6) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=DATA, lw=0.7)
        gap = (first.mean(0) - second.mean(0)) / spread
        axes.errorbar(np.arange(len(columns)), gap, error, fmt="o", color=MODEL)
        names = [f"degree {i}" for i in range(1, len(columns))]
        axes.set_xticks(np.arange(len(columns)), [*names, "neighbours"])
        axes.set_ylabel("difference, event spreads")
        caption = (
            "Mean Legendre polynomials of the angle between two hits of an event, and pairs of "
            "hits on neighbours over what chance would give: fake less data."
        )
        return embedded(figure, "Angles between hits: fake less data", caption)


def pmts(found: Scorecard) -> str:
    """Every quantity of every PMT: fake against data."""
    with drawing(FULL, 6.4) as figure:
        for axes, comparison in zip(figure.subplots(2, 3).flat, found.pmts, strict=True):
            _scatter(axes, comparison, found.detector.diameter_inch)
        type_legend(figure)
        return embedded(figure, "Quantities of every PMT: fake against data")


def occupancy_map(found: Scorecard) -> str:
    """Where PMTs have more or less light than in the data, in errors."""
    comparison = found.pmts[0]
    (first, second), (error, other) = comparison.values, comparison.errors
    pull = (first - second) / np.hypot(error, other)
    colours = [to_hex(c) for c in mpl.colormaps["RdBu_r"](np.linspace(0, 1, N_COLOURS))]
    place = np.clip((np.nan_to_num(pull) / REACH + 1) / 2 * (N_COLOURS - 1), 0, N_COLOURS - 1)
    fills = [
        colours[round(p)] if np.isfinite(v) else ""
        for p, v in zip(place.tolist(), pull.tolist(), strict=True)
    ]
    titles = [
        f"PMT {i}: fake {measured(a, b)}, data {measured(c, d)}"
        for i, (a, b, c, d) in enumerate(zip(first, error, second, other, strict=True))
    ]
    scale = colour_scale(
        colours, [f"{v:+g}" for v in (-REACH, 0, REACH)], "occupancy, fake less data, errors"
    )
    drawn = SphereMap(
        found.detector.directions,
        found.detector.diameter_inch,
        fills,
        titles,
        "Occupancy of every PMT, fake less data",
        scale,
    )
    return f'<div class="maps"><figure>{drawn.svg()}</figure></div>'


def classifiers(found: Scorecard) -> str:
    """Areas under curves, each beside its floor."""
    with drawing(FULL, 2.2) as figure:
        axes = figure.subplots()
        for place, result in enumerate(found.two_sample.values()):
            axes.errorbar(result.floor, place, xerr=result.spread, fmt="s", color=DATA)
            axes.errorbar(result.auc, place, xerr=result.error, fmt="o", color=MODEL)
        names = [words(name) for name in found.two_sample]
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.axvline(0.5, color=DATA, lw=0.7)
        axes.set_xlabel("area under the curve")
        figure.subplots_adjust(left=0.1)
        return embedded(figure, "Areas under the curves of classifiers and their floors")


def scores(found: Scorecard) -> str:
    """Distributions of downstream scores."""
    with drawing(FULL, 2.9) as figure:
        panels = figure.subplots(1, len(found.scores), squeeze=False)[0]
        for axes, (name, shares) in zip(panels, found.scores.items(), strict=True):
            for counts, colour in ((shares.second, DATA), (shares.first, MODEL)):
                rising = counts.sum(0).cumsum() / max(counts.sum(), 1)
                axes.step(shares.edges, rising, where="post", color=colour)
            axes.set_xlabel(words(name))
            axes.set_ylabel("share of events below")
        return embedded(figure, "Scores of downstream classifiers in both files")


def _overlay(
    axes: Axes,
    counts: list[Shaped[np.ndarray, " bin"]],
    centres: Float64[np.ndarray, " bin"],
    label: str,
) -> None:
    """Both files normalised to one, the data with error bars."""
    fake, data = (c.astype(np.float64) for c in counts)
    n, m = max(fake.sum(), 1), max(data.sum(), 1)
    axes.errorbar(centres, data / m, np.sqrt(data) / m, fmt=".", ms=2, lw=0.6, color=DATA)
    axes.step(centres, fake / n, where="mid", color=MODEL, lw=1.0)
    axes.set_xlabel(label)
    axes.set_yticks([])


def _scatter(axes: Axes, comparison: PmtComparison, diameter: Shaped[np.ndarray, " pmt"]) -> None:
    """Fake against data with the errors of both."""
    quantity = comparison.quantity
    (first, second), (error, other) = comparison.values, comparison.errors
    for size, colour in TYPE_COLOURS.items():
        rows = comparison.compared & (diameter == size)
        axes.errorbar(
            second[rows],
            first[rows],
            error[rows],
            other[rows],
            fmt=".",
            ms=2,
            lw=0.2,
            color=colour,
            rasterized=True,
        )
    both = np.concatenate([first[comparison.compared], second[comparison.compared]])
    if len(both):
        lower, upper = np.quantile(both, (0.003, 0.997))
        margin = 0.05 * (upper - lower)
        ends = (lower - margin, upper + margin)
        axes.plot(ends, ends, color=DATA, lw=0.7)
        axes.set_xlim(*ends)
        axes.set_ylim(*ends)
    unit = quantity.unit
    common = {"ratio": ", over the mean", "difference": ", less the mean", "": ""}
    label = words(quantity.name) + common[quantity.against]
    axes.set_title(label + ("" if unit == "1" else f", {unit}"))
    axes.set_xlabel("data")
    axes.set_ylabel("fake")
