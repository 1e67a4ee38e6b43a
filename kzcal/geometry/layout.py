"""The generating rule of KamLAND's PMT layout: 30 rhombi of 8 x 8 sites on a sphere.

The panels are the faces of a rhombic triacontahedron, one for each directed icosahedron edge
a -> b. Site (row, column) counts 0 to 7 from the corner at a (0, 0) to the corner at b (7, 7).
With p = (row + column - 7) / 8 along the edge and q = (row - column) / 8 across it, the site is

    x = X sin(w p),   y = Y sin(w q),   z = sqrt(1 - x^2 - y^2)

in the frame ex = unit(b - a), ey = m x ex, m = unit(a + b).

Source: PMTINFO_kamland of github.com/hsong7273/KamLAND-rat-pac at 71d4f9d; the rule holds to
1.64 mm at R = 8.6569 m, index by index, the tube types without exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from kzcal.errors import DetectorError

SIDE = 8
"""Sites along each side of a panel."""
ALONG, ACROSS, ANGLE = 0.85882, 0.58368, 0.65937
"""X, Y and w [rad] of the site rule: least squares to the table."""

Site = tuple[int, int]
"""Row and column of a site in its panel."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Unit vectors from the centre to every PMT in the order of the cable numbers.

    Args:
        directions: unit vectors; +z is the chimney.
        diameter_inch: 17 or 20.
    """

    directions: Float64[np.ndarray, "pmt 3"]
    diameter_inch: UInt8[np.ndarray, " pmt"]


@dataclass(frozen=True, slots=True)
class Family:
    """Five panels that a turn by 72 degrees about z carries into each other.

    Args:
        start: ring of vertices where edge k begins (N, U, D or S), at azimuth number k.
        end: ring where it ends, at azimuth number k + shift.
        shift: see end.
        pattern: where the 20-inch tubes sit, A or B.
        scan: order of the sites in the cable numbers.
    """

    start: str
    end: str
    shift: int
    pattern: str
    scan: str


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "top": Family("N", "U", 0, "A", "columns"),
        "upper": Family("U", "U", 1, "B", "rows down"),
        "equator-a": Family("U", "D", 0, "A", "columns"),
        "equator-b": Family("U", "D", -1, "A", "rows up"),
        "lower": Family("D", "D", 1, "B", "rows down"),
        "bottom": Family("D", "S", 0, "A", "columns"),
    }
)

PANELS: tuple[tuple[str, int], ...] = (
    *(("top", k) for k in range(5)),
    *(("upper", k) for k in range(5)),
    *((name, (k + (name == "equator-b")) % 5) for k in range(5) for name in list(FAMILIES)[2:4]),
    *(("lower", k) for k in (4, 0, 1, 2, 3)),
    *(("bottom", k) for k in range(5)),
)
"""Panels (family, k) in the order of the cable numbers."""


def _vertex(ring: str, k: int) -> Float64[np.ndarray, " 3"]:
    """Vertex k of the icosahedron that has one vertex on +z."""
    if ring in "NS":
        return np.array([0.0, 0.0, 1.0 if ring == "N" else -1.0])
    azimuth = np.deg2rad(72.0 * k + (36.0 if ring == "D" else 0.0))
    height = 0.5 if ring == "U" else -0.5
    return np.asarray(np.sqrt(0.8) * np.array([np.cos(azimuth), np.sin(azimuth), height]))


def _unit(vector: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, " 3"]:
    return np.asarray(vector / np.linalg.norm(vector))


def _frame(family: Family, k: int) -> Float64[np.ndarray, "3 3"]:
    """Rows ex, ey and m of panel k."""
    a, b = _vertex(family.start, k), _vertex(family.end, k + family.shift)
    m, ex = _unit(a + b), _unit(b - a)
    return np.stack([ex, np.cross(m, ex), m])


def _scan(order: str) -> tuple[Int64[np.ndarray, " 64"], Int64[np.ndarray, " 64"]]:
    """Rows and columns of a panel's 64 sites in the order of the cable numbers."""
    slow, fast = np.divmod(np.arange(SIDE * SIDE), SIDE)
    if order == "columns":
        return fast, slow
    return (SIDE - 1 - slow, fast) if order == "rows down" else (slow, SIDE - 1 - fast)


def _in_panel(
    row: Int64[np.ndarray, " site"], column: Int64[np.ndarray, " site"]
) -> Float64[np.ndarray, "site 3"]:
    """The site rule: unit vectors in the panel's own frame."""
    x = ALONG * np.sin(ANGLE * (row + column - SIDE + 1) / SIDE)
    y = ACROSS * np.sin(ANGLE * (row - column) / SIDE)
    return np.stack([x, y, np.sqrt(1.0 - x**2 - y**2)], axis=1)


def _is_20_inch(
    pattern: str, row: Int64[np.ndarray, " site"], column: Int64[np.ndarray, " site"]
) -> Bool[np.ndarray, " site"]:
    """The type rule: which sites hold a 20-inch tube."""
    diagonal = (column - row) % 3
    if pattern == "A":
        corner = (row >= SIDE // 2) & (column < SIDE // 2)
        odd_even = (row % 2 == 1) & (column % 2 == 0)
        return np.asarray(np.where(corner, odd_even, diagonal == 2))
    exempt = (column == 5) & ((row == 1) | (row == 7))
    return np.asarray((diagonal == 1) & ~exempt)


def _omitted(panel: tuple[str, int], omitted: Mapping[str, Sequence[Site]]) -> set[Site]:
    family, k = panel
    return {(r, c) for name in (family, f"{family}/{k}") for r, c in omitted.get(name, ())}


def kamland_layout(omitted: Mapping[str, Sequence[Site]]) -> Layout:
    """KamLAND's inner detector: the sites of 30 panels less those without a tube.

    Args:
        omitted: sites (row, column) without a tube by panel: "top" means all five top panels,
            "top/2" one of them.

    Raises:
        DetectorError: a panel or site that does not exist.
    """
    _check_omitted(omitted)
    directions, large = [], []
    for panel in PANELS:
        family = FAMILIES[panel[0]]
        row, column = _scan(family.scan)
        gone = _omitted(panel, omitted)
        kept = [site not in gone for site in zip(row.tolist(), column.tolist(), strict=True)]
        row, column = row[kept], column[kept]
        directions.append(_in_panel(row, column) @ _frame(family, panel[1]))
        large.append(_is_20_inch(family.pattern, row, column))
    is_20 = np.concatenate(large)
    order = np.argsort(is_20, kind="stable")
    diameter = np.where(is_20[order], 20, 17).astype(np.uint8)
    return Layout(np.concatenate(directions)[order], diameter)


def _check_omitted(omitted: Mapping[str, Sequence[Site]]) -> None:
    panels = [*FAMILIES, *(f"{name}/{k}" for name in FAMILIES for k in range(5))]
    for name, sites in omitted.items():
        if name not in panels:
            message = f"an omitted site names its panel, got {name!r}: choose from {panels}"
            raise DetectorError(message)
        for site in sites:
            if not all(0 <= i < SIDE for i in site):
                message = f"a site is (row, column) of 0 to {SIDE - 1}, got {site} in {name!r}"
                raise DetectorError(message)


LAYOUTS: Mapping[str, Callable[[Mapping[str, Sequence[Site]]], Layout]] = MappingProxyType(
    {"kamland-rhombi": kamland_layout}
)
"""Layout rules by the name that a detector file gives."""
