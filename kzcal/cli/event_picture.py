"""A picture of one event: its hits on the sphere of PMTs, in time, and where it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from kzcal.calibrate.report.picture import BAND, DATA, FAINT, MODEL, drawing
from kzcal.cli.event_sphere import draw_sphere
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.events import EventSource

WIDTH, HEIGHT = 11.7, 6.2
SPEED = 0.196
"""Of light in the scintillator, m/ns, for times of flight."""
HISTOGRAM_NS = (-60.0, 240.0)
TRUTH = "#d1701c"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One event as it is drawn.

    Args:
        event: the event alone, with its hits.
        time: of the hits, ns: after emission and flight where there is a vertex, else since the
            first hit.
        has_vertex: whether it was reconstructed.
        title: what it is.
    """

    event: Events
    time: Float64[np.ndarray, " hit"]
    has_vertex: bool
    title: str


def find_event(source: EventSource, number: int, path: Path) -> Events:
    """The event of that number, alone.

    Raises:
        ConfigurationError: there is none; the message says which there are.
    """
    for events in source.chunks(hits_per_chunk=200_000):
        (rows,) = np.nonzero(events.event == number)
        if len(rows):
            return events.take(rows[:1])
    known = source.table().event
    here = f"{known.min()} to {known.max()}" if len(known) else "none"
    message = f"{path} has events {here}, got --event {number}"
    raise ConfigurationError(message)


def picture_of(event: Events, run: int, detector: Detector) -> Picture:
    """Times of the hits, and a title."""
    hits, vertex = event.hits, event.vertex[0].astype(np.float64)
    found = bool(np.isfinite(vertex).all() and np.isfinite(event.t0[0]))
    time = hits.time.astype(np.float64)
    if found:
        distance = np.linalg.norm(detector.positions[hits.pmt] - vertex, axis=1)
        time = time - event.t0[0] - distance / SPEED
    elif len(time):
        time = time - time.min()
    trigger = "forced trigger" if event.forced[0] else "physics trigger"
    energy = f", {event.energy[0]:.2f} MeV" if np.isfinite(event.energy[0]) else ""
    title = (
        f"run {run}, event {event.event[0]}: {trigger}{energy}, {len(time)} hits, "
        f"{hits.charge.sum():.0f} p.e."
    )
    return Picture(event, time, found, title)


def draw(picture: Picture, detector: Detector, path: Path) -> None:
    """Draw an event into a file, whose suffix decides the format.

    Raises:
        ConfigurationError: matplotlib knows no such format, or the file cannot be written.
    """
    with drawing(WIDTH, HEIGHT) as figure:
        known = figure.canvas.get_supported_filetypes()
        if path.suffix[1:].lower() not in known:
            message = f"a picture ends in .{', .'.join(known)}, got {path}"
            raise ConfigurationError(message)
        figure.suptitle(picture.title, x=0.03, y=0.975, ha="left", fontsize=11)
        draw_sphere(figure, picture, detector)
        _draw_times(figure.add_axes((0.70, 0.60, 0.28, 0.30)), picture)
        if picture.has_vertex or _truth_place(picture.event.truth) is not None:
            _draw_place(figure.add_axes((0.68, 0.10, 0.30, 0.38)), picture, detector)
        try:
            figure.savefig(path)
        except OSError as error:
            message = f"a picture needs a file that can be written, got {path}: {error.strerror}"
            raise ConfigurationError(message) from error


def _draw_times(axes: Axes, picture: Picture) -> None:
    """Histogram of the times."""
    low, high = HISTOGRAM_NS
    if not picture.has_vertex:
        low, high = 0.0, max(float(picture.time.max(initial=1.0)), 1.0)
    edges = np.linspace(low, high, 76)
    counts, _ = np.histogram(picture.time, edges)
    axes.stairs(counts, edges, fill=True, color=BAND)
    axes.stairs(counts, edges, color=DATA, lw=0.9)
    axes.set_xlim(low, high)
    if counts.max(initial=0) > 20:
        axes.set_yscale("symlog", linthresh=1.0)
        axes.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        axes.minorticks_off()
    axes.set_ylim(0, 1.3 * max(counts.max(initial=0), 1))
    after = "emission and flight" if picture.has_vertex else "first hit"
    axes.set_xlabel(f"time after {after} [ns]")
    axes.set_ylabel(f"hits per {edges[1] - edges[0]:.3g} ns")


