"""Pictures of what scores separate, depend on and state."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import words
from kzcal.calibrate.report.picture import BAND, DATA, FULL, MODEL, drawing, embedded
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.dependence import Dependence, Share
from kzcal.evaluate.evaluation import Evaluation
from kzcal.evaluate.resampling import CENTRAL, weights

COLOURS = ("#20639b", "#d1701c", "#3c8d5a", "#7d5ba6", "#9a3b3b", "#5f6670")
"""Of classifiers, in their order."""
GRID = np.linspace(0.02, 0.995, 118)
"""Acceptances at which curves are drawn."""
BAND_DRAWS = 200
"""Draws of the events for the band of a curve."""
N_BINS = 60
ENDS = (0.005, 0.995)
"""Quantiles of the scores that a distribution is drawn between; its ends count the rest."""


def curves(found: Evaluation) -> str:
    """Rejection against acceptance, whole and where analyses cut."""
    with drawing(FULL, 4.2) as figure:
        whole, near = figure.subplots(1, 2)
        for i, name in enumerate(found.scored.names):
            colour = COLOURS[i % len(COLOURS)]
            low, high, middle = _band(found, i)
            for axes in (whole, near):
                axes.fill_between(GRID, low, high, color=colour, alpha=0.2, lw=0)
                axes.plot(GRID, middle, color=colour, label=name)
        for axes in (whole, near):
            axes.axvline(found.config.acceptance, color=DATA, lw=0.6, ls=":")
            axes.set_xlabel("signal accepted")
            axes.set_ylabel("background rejected")
        whole.plot([0, 1], [1, 0], color=DATA, lw=0.6)
        whole.legend(loc="lower left")
        near.set_xlim(0.7, 1.0)
        caption = (
            "Bands: 68 % of the curves of events drawn anew. Diagonal: a score that says nothing."
        )
        return embedded(figure, "Background rejected against signal accepted", caption)


def _band(found: Evaluation, which: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the central 68 % of the rejection, and the rejection itself, at the grid."""
    scored = found.scored
    ranking = Ranking.of(scored.scores[which], scored.signal)
    generator = np.random.default_rng([found.config.seed, 4])
    drawn = [
        ranking.curve(weight).rejection(GRID)
        for weight in weights(scored.signal, BAND_DRAWS, generator=generator)
    ]
    low, high = np.quantile(drawn, CENTRAL, axis=0)
    return low, high, ranking.curve().rejection(GRID)


