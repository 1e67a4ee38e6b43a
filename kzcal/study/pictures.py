"""Pictures of the studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Shaped

from kzcal.calibrate.report.picture import DATA, FULL, MODEL, TYPE_COLOURS, drawing, embedded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kzcal.study.conditions import Condition
    from kzcal.study.gammas import GammaSet
    from kzcal.study.isotopes import Isotope

MOST_POINTS = 2000
COLOURS = tuple(TYPE_COLOURS.values())


def isotopes(rows: Sequence[Isotope]) -> str:
    """Rejection of every isotope against properties of its decay."""
    columns = (
        ("Q value, MeV", [row.q_value for row in rows]),
        ("photons of a decay", [row.photons for row in rows]),
        ("mean photon energy, MeV", [row.photon_energy for row in rows]),
        ("the same without annihilation, MeV", [row.gamma_energy for row in rows]),
    )
    shares, errors = [row.rejection for row in rows], [row.error for row in rows]
    with drawing(FULL, 3.6) as figure:
        for axes, (label, values) in zip(figure.subplots(1, 4, sharey=True), columns, strict=True):
            axes.errorbar(values, shares, errors, fmt="o", ms=3, lw=0.8, color=DATA)
            for row, x in zip(rows, values, strict=True):
                place = (x, row.rejection)
                shift = (3, 2)
                axes.annotate(row.name, place, shift, textcoords="offset points", fontsize=6)
            axes.set_xlabel(label)
        figure.axes[0].set_ylabel("share rejected")
        return embedded(figure, "Rejection of isotopes against properties of their decays")


def multisite(
    scores: Mapping[str, Float64[np.ndarray, " event"]],
    spread: Float64[np.ndarray, " event"],
    kind: Shaped[np.ndarray, " event"],
) -> str:
    """Scores of single- and multi-site gammas, over the spread, and against each other."""
    first, *rest = scores.items()
    with drawing(FULL, 3.2) as figure:
        left, middle, right = figure.subplots(1, 3)
        _distributions(left, first[1], kind)
        left.set_xlabel(f"score of the {first[0]}")
        middle.plot(spread[:MOST_POINTS], first[1][:MOST_POINTS], ".", ms=2, color=DATA)
        middle.set_xlabel("spread of the energy, m")
        middle.set_ylabel(f"score of the {first[0]}")
        if rest:
            ((name, other),) = rest
            right.plot(first[1][:MOST_POINTS], other[:MOST_POINTS], ".", ms=2, color=DATA)
            right.set_xlabel(f"score of the {first[0]}")
            right.set_ylabel(f"score of the {name}")
        else:
            right.set_axis_off()
        return embedded(figure, "Scores of gammas by the number of their sites")


def _distributions(
    axes: Axes, score: Float64[np.ndarray, " event"], kind: Shaped[np.ndarray, " event"]
) -> None:
    low, high = (float(end) for end in np.quantile(score, (0.002, 0.998)))
    edges = np.linspace(low, max(high, low + 1e-6), 41)
    for name, colour in zip((b"single", b"multi"), COLOURS, strict=True):
        chosen = np.clip(score[kind == name], edges[0], edges[-1])
        counts = np.histogram(chosen, edges)[0] / max(len(chosen), 1)
        axes.stairs(counts, edges, color=colour, label=name.decode())
    axes.set_ylabel("share of events")
    axes.legend()


def gamma_map(sets: Sequence[GammaSet]) -> str:
    """Share rejected, over energy and number of gammas."""
    with drawing(FULL / 2, 3.2) as figure:
        axes = figure.subplots()
        for number in sorted({one.number for one in sets}):
            own = [one for one in sets if one.number == number]
            axes.errorbar(
                [one.energy for one in own],
                [one.rejection for one in own],
                [one.error for one in own],
                fmt="o-",
                ms=3,
                label=str(number),
            )
        axes.set_xlabel("energy of a gamma, MeV")
        axes.set_ylabel("share rejected")
        axes.legend(title="gammas")
        return embedded(figure, "Rejection of sets of gammas by their energy and number")


def dead(rows: Sequence[Condition], shares: Sequence[float]) -> str:
    """Shares over the number of PMTs that die."""
    with drawing(FULL / 2, 3.2) as figure:
        axes = figure.subplots()
        percent = 100 * np.array(shares)
        for label, colour, values in (
            ("rejected", MODEL, [row.rejected for row in rows]),
            ("rejected, own threshold", DATA, [row.rejected_anew for row in rows]),
            ("signal accepted", COLOURS[0], [row.accepted for row in rows]),
        ):
            axes.plot(percent, values, "o-", ms=3, color=colour, label=label)
        axes.set_xlabel("further dead PMTs, per cent")
        axes.set_ylabel("share of events")
        axes.legend()
        return embedded(figure, "Shares accepted and rejected against dead PMTs")
