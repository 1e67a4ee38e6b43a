"""Acceptance: what the data say of the light a PMT collects, over its bare solid angle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float64
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.picture import FULL, drawing, embedded
from kzcal.calibrate.report.population import TYPES
from kzcal.calibrate.report.templating import absence

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

NEEDED = ("acceptance_distance", "acceptance_cosine", "acceptance")
SLICES = (1.0, 0.9, 0.8, 0.7)
"""Cosines near which the factor is drawn against the distance."""
SHOWN = (3.0, 97.0)
"""Percentiles of the factor at which colours and axes end; cells at the edge have few hits."""
CAPTION = (
    "Factor on the solid-angle model, learned from the run by symmetry: absorption, scattering, "
    "reflection and the angular response of the tubes together. White: no vertex in the "
    "scintillator is seen so. Right: slices at fixed cosine."
)


class AcceptanceSection:
    """A map of the learned factor for each type, and slices of it along the distance."""

    def render(
        self,
        calibration: Payload,  # noqa: ARG002  as the protocol
        diagnostics: Payload,
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """The factor by distance and cosine of incidence."""
        if missing := absence(diagnostics, NEEDED):
            return missing
        distance, cosine, factor = (
            np.asarray(diagnostics.columns[name].values, np.float64) for name in NEEDED
        )
        seen = np.where(reachable(distance, cosine, detector), factor, np.nan)
        ends = _ends(seen)
        with drawing(FULL, 5.6) as figure:
            rows = figure.subplots(2, 2, width_ratios=(1.15, 1))
            for (left, right), table, diameter in zip(rows, seen, TYPES, strict=True):
                _map(left, distance, cosine, table, ends)
                left.set_title(f"{diameter}-inch", loc="left")
                _slices(right, distance, cosine, table, ends)
            alt = (
                "Learned acceptance over solid angle against distance and cosine of incidence, "
                f"17-inch and 20-inch, mostly from {number(ends[0])} to {number(ends[1])}."
            )
            return embedded(figure, alt, CAPTION)


def reachable(
    distance: Float64[np.ndarray, " distance"],
    cosine: Float64[np.ndarray, " cosine"],
    detector: Detector,
) -> Bool[np.ndarray, "distance cosine"]:
    """Whether a vertex so far from a PMT and at such an angle lies in the scintillator."""
    d, sphere = distance[:, None], detector.pmt_radius
    from_centre_squared = d**2 + sphere**2 - 2 * d * sphere * cosine
    return np.asarray(from_centre_squared <= detector.scintillator_radius**2)


def _ends(factor: Float64[np.ndarray, "type distance cosine"]) -> tuple[float, float]:
    """Ends of colours and axes."""
    known = factor[np.isfinite(factor)]
    if not len(known):
        return 0.5, 1.5
    low, high = (float(p) for p in np.percentile(known, SHOWN))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _map(
    axes: Axes,
    distance: Float64[np.ndarray, " distance"],
    cosine: Float64[np.ndarray, " cosine"],
    table: Float64[np.ndarray, "distance cosine"],
    ends: tuple[float, float],
) -> None:
    low, high = ends
    mesh = axes.pcolormesh(
        distance, cosine, table.T, vmin=low, vmax=high, cmap="viridis", rasterized=True
    )
    axes.figure.colorbar(mesh, ax=axes, label="factor", extend="both")
    filled = cosine[np.isfinite(table).any(axis=0)]
    axes.set_ylim(filled.min(initial=cosine[-1]) - 0.05, cosine[-1] + 0.05)
    axes.set_xlabel("distance of vertex and PMT [m]")
    axes.set_ylabel("cosine of incidence")


def _slices(
    axes: Axes,
    distance: Float64[np.ndarray, " distance"],
    cosine: Float64[np.ndarray, " cosine"],
    table: Float64[np.ndarray, "distance cosine"],
    ends: tuple[float, float],
) -> None:
    """The factor against the distance at a few cosines."""
    columns = dict.fromkeys(int(np.argmin(np.abs(cosine - wanted))) for wanted in SLICES)
    shades = mpl.colormaps["cividis"](np.linspace(0.0, 0.85, len(columns)))
    for shade, column in zip(shades, columns, strict=True):
        axes.plot(distance, table[:, column], color=shade, label=f"cosine {cosine[column]:.2f}")
    low, high = ends
    axes.set_ylim(low - 0.25 * (high - low), high + 0.25 * (high - low))
    axes.set_xlim(distance[0], distance[-1])
    axes.set_xlabel("distance of vertex and PMT [m]")
    axes.set_ylabel("factor")
    axes.legend(ncols=2)