def _draw_place(axes: Axes, picture: Picture, detector: Detector) -> None:
    """Height over distance from the axis: balloons, the vertex and the truth."""
    truth = _truth_place(picture.event.truth)
    places = [p for p in (picture.event.vertex[0], truth) if p is not None]
    reach = max(
        [float(np.linalg.norm(place)) for place in places if np.isfinite(place).all()], default=0.0
    )
    scintillating = [m.outer_radius_m for m in detector.media if m.photons_per_mev > 0]
    beyond = [radius for radius in scintillating if radius > reach]
    size = 1.12 * (beyond[0] if beyond else detector.pmt_radius)
    for radius in scintillating:
        axes.add_patch(Circle((0, 0), radius, fill=False, color=FAINT, lw=0.9))
    if picture.has_vertex:
        axes.plot(*_meridian(picture.event.vertex[0]), "x", color=MODEL, ms=9, mew=2)
    if truth is not None:
        axes.plot(*_meridian(truth), "o", color=TRUTH, ms=6, mfc="none", mew=1.6)
        _draw_extent(axes, picture.event.truth, truth)
    axes.set_aspect("equal")
    axes.set_xlim(0, 1.25 * size)
    axes.set_ylim(-size, size)
    axes.set_xlabel("distance from the axis [m]")
    axes.set_ylabel("z [m]")
    axes.text(1.02, 0.97, _words(picture, truth), transform=axes.transAxes, va="top", fontsize=8)


def _draw_extent(
    axes: Axes, truth: Mapping[str, np.ndarray], place: Float64[np.ndarray, " 3"]
) -> None:
    """The root mean square distance of the deposits from their centroid."""
    if "rms" in truth and np.isfinite(truth["rms"][0]):
        extent = float(truth["rms"][0])
        axes.add_patch(Circle(_meridian(place), extent, fill=False, color=TRUTH, lw=0.9, ls=":"))


def _words(picture: Picture, truth: Float64[np.ndarray, " 3"] | None) -> str:
    lines = []
    if picture.has_vertex:
        x, y, z = picture.event.vertex[0]
        lines += ["× reconstructed", f"x {x:+.2f}", f"y {y:+.2f}", f"z {z:+.2f} m", ""]
    if truth is not None:
        lines += [f"○ truth{_kind(picture.event.truth)}"]
        lines += [f"{axis} {value:+.2f}" for axis, value in zip("xyz", truth, strict=True)]
        lines[-1] += " m"
        for name in ("e_dep", "e_quenched"):
            if name in picture.event.truth:
                word = {"e_dep": "deposited", "e_quenched": "quenched"}[name]
                lines.append(f"{picture.event.truth[name][0]:.2f} MeV {word}")
    return "\n".join(lines)


def _kind(truth: Mapping[str, np.ndarray]) -> str:
    return f": {truth['kind'][0].decode()}" if "kind" in truth else ""


def _truth_place(truth: Mapping[str, np.ndarray]) -> Float64[np.ndarray, " 3"] | None:
    """The true centroid, or None where there is none."""
    if not all(axis in truth for axis in "xyz"):
        return None
    place = np.array([float(truth[axis][0]) for axis in "xyz"])
    return place if np.isfinite(place).all() else None


def _meridian(place: Float64[np.ndarray, " 3"]) -> tuple[float, float]:
    """Distance from the axis and height."""
    return float(np.hypot(place[0], place[1])), float(place[2])
