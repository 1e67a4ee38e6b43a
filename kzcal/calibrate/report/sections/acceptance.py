"""Acceptance: what the data say of the light a PMT collects, over its bare solid angle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.picture import FULL, drawing, embedded
from kzcal.calibrate.report.population import TYPES
from kzcal.calibrate.report.templating import absence

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

NEEDED = ("acceptance_distance", "acceptance_cosine", "acceptance")
N_SLICES = 4


class AcceptanceSection:
    """Two maps for each type: the learned factor, and slices of it along the distance."""

    def render(
        self,
        calibration: Payload,  # noqa: ARG002  as the protocol
        diagnostics: Payload,
        detector: Detector,  # noqa: ARG002
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """The factor by distance and cosine of incidence."""
        if missing := absence(diagnostics, NEEDED):
            return missing
        columns = (np.asarray(diagnostics.columns[n].values, np.float64) for n in NEEDED)
        distance, cosine, factor = columns
        low, high = _range(factor)
        with drawing(FULL, 5.6) as figure:
            rows = figure.subplots(2, 2, width_ratios=(1.15, 1))
            for (left, right), table, diameter in zip(rows, factor, TYPES, strict=True):
                mesh = left.pcolormesh(
                    distance, cosine, table.T, vmin=low, vmax=high, cmap="viridis", rasterized=True
                )
                figure.colorbar(mesh, ax=left, label="factor")
                left.set_xlabel("distance of vertex and PMT [m]")
                left.set_ylabel("cosine of incidence")
                left.set_title(f"{diameter}-inch", loc="left")
                _slices(right, distance, cosine, table)
                right.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
            alt = (
                "Learned acceptance over solid angle against distance and cosine of incidence, "
                f"17-inch and 20-inch, from {number(low)} to {number(high)}."
            )
            return embedded(figure, alt, CAPTION)


CAPTION = (
    "Factor on the solid-angle model, learned from the run by symmetry: absorption, scattering, "
    "reflection and the angular response of the tubes together. Right: slices at fixed cosine."
)


def _range(factor: np.ndarray) -> tuple[float, float]:
    """Ends of the colours: the central 98 % of the cells."""
    finite = factor[np.isfinite(factor)]
    if not len(finite):
        return 0.0, 1.0
    low, high = (float(p) for p in np.percentile(finite, (1.0, 99.0)))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _slices(axes: Axes, distance: np.ndarray, cosine: np.ndarray, table: np.ndarray) -> None:
    chosen = np.unique(np.linspace(0, len(cosine) - 1, N_SLICES).round().astype(int))
    shades = mpl.colormaps["cividis"](np.linspace(0.9, 0.0, len(chosen)))
    for shade, column in zip(shades, chosen.tolist(), strict=True):
        axes.plot(distance, table[:, column], color=shade, label=f"cosine {cosine[column]:.2f}")
    axes.set_xlabel("distance of vertex and PMT [m]")
    axes.set_ylabel("factor")
    axes.legend()
