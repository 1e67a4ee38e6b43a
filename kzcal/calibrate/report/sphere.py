"""Maps of the PMT sphere, drawn as SVG by hand: each disc tells its cable number and value.

Hammer's equal-area projection, seen from outside; the chimney (+z) is up, azimuth 0 in the
middle. Circles are 17-inch, squares 20-inch tubes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from jaxtyping import Float64, UInt8

WIDTH, HEIGHT, MARGIN = 560.0, 280.0, 8.0
"""Of the ellipse and around it, in the SVG's own units."""
RADIUS = 3.3
SCALE_HEIGHT = 44.0


@dataclass(frozen=True, slots=True, eq=False)
class SphereMap:
    """What a map shows.

    Args:
        directions: unit vectors to the PMTs.
        diameter_inch: 17 or 20.
        fills: colour of each PMT; "" for one that is marked by a cross.
        titles: text of each PMT, shown under the pointer.
        alt: what the whole map shows.
        below: SVG elements of the scale below the map.
    """

    directions: Float64[np.ndarray, "pmt 3"]
    diameter_inch: UInt8[np.ndarray, " pmt"]
    fills: Sequence[str]
    titles: Sequence[str]
    alt: str
    below: str

    def svg(self) -> str:
        """The map as an element of HTML."""
        places = place(self.directions)
        diameters = self.diameter_inch.tolist()
        marks = zip(places.tolist(), diameters, self.fills, self.titles, strict=True)
        width, height = WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN + SCALE_HEIGHT
        return (
            f'<svg class="map" role="img" aria-label="{escape(self.alt)}" '
            f'viewBox="0 0 {width:g} {height:g}">{_graticule()}'
            f"{''.join(_mark(*mark) for mark in marks)}{self.below}</svg>"
        )


def hammer(
    longitude: Float64[np.ndarray, " point"], latitude: Float64[np.ndarray, " point"]
) -> Float64[np.ndarray, "point 2"]:
    """Hammer's projection, rad to -1..1 by -0.5..0.5; equal areas stay equal."""
    depth = np.sqrt(1.0 + np.cos(latitude) * np.cos(longitude / 2))
    x = np.cos(latitude) * np.sin(longitude / 2) / depth
    return np.column_stack([x, np.sin(latitude) / depth / 2])


def place(directions: Float64[np.ndarray, "pmt 3"]) -> Float64[np.ndarray, "pmt 2"]:
    """Where directions lie on the drawing."""
    x, y, z = directions.T
    return _to_drawing(hammer(np.arctan2(y, x), np.arcsin(np.clip(z, -1.0, 1.0))))


def colour_scale(colours: Sequence[str], ticks: Sequence[str], label: str) -> str:
    """A bar of colours with evenly spaced tick labels and a label, for below a map."""
    width, left, top = 0.6 * WIDTH, MARGIN + 0.2 * WIDTH, HEIGHT + 2 * MARGIN + 2
    step = width / len(colours)
    bars = (
        f'<rect x="{left + i * step:.1f}" y="{top:g}" width="{step + 0.4:.1f}" height="9" '
        f'fill="{colour}"/>'
        for i, colour in enumerate(colours)
    )
    gap = width / max(len(ticks) - 1, 1)
    texts = [_text(left + i * gap, top + 20, tick) for i, tick in enumerate(ticks)]
    return "".join(bars) + "".join(texts) + _text(left + width / 2, top + 34, label)


def colour_key(entries: Sequence[tuple[str, str]]) -> str:
    """Colours with their meaning side by side, for below a map."""
    top, gap = HEIGHT + 2 * MARGIN + 8, WIDTH / max(len(entries), 1)
    items = []
    for i, (colour, meaning) in enumerate(entries):
        x = MARGIN + i * gap
        items.append(
            f'<rect x="{x:.1f}" y="{top:g}" width="11" height="11" fill="{colour}"/>'
            f'<text x="{x + 16:.1f}" y="{top + 9.5:g}">{escape(meaning)}</text>'
        )
    return "".join(items)


def _to_drawing(points: Float64[np.ndarray, "point 2"]) -> Float64[np.ndarray, "point 2"]:
    half = np.array([WIDTH / 2, -HEIGHT])
    return np.asarray(points * half + np.array([WIDTH / 2, HEIGHT / 2]) + MARGIN)


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'


def _mark(at: Sequence[float], diameter: int, fill: str, title: str) -> str:
    x, y = at
    inner = f"<title>{escape(title)}</title>"
    if not fill:
        a = RADIUS
        cross = f"M{x - a:.1f} {y - a:.1f}l{2 * a:g} {2 * a:g}m0 {-2 * a:g}l{-2 * a:g} {2 * a:g}"
        return f'<path class="bad" d="{cross}">{inner}</path>'
    if diameter == 20:
        side = 1.8 * RADIUS
        corner = f'x="{x - side / 2:.1f}" y="{y - side / 2:.1f}"'
        return (
            f'<rect {corner} width="{side:.2g}" height="{side:.2g}" fill="{fill}">{inner}</rect>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}" fill="{fill}">{inner}</circle>'


def _graticule() -> str:
    """The rim, parallels every 30 and meridians every 60 degrees."""
    along, up = np.linspace(-np.pi, np.pi, 73), np.linspace(-np.pi / 2, np.pi / 2, 37)
    lines = [(along, np.full(73, np.deg2rad(b))) for b in (-60, -30, 0, 30, 60)]
    lines += [(np.full(37, np.deg2rad(a)), up) for a in (-180, -120, -60, 0, 60, 120, 180)]
    paths = (_to_drawing(hammer(*line)) for line in lines)
    drawn = ("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in path) for path in paths)
    return f'<path class="graticule" d="{"".join(drawn)}"/>'
