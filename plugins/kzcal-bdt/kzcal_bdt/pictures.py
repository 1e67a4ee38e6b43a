"""Pictures of what inputs are worth, and of what thresholds keep."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import words
from kzcal.calibrate.report.picture import DATA, FAINT, FULL, MODEL, drawing, embedded
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.pictures import COLOURS
from kzcal_bdt.importance import Importance
from kzcal_bdt.working_point import WorkingPoint

COLUMNS = 3
"""Panels beside each other."""
MOST_POINTS = 4000
"""Pairs that a panel shows."""
OUTER = (0.001, 0.999)
"""Quantiles of an input between which a panel shows it."""


def bars(found: Importance) -> str:
    """Mean size of what inputs add, and their shares in the trees' gain."""
    order = list(reversed(found.order))
    names, rows = [words(found.inputs[i]) for i in order], np.arange(len(order))
    with drawing(FULL, 1.1 + 0.3 * len(order)) as figure:
        added, gain = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.11, wspace=0.28)
        added.barh(rows, found.mean[order], xerr=found.error[order], color=COLOURS[0], height=0.6)
        added.set_xlabel("mean size of what an input adds to the logit")
        gain.barh(rows, found.gain[order], color=COLOURS[1], height=0.6)
        gain.set_xlabel("share of the loss saved in training")
        for axes in (added, gain):
            axes.set_yticks(rows, names)
        return embedded(figure, "What each input is worth")


def panels(found: Importance, signal: Bool[np.ndarray, " pair"] | None) -> str:
    """What an input adds against its value, a panel for each.

    Args:
        found: the importances.
        signal: whether each pair is an antineutrino; None if that is not known.
    """
    shown = np.unique(np.linspace(0, len(found.added) - 1, MOST_POINTS).astype(np.int64))
    lines = -(-len(found.inputs) // COLUMNS)
    with drawing(FULL, 2.9 * lines) as figure:
        every = figure.subplots(lines, COLUMNS, squeeze=False).flatten()
        for axes in every[len(found.inputs) :]:
            axes.set_axis_off()
        for axes, i in zip(every, found.order, strict=False):
            _panel(axes, found, i, shown, signal)
        every[0].legend(markerscale=4)
        caption = (
            f"A point for each of up to {MOST_POINTS} pairs; values beyond the outermost 0.1 % "
            "are left out."
        )
        return embedded(figure, "What inputs add to the logit, by their values", caption)


def _panel(
    axes: Axes,
    found: Importance,
    i: int,
    shown: np.ndarray,
    signal: Bool[np.ndarray, " pair"] | None,
) -> None:
    known = np.isfinite(found.values[:, i])
    classes: list[tuple[np.ndarray, str, str]] = [(np.ones(len(known), bool), DATA, "pairs")]
    if signal is not None:
        classes = [(~signal, DATA, "accidental"), (signal, MODEL, "antineutrino")]
    for chosen, colour, label in classes:
        rows = shown[(chosen & known)[shown]]
        axes.plot(
            found.values[rows, i], found.added[rows, i], ".", ms=1.5, color=colour, label=label
        )
    axes.axhline(0, color=FAINT, lw=0.6)
    if known.any():
        axes.set_xlim(*np.quantile(found.values[known, i], OUTER))
    unit = found.units[i] if found.units[i] != "1" else ""
    axes.set_xlabel(f"{words(found.inputs[i])}{', ' if unit else ''}{unit}")
    axes.set_ylabel("adds to the logit")


def thresholds(
    score: Float64[np.ndarray, " pair"], signal: Bool[np.ndarray, " pair"], point: WorkingPoint
) -> str:
    """Efficiency, purity and merit of every threshold."""
    ranking = Ranking.of(score, signal)
    curve, level = ranking.curve(), score[ranking.order[ranking.ends]]
    kept, beside = curve.accepted[1:], curve.passed[1:]
    signals, accidentals = point.rates.signal * kept, point.rates.accidental * beside
    merit = signals / np.sqrt(signals + accidentals)
    with drawing(FULL, 3.6) as figure:
        shares, merits = figure.subplots(1, 2)
        shares.plot(level, kept, color=COLOURS[0], label="efficiency")
        shares.plot(level, signals / (signals + accidentals), color=COLOURS[1], label="purity")
        shares.plot(level, beside, color=COLOURS[5], label="accidentals kept")
        shares.legend(loc="center left")
        shares.set_ylabel("share")
        merits.plot(level, merit, color=COLOURS[0])
        merits.set_ylabel("S / √(S + B) of a day")
        for axes in (shares, merits):
            axes.axvline(point.threshold, color=DATA, lw=0.6, ls=":")
            axes.set_xlabel("threshold of the score")
        return embedded(figure, "What thresholds keep", "Dotted: the best threshold.")
