"""Pictures of what a model looks at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kzcal.calibrate.report.picture import DATA, FAINT, FULL, MODEL, drawing, embedded
from kzcal.calibrate.report.sphere import hammer
from kzcal.evaluate.dead import DeadPmts
from kzcal.evaluate.occlusion import Change, Patch, TimeBin

SHOWN_NS = (-20.0, 60.0)
EDGE = np.linspace(0.0, 1.0, 25)
"""Along each side of a patch."""


def times(bins: Sequence[TimeBin]) -> str:
    """What each bin of the residual is worth."""
    edges = np.clip([bins[0].low, *(b.high for b in bins)], *SHOWN_NS)
    kept = np.flatnonzero(np.diff(edges) > 0).tolist()
    with drawing(FULL, 3.2) as figure:
        figure.subplots_adjust(left=0.07)
        lost, shift = figure.subplots(1, 2)
        for name, colour in (("removed", DATA), ("traded", MODEL)):
            changes: list[Change] = [getattr(bins[i], name) for i in kept]
            low, high = edges[:-1][kept], edges[1:][kept]
            lost.errorbar(
                (low + high) / 2,
                [c.lost for c in changes],
                [c.error for c in changes],
                (high - low) / 2,
                fmt=".",
                ms=4,
                lw=0.8,
                color=colour,
                label=f"hits {name}" if name == "removed" else "PMTs of the hits traded",
            )
            shift.stairs([c.shift for c in changes], [*low, high[-1]], color=colour)
        lost.axhline(0, color=FAINT, lw=0.7)
        lost.legend()
        for axes, label in ((lost, "area lost"), (shift, "change of the score, spreads")):
            axes.set_xlabel("residual, ns")
            axes.set_ylabel(label)
        caption = (
            "Hits of each bin taken away, or their PMTs traded across events. The first and the "
            "last bin go on beyond the picture."
        )
        return embedded(figure, "What each bin of the residual is worth", caption)


def sphere(bands: Sequence[Patch], parts: Sequence[Patch]) -> str:
    """What times on each part of the sphere are worth; the axis of early light is up."""
    with drawing(FULL, 3.6) as figure:
        figure.subplots_adjust(left=0.07)
        grid = figure.add_gridspec(1, 3)
        worth, drawn = figure.add_subplot(grid[0]), figure.add_subplot(grid[1:])
        middle = np.array([(b.low + b.high) / 2 for b in bands])
        worth.errorbar(
            middle,
            [b.traded.lost for b in bands],
            [b.traded.error for b in bands],
            (bands[0].high - bands[0].low) / 2,
            fmt=".",
            ms=4,
            lw=0.8,
            color=DATA,
        )
        worth.axhline(0, color=FAINT, lw=0.7)
        worth.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
        worth.set_xlabel("cosine of the angle to the axis of early light")
        worth.set_ylabel("area lost")
        _draw_map(figure, drawn, parts)
        caption = (
            "Times of the hits on a part of the sphere traded across events. Every event is "
            "turned so that the axis of its early light is up; the middle of the map is the side "
            "of its vertex. Parts have equal areas."
        )
        return embedded(figure, "What each part of the sphere is worth", caption)


def _draw_map(figure: Figure, axes: Axes, parts: Sequence[Patch]) -> None:
    """Patches in Hammer's projection, coloured by the change of the score."""
    import matplotlib as mpl
    from matplotlib.collections import PolyCollection

    shifts = np.array([p.traded.shift for p in parts])
    patches = PolyCollection(
        [_outline(part) for part in parts],
        array=shifts,
        cmap=mpl.colormaps["viridis"],
        edgecolors="white",
        linewidths=0.4,
    )
    patches.set_clim(0.0, float(shifts.max()) or 1.0)
    axes.add_collection(patches)
    axes.set_xlim(-1.02, 1.02)
    axes.set_ylim(-0.52, 0.52)
    axes.set_aspect("equal")
    axes.set_axis_off()
    figure.colorbar(patches, ax=axes, shrink=0.8, label="change of the score, spreads")


def _outline(part: Patch) -> np.ndarray:
    """Its edge on the map."""
    west, east = np.radians(part.west), np.radians(part.east)
    low, high = np.arcsin(part.low), np.arcsin(part.high)
    along, up = west + EDGE * (east - west), low + EDGE * (high - low)
    longitude = np.concatenate([along, np.full(25, east), along[::-1], np.full(25, west)])
    latitude = np.concatenate([np.full(25, low), up, np.full(25, high), up[::-1]])
    return hammer(longitude, latitude)


def dead(found: Sequence[DeadPmts]) -> str:
    """What fewer PMTs cost."""
    with drawing(FULL / 2, 2.9) as figure:
        axes = figure.subplots()
        share = [100 * one.share for one in found]
        lost, error = [one.change.lost for one in found], [one.change.error for one in found]
        axes.errorbar(share, lost, error, fmt="o", ms=3, lw=0.8, color=DATA, label="area lost")
        fewer, spread = [one.fewer for one in found], [one.error for one in found]
        beside = [value + 0.1 for value in share]
        axes.errorbar(
            beside, fewer, spread, fmt="s", ms=3, lw=0.8, color=MODEL, label="rejection lost"
        )
        axes.axhline(0, color=FAINT, lw=0.7)
        axes.set_xlabel("PMTs in use that are made dead, %")
        axes.set_ylabel("lost")
        axes.legend()
        return embedded(figure, "What fewer PMTs cost")