def distributions(found: Evaluation) -> str:
    """Scores of both classes, a panel for each classifier; the outermost bins hold the rest."""
    scored = found.scored
    columns = min(len(scored.names), 2)
    rows = -(-len(scored.names) // columns)
    with drawing(FULL, 2.9 * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes in panels[len(scored.names) :]:
            axes.set_axis_off()
        for axes, name, score in zip(panels, scored.names, scored.scores, strict=False):
            edges = binning(score)
            for chosen, colour, label in (
                (scored.signal, MODEL, "signal"),
                (~scored.signal, DATA, "background"),
            ):
                shares = counted(score[chosen], edges) / chosen.sum()
                axes.stairs(shares, edges, color=colour, label=label)
            axes.set_xlabel(f"score of {name}")
            axes.set_ylabel("share of events")
            axes.legend()
        caption = "The first and the last bin hold what lies beyond them."
        return embedded(figure, "Scores of signal and background", caption)


def binning(score: Float64[np.ndarray, " event"]) -> Float64[np.ndarray, " edge"]:
    """Even bins between outer quantiles of the scores."""
    low, high = np.quantile(score, ENDS)
    if high == low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, N_BINS + 1)


def counted(
    score: Float64[np.ndarray, " event"],
    edges: Float64[np.ndarray, " edge"],
    weight: Float64[np.ndarray, " event"] | None = None,
) -> Float64[np.ndarray, " bin"]:
    """Events in each bin, those beyond the ends in the outermost ones."""
    inside = np.clip(score, edges[0], edges[-1])
    return np.asarray(np.histogram(inside, edges, weights=weight)[0], np.float64)


def dependences(found: Evaluation) -> str:
    """Acceptance, rejection and area in bins of every column that varies."""
    shown = [one for one in found.dependences if len(one.bins) > 1]
    if not shown:
        return ""
    with drawing(FULL, 2.5 * len(shown)) as figure:
        for row, one in zip(figure.subplots(len(shown), 3, squeeze=False), shown, strict=True):
            _draw_dependence(row, one, found)
        caption = (
            "Left and middle: with one threshold for all events. Right: area under the curve of "
            "each bin's own events, and that of all (line)."
        )
        return embedded(figure, "Acceptance, rejection and area in bins", caption)


def _draw_dependence(row: np.ndarray, one: Dependence, found: Evaluation) -> None:
    label = words(one.name) + ("" if one.unit == "1" else f", {one.unit}")
    cut = found.config.cuts.index(found.config.acceptance)
    parts: tuple[tuple[str, float, list[Share]], ...] = (
        ("signal accepted", found.config.acceptance, [b.accepted for b in one.bins]),
        ("background rejected", found.rejections.values[0, cut], [b.rejected for b in one.bins]),
        ("area", float(found.areas.values[0]), [b.area for b in one.bins]),
    )
    for axes, (name, common, shares) in zip(row, parts, strict=True):
        axes.axhline(common, color=MODEL, lw=0.8)
        _draw_bins(axes, one, shares)
        axes.set_xlabel(label)
        axes.set_ylabel(name)


def _draw_bins(axes: Axes, one: Dependence, shares: list[Share]) -> None:
    """A point with its error for each bin, as wide as the bin."""
    middle = np.array([b.middle for b in one.bins])
    axes.errorbar(
        middle,
        [s.value for s in shares],
        [s.error for s in shares],
        [[b.middle - b.low for b in one.bins], [b.high - b.middle for b in one.bins]],
        fmt=".",
        ms=4,
        lw=0.8,
        color=DATA,
    )


def reliabilities(found: Evaluation) -> str:
    """Share of signal against the probability that the score states."""
    with drawing(FULL / 2, 4.2) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=DATA, lw=0.6)
        for i, (name, one) in enumerate(zip(found.scored.names, found.reliabilities, strict=True)):
            colour = COLOURS[i % len(COLOURS)]
            axes.errorbar(
                one.stated, one.found, one.error, fmt="o-", ms=3, lw=0.8, color=colour, label=name
            )
        axes.set_xlabel("probability of signal that the score states")
        axes.set_ylabel("share of signal")
        axes.legend(loc="upper left")
        return embedded(figure, "Share of signal against the probability that the score states")


def agreement(found: Evaluation) -> str:
    """Scores of tagged data and of simulation, and the difference of their cumulative shares."""
    one = found.agreement
    if one is None:
        return ""
    edges = binning(one.score)
    data, simulated = one.weight > 0, one.weight < 0
    with drawing(FULL, 3.4) as figure:
        shares, rising = figure.subplots(1, 2)
        points, n = counted(one.score[data], edges), one.n_data
        middle, errors = (edges[1:] + edges[:-1]) / 2, np.sqrt(points) / n
        shares.errorbar(
            middle, points / n, errors, fmt=".", ms=3, lw=0.7, color=DATA, label="data"
        )
        expected = counted(one.score[simulated], edges, -one.weight[simulated])
        shares.stairs(expected, edges, color=MODEL, label="simulation")
        shares.legend()
        order = np.argsort(one.score, kind="stable")
        rising.axhspan(-one.seen, one.seen, color=BAND)
        rising.step(
            one.score[order], np.cumsum(one.weight[order]), where="post", color=DATA, lw=0.9
        )
        rising.set_xlim(edges[0], edges[-1])
        for axes, label in ((shares, "share of events"), (rising, "data − simulation, below")):
            axes.set_xlabel("score")
            axes.set_ylabel(label)
        caption = (
            "Simulation weighted to the data's energies and radii. Band: a curve of one law "
            "leaves it in 5 % of comparisons."
        )
        return embedded(figure, "Score in tagged data and in simulation", caption)
