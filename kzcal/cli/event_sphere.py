"""Hits of one event on the sphere of PMTs, for its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kzcal.calibrate.report.picture import BAND, DATA, FAINT, MODEL
from kzcal.calibrate.report.sphere import hammer
from kzcal.geometry import Detector

if TYPE_CHECKING:
    from kzcal.cli.event_picture import Picture

EARLIEST, LATEST = -5.0, 30.0
"""Range of the colours of an event with a vertex, ns after the flight time; others are grey."""
CENTRAL = 0.5, 97.0
"""Range of the colours of other events, per cent of their hits."""
CHARGES = (1.0, 3.0, 10.0)
"""Examples in the legend, p.e."""


def draw_sphere(figure: Figure, picture: Picture, detector: Detector) -> None:
    """Hits on Hammer's equal-area map; colour is time, area is charge."""
    axes = figure.add_axes((0.01, 0.21, 0.65, 0.70))
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-1.02, 1.02)
    axes.set_ylim(-0.52, 0.52)
    _draw_graticule(axes)
    x, y = _map(detector.directions)
    axes.scatter(x, y, s=2, color=FAINT, lw=0, alpha=0.6)
    hits = picture.event.hits
    order = np.argsort(-picture.time, kind="stable")
    colours = _colours(picture)
    for diameter, marker in ((17, "o"), (20, "s")):
        rows = order[detector.diameter_inch[hits.pmt[order]] == diameter]
        axes.scatter(
            x[hits.pmt[rows]],
            y[hits.pmt[rows]],
            s=_area(hits.charge[rows]),
            c=picture.time[rows],
            norm=colours,
            cmap=_colour_map(),
            marker=marker,
            lw=0.25,
            edgecolors=DATA,
        )
    _mark_direction(axes, picture)
    _draw_colours(figure, colours, picture.has_vertex)
    _draw_key(axes)


def _draw_graticule(axes: Axes) -> None:
    along, up = np.linspace(-np.pi, np.pi, 145), np.linspace(-np.pi / 2, np.pi / 2, 73)
    for latitude in np.deg2rad((-60, -30, 0, 30, 60)):
        axes.plot(*hammer(along, np.full(145, latitude)).T, color=BAND, lw=0.7, zorder=0)
    for longitude in np.deg2rad((-120, -60, 0, 60, 120)):
        axes.plot(*hammer(np.full(73, longitude), up).T, color=BAND, lw=0.7, zorder=0)
    for longitude in (-np.pi, np.pi):
        axes.plot(*hammer(np.full(73, longitude), up).T, color=FAINT, lw=0.8, zorder=0)


def _mark_direction(axes: Axes, picture: Picture) -> None:
    """Where the vertex lies as seen from the centre, if it is not the centre itself."""
    vertex = picture.event.vertex[0].astype(np.float64)
    if picture.has_vertex and np.linalg.norm(vertex) > 0.3:
        x, y = _map((vertex / np.linalg.norm(vertex))[None])
        axes.plot(x, y, "x", color=MODEL, ms=9, mew=2)


def _draw_colours(figure: Figure, colours: Normalize, has_vertex: bool) -> None:
    label = "time after emission and flight [ns]" if has_vertex else "time since first hit [ns]"
    bar = figure.colorbar(
        ScalarMappable(colours, _colour_map()),
        cax=figure.add_axes((0.10, 0.135, 0.28, 0.022)),
        orientation="horizontal",
        extend="both",
        label=label,
    )
    bar.outline.set_linewidth(0.5)


def _draw_key(axes: Axes) -> None:
    """Charges by area, PMT types by shape, and the marks of the places."""
    sizes = [("o", float(np.sqrt(_area(np.array(charge))))) for charge in CHARGES]
    entries = [
        Line2D([], [], lw=0, marker=shape, ms=size, mfc="white", mec=DATA, mew=0.6)
        for shape, size in (*sizes, ("o", 5.0), ("s", 5.0))
    ]
    labels = [f"{charge:g} p.e." for charge in CHARGES] + ["17-inch", "20-inch"]
    axes.legend(
        entries,
        labels,
        loc="upper right",
        bbox_to_anchor=(0.99, -0.055),
        ncols=5,
        columnspacing=1.0,
        handletextpad=0.3,
        borderaxespad=0,
    )


def _map(
    directions: Float64[np.ndarray, "point 3"],
) -> tuple[Float64[np.ndarray, " point"], Float64[np.ndarray, " point"]]:
    """Directions on Hammer's map; the chimney (+z) is up."""
    x, y, z = directions.T
    points = hammer(np.arctan2(y, x), np.arcsin(np.clip(z, -1.0, 1.0)))
    return points[:, 0], points[:, 1]


def _colours(picture: Picture) -> Normalize:
    if picture.has_vertex:
        return Normalize(EARLIEST, LATEST)
    if not len(picture.time):
        return Normalize(0.0, 1.0)
    low, high = np.percentile(picture.time, CENTRAL)
    return Normalize(low, max(high, low + 1.0))


def _colour_map() -> Colormap:
    """Early hits bright, late ones dark, those outside the range grey."""
    return colormaps["viridis_r"].with_extremes(under=FAINT, over=FAINT)


def _area(charge: np.ndarray) -> np.ndarray:
    """Area of a mark in square points: charge by area, up to a limit."""
    return np.asarray(12.0 * np.clip(charge, 0.3, 15.0))
