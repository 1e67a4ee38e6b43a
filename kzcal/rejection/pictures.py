"""Pictures of what scores share, and of what is rejected of each isotope."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from kzcal.calibrate.report.picture import DATA, FULL, MODEL, drawing, embedded
from kzcal.evaluate.pictures import COLOURS
from kzcal.rejection.combination import Combination
from kzcal.rejection.density import NormalScore

SHOWN = 1500
"""Candidates of either class in a picture of two scores."""
MOST_PLANES = 3
MOST_ISOTOPES = 24


def planes(found: Combination) -> str:
    """Pairs of scores as normal scores, both classes."""
    scored = found.evaluation.scored
    pairs = list(combinations(range(1, len(scored.names)), 2))[:MOST_PLANES]
    normal = [NormalScore.of(row, scored.signal)(row) for row in scored.scores]
    with drawing(FULL, 4.0) as figure:
        panels = figure.subplots(1, MOST_PLANES, squeeze=False).flatten()
        for axes in panels[len(pairs) :]:
            axes.set_axis_off()
        for axes, (i, j) in zip(panels, pairs, strict=False):
            for rows, colour, label in (
                (~scored.signal, DATA, "background"),
                (scored.signal, MODEL, "signal"),
            ):
                shown = np.flatnonzero(rows)[:: max(1, int(rows.sum()) // SHOWN)]
                x, y = normal[i][shown], normal[j][shown]
                axes.plot(x, y, ".", ms=2, alpha=0.4, color=colour, label=label)
            axes.set_xlabel(f"{scored.names[i]}, normal score")
            axes.set_ylabel(f"{scored.names[j]}, normal score")
            axes.legend(markerscale=4)
        caption = "Scores by their ranks among all, on the scale of Gauss's law."
        return embedded(figure, "Pairs of scores", caption)


def of_isotopes(found: Combination) -> str:
    """Share rejected of each isotope by each score."""
    names, shown = found.evaluation.scored.names, found.isotopes[:MOST_ISOTOPES]
    with drawing(FULL, 3.4) as figure:
        axes = figure.subplots()
        for i, name in enumerate(names):
            place = np.arange(len(shown)) + 0.14 * (i - (len(names) - 1) / 2)
            values = [one.rejected[i].value for one in shown]
            errors = [one.rejected[i].error for one in shown]
            axes.errorbar(
                place, values, errors, fmt="o", ms=3, lw=0.8, color=COLOURS[i % 6], label=name
            )
        axes.set_xticks(range(len(shown)), [one.name for one in shown], rotation=60)
        axes.set_ylabel("rejected")
        axes.set_ylim(0, 1.05)
        axes.legend(ncols=len(names), loc="upper right")
        figure.subplots_adjust(bottom=0.2)
        caption = "The most frequent isotopes, at one threshold for all of them."
        return embedded(figure, "Rejected of each isotope", caption)
