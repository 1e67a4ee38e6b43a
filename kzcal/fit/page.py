"""The page of a global fit: its parameters, how they hang together, data against expectation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from kzcal.calibrate.report.page import Chapter, Heading
from kzcal.calibrate.report.picture import BAND, DATA, FAINT, FULL, MODEL, drawing, embedded
from kzcal.calibrate.report.sections.global_parameters import GlobalParameters
from kzcal.calibrate.report.templating import fill
from kzcal.conditions.payload import GlobalBlock, Payload
from kzcal.errors import DatabaseError
from kzcal.geometry import Detector
from kzcal.io.atomic import replacing

PAGE = "fit.html"
MOST_BINS = 300
"""Bins of a term that are drawn; beyond, neighbours are added up."""
FOOTER = "Written by kzcal from one payload of kind global-fit. Bars are one standard deviation."

Bins = Float64[np.ndarray, " bin"]


def write_page(path: Path, payload: Payload, detector: Detector, *, tag: str = "") -> None:
    """Write the page of a stored fit: one file of HTML that needs no other, whole or not at all.

    Args:
        path: file to write.
        payload: of kind "global-fit".
        detector: of the run.
        tag: that the fit is stored under.

    Raises:
        DatabaseError: the payload has no parameters.
    """
    block = payload.globals
    if block is None:
        message = f"a global fit has parameters, got a payload {payload.kind!r} without any"
        raise DatabaseError(message)
    heading = Heading.of(payload, detector, tag, "Global fit")
    page = fill(
        "page.html", heading=heading, chapters=_chapters(payload, block, detector), footer=FOOTER
    )
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def term_names(payload: Payload) -> tuple[str, ...]:
    """Terms that a stored fit compared."""
    ends = "_counts"
    return tuple(name.removesuffix(ends) for name in payload.columns if name.endswith(ends))


def _chapters(payload: Payload, block: GlobalBlock, detector: Detector) -> list[Chapter]:
    parameters = GlobalParameters().render(payload, payload, detector, None)
    terms = [
        Chapter(name, name.capitalize(), _verdict(payload, name), "", _compared(payload, name))
        for name in term_names(payload)
    ]
    rounds = "How far the parameters moved from one turn of the two levels to the next."
    return [
        Chapter("parameters", "Parameters", "Common to all PMTs.", "", parameters),
        *terms,
        Chapter("rounds", "Rounds", rounds, "", _rounds(payload, block)),
    ]


def _columns(payload: Payload, name: str) -> tuple[Bins, Bins, Bins]:
    """Counts, expectation, and one standard deviation of their difference."""
    counts, expected, variance = (
        np.asarray(payload.columns[f"{name}_{part}"].values, np.float64)
        for part in ("counts", "expected", "variance")
    )
    return counts, expected, np.sqrt(np.maximum(expected, 1e-9) + expected**2 * variance)


def _verdict(payload: Payload, name: str) -> str:
    counts, expected, sigma = _columns(payload, name)
    filled = expected > 5
    pulls = ((counts - expected) / sigma)[filled]
    return (
        f"{counts.sum():,.0f} counts in {len(counts):,} bins; pulls of the {filled.sum():,} bins "
        f"with more than five expected: mean {pulls.mean():+.2f}, width {pulls.std():.2f}."
    )


def _compared(payload: Payload, name: str) -> str:
    """Counts and expectation by bin, their pulls below, and the pulls' distribution beside."""
    counts, expected, sigma = _added(_columns(payload, name))
    pulls, place = (counts - expected) / sigma, np.arange(len(counts))
    with drawing(FULL, 4.6) as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(6, 1), height_ratios=(2, 1))
        spectrum, below = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
        beside = figure.add_subplot(grid[1, 1])
        spectrum.step(place, np.maximum(expected, 0.1), where="mid", color=MODEL, label="expected")
        spectrum.plot(place, np.maximum(counts, 0.1), ".", color=DATA, ms=3, label="observed")
        spectrum.set_yscale("log")
        spectrum.set_ylabel("counts")
        spectrum.legend(loc="upper right", ncols=2)
        below.axhspan(-1, 1, color=BAND)
        below.plot(place, pulls, ".", color=DATA, ms=3)
        below.set_ylim(-5, 5)
        below.set_xlabel("bin, in the order of the term")
        below.set_ylabel("pull")
        edges = np.linspace(-5, 5, 31)
        beside.hist(pulls.clip(-5, 5), edges.tolist(), color=FAINT)
        middle = (edges[1:] + edges[:-1]) / 2
        normal = len(pulls) * np.diff(edges) * np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
        beside.plot(middle, normal, color=MODEL)
        beside.set_xlabel("pull")
        beside.set_yticks([])
        return embedded(figure, f"Observed and expected counts of {name}, and their pulls.")


def _added(columns: Sequence[Bins]) -> tuple[Bins, Bins, Bins]:
    """Neighbouring bins added up, so that a picture can hold them."""
    counts, expected, sigma = columns
    first = np.arange(0, len(counts), -(-len(counts) // MOST_BINS))
    sums = [np.add.reduceat(part, first) for part in (counts, expected, sigma**2)]
    return sums[0], sums[1], np.sqrt(sums[2])


def _rounds(payload: Payload, block: GlobalBlock) -> str:
    values = np.asarray(payload.columns["round_values"].values, np.float64)
    sigma = block.errors[: values.shape[1]]
    shown = sigma > 0
    pulls = (values[:, shown] - values[-1, shown]) / sigma[shown]
    names = [name for name, keep in zip(block.names, shown, strict=False) if keep]
    with drawing(FULL, 3.0) as figure:
        axes = figure.add_subplot()
        axes.axhspan(-1, 1, color=BAND)
        for name, column in zip(names, pulls.T, strict=True):
            axes.plot(np.arange(1, len(values) + 1), column, ".-", label=name)
        axes.set_xlabel("round")
        axes.set_ylabel("less the last, in standard deviations")
        axes.set_xticks(np.arange(1, len(values) + 1))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.subplots_adjust(right=0.8)
        return embedded(figure, "Parameters after each round, less those after the last.")
