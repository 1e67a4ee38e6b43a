"""Time walk: how much later small pulses read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from kzcal.calibrate.report.digits import number
from kzcal.calibrate.report.picture import BAND, DATA, FAINT, MODEL, drawing, embedded
from kzcal.calibrate.report.templating import absence

if TYPE_CHECKING:
    from kzcal.conditions.payload import Payload
    from kzcal.geometry import Detector

NEEDED = ("walk_charge", "walk_delay", "walk_model")


class TimeWalk:
    """Delay against charge, found and modelled."""

    def render(
        self,
        calibration: Payload,  # noqa: ARG002  as the protocol
        diagnostics: Payload,
        detector: Detector,  # noqa: ARG002
        previous: Payload | None,  # noqa: ARG002
    ) -> str:
        """The curve with its pulls."""
        if missing := absence(diagnostics, NEEDED):
            return missing
        charge, delay, model = (
            np.asarray(diagnostics.columns[name].values, np.float64) for name in NEEDED
        )
        column = diagnostics.columns["walk_delay"]
        errors = np.full(len(delay), np.nan) if column.errors is None else column.errors
        with drawing(7.2, 3.8) as figure:
            upper, lower = figure.subplots(
                2, 1, sharex=True, height_ratios=(3, 1), gridspec_kw={"hspace": 0.12}
            )
            upper.errorbar(charge, delay, np.nan_to_num(errors), fmt=".", color=DATA, label="data")
            upper.plot(charge, model, color=MODEL, label="model")
            upper.set_ylabel("delay [ns]")
            upper.legend()
            chi2, n = _pulls(lower, charge, delay - model, errors)
            lower.set_xlabel("charge [p.e.]")
            alt = (
                f"Delay against charge, at most {number(float(np.nanmax(delay, initial=0)))} ns; "
                f"chi-square {number(chi2)} for {n} points."
            )
            return embedded(figure, alt, f"Delay of the leading edge; χ² {number(chi2)}/{n}.")


def _pulls(
    axes: Axes, charge: np.ndarray, difference: np.ndarray, errors: np.ndarray
) -> tuple[float, int]:
    """Pulls of the points; returns chi-square and the number of points with an error."""
    known = (errors > 0) & np.isfinite(difference)
    pulls = difference[known] / errors[known]
    axes.axhspan(-1, 1, color=BAND, lw=0)
    axes.axhline(0, color=FAINT, lw=0.6)
    axes.plot(charge[known], pulls, ".", color=DATA)
    axes.set_ylabel("pull")
    return float(np.sum(pulls**2)), int(known.sum())
