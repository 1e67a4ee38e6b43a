"""Global parameters: what is common to all PMTs, with the full covariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.picture import DATA, drawing, embedded
from kzcal.calibrate.report.templating import fill

if TYPE_CHECKING:
    from kzcal.conditions.payload import GlobalBlock, Payload
    from kzcal.geometry import Detector

WRITTEN_OUT = 24
"""Up to so many parameters the correlations are written into the picture."""


class GlobalParameters:
    """A table with errors, and the correlations."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,  # noqa: ARG002  as the protocol
        detector: Detector,  # noqa: ARG002
        previous: Payload | None,
    ) -> str:
        """Values beside those of the previous calibration, then the correlation matrix."""
        block = calibration.globals
        before = _by_name(previous.globals if previous is not None else None)
        if block is None or not block.names:
            return fill("global_parameters.html", rows=[], before=before, matrix="")
        errors = block.errors.tolist()
        rows = list(
            zip(block.names, block.values.tolist(), errors, block.units, block.docs, strict=True)
        )
        return fill("global_parameters.html", rows=rows, before=before, matrix=_matrix(block))


def correlation(block: GlobalBlock) -> Float64[np.ndarray, "parameter parameter"]:
    """Correlation coefficients; NaN for a parameter without an error."""
    errors = np.where(block.errors > 0, block.errors, np.nan)
    return np.asarray(block.covariance / np.outer(errors, errors))


def _by_name(block: GlobalBlock | None) -> dict[str, tuple[float, float]]:
    if block is None:
        return {}
    pairs = zip(block.values.tolist(), block.errors.tolist(), strict=True)
    return dict(zip(block.names, pairs, strict=True))


def _matrix(block: GlobalBlock) -> str:
    """The correlation coefficients as colours, written out where there is room."""
    coefficients, n = correlation(block), len(block.names)
    names, side = 0.15 + 0.066 * max(map(len, block.names)), max(1.5, 0.34 * n)
    width, height = names + side + 1.1, names + side + 0.1
    with drawing(width, height) as figure:
        axes = figure.add_axes((names / width, names / height, side / width, side / height))
        picture = axes.imshow(coefficients, cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_xticks(range(n), block.names, rotation=90, fontsize=7.5)
        axes.set_yticks(range(n), block.names, fontsize=7.5)
        axes.tick_params(length=0)
        if n <= WRITTEN_OUT:
            _write_out(axes, coefficients)
        bar = ((names + side + 0.2) / width, names / height, 0.14 / width, side / height)
        figure.colorbar(picture, cax=figure.add_axes(bar), ticks=(-1, 0, 1), label="correlation")
        return embedded(figure, _alt(block, coefficients), "Correlation of the global parameters.")


def _write_out(axes: Axes, coefficients: Float64[np.ndarray, "n n"]) -> None:
    """The coefficients that do not round to zero, in their cells."""
    for (row, column), value in np.ndenumerate(coefficients):
        text = f"{value:.2f}".replace("0.", ".").replace("-", "−")
        if row != column and abs(value) >= 0.005:
            colour = "white" if abs(value) > 0.6 else DATA
            axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)


def _alt(block: GlobalBlock, coefficients: Float64[np.ndarray, "n n"]) -> str:
    """The largest correlation in words."""
    off = np.nan_to_num(coefficients - np.diag(np.diag(coefficients)))
    i, j = np.unravel_index(int(np.argmax(np.abs(off))), off.shape)
    return (
        f"Correlation matrix of {len(block.names)} global parameters; the largest is "
        f"{number(float(off[i, j]), 2)} of {block.names[i]} and {block.names[j]}."
    )
