"""The spectra of one PMT: hits found and expected, with pulls below.

All PMTs are drawn on one figure in turn, since making axes takes longer than drawing on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.picture import (
    BAND,
    DATA,
    FAINT,
    FULL,
    MODEL,
    drawing,
    embedded,
    logarithmic,
)
from kzcal.calibrate.report.spectra import OBSERVABLES, Spectrum

LARGEST_PULL = 8.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A PMT to be drawn.

    Args:
        pmt: cable number.
        diameter: inch.
        reduced: chi-square per degree of freedom of all spectra together.
        parts: chi-square and degrees of freedom of each spectrum, by name.
        role: why it is drawn.
    """

    pmt: int
    diameter: int
    reduced: float
    parts: Mapping[str, tuple[float, int]]
    role: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Axes of one spectrum and of its pulls."""

    spectrum: Spectrum
    upper: Axes
    lower: Axes


def pictures(subjects: Sequence[Subject], spectra: Sequence[Spectrum]) -> Iterator[str]:
    """The spectra of each PMT as an element of HTML."""
    with drawing(FULL, 3.1) as figure:
        panels = [_panels(figure, s, (i, len(spectra))) for i, s in enumerate(spectra)]
        for subject in subjects:
            for panel in panels:
                _draw(panel, subject)
            yield embedded(figure, _alt(subject), _caption(subject))
            for axes in figure.axes:
                _wipe(axes)


def _panels(figure: Figure, spectrum: Spectrum, place: tuple[int, int]) -> Panels:
    column, n_columns = place
    grid = figure.add_gridspec(2, n_columns, height_ratios=(3, 1), hspace=0.12)
    upper = figure.add_subplot(grid[0, column])
    lower = figure.add_subplot(grid[1, column], sharex=upper)
    upper.tick_params(labelbottom=False)
    upper.set_ylabel("hits")
    upper.set_xlim(spectrum.edges[0], spectrum.edges[-1])
    lower.set_ylabel("pull")
    lower.set_xlabel(OBSERVABLES[spectrum.name].axis)
    return Panels(spectrum, upper, lower)


def _draw(panels: Panels, subject: Subject) -> None:
    spectrum, upper = panels.spectrum, panels.upper
    counts, expected = spectrum.counts[subject.pmt], spectrum.expected[subject.pmt]
    middle = (spectrum.edges[1:] + spectrum.edges[:-1]) / 2
    root = np.sqrt(counts)
    upper.vlines(middle, np.maximum(counts - root, 0.1), counts + root, DATA, lw=0.6)
    upper.plot(middle, counts, ".", ms=2.5, color=DATA)
    upper.stairs(expected, spectrum.edges, color=MODEL, baseline=None)
    largest = float(max(counts.max(), expected.max(), 1.0))
    if OBSERVABLES[spectrum.name].steep:
        logarithmic(upper, largest)
    else:
        upper.set_ylim(0.0, 1.2 * largest)
    chi2, ndf = subject.parts[spectrum.name]
    upper.set_title(f"χ²/ndf {number(chi2)} / {ndf}", loc="right")
    _draw_pulls(panels.lower, spectrum.edges, spectrum.pulls[subject.pmt])


def _draw_pulls(
    axes: Axes, edges: Float64[np.ndarray, " bin_plus_1"], pulls: Float64[np.ndarray, " bin"]
) -> None:
    axes.axhspan(-1, 1, color=BAND, lw=0)
    axes.axhline(0, color=FAINT, lw=0.6)
    shown = np.clip(np.nan_to_num(pulls), -LARGEST_PULL, LARGEST_PULL)
    axes.stairs(shown, edges, fill=True, color="#56606b")
    end = min(LARGEST_PULL, max(3.5, float(np.abs(shown).max())))
    axes.set_ylim(-end, end)


def _wipe(axes: Axes) -> None:
    for artist in (*axes.lines, *axes.collections, *axes.patches):
        artist.remove()


def _caption(subject: Subject) -> str:
    return (
        f"{subject.role}: PMT {subject.pmt} ({subject.diameter}-inch), "
        f"χ²/ndf {number(subject.reduced)} of all spectra together."
    )


def _alt(subject: Subject) -> str:
    parts = (
        f"{OBSERVABLES[name].title} {number(chi2)} / {ndf}"
        for name, (chi2, ndf) in subject.parts.items()
    )
    return f"Measured and modelled spectra of PMT {subject.pmt}; χ²/ndf: {', '.join(parts)}."
