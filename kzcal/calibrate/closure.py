"""A calibration against the truth that its events were made with: biases, pulls, bad channels."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Shaped
from scipy.special import ndtr

from kzcal.calibrate.demo import DemoTruth, response_of
from kzcal.calibrate.report.picture import FULL, TYPE_COLOURS, drawing, type_legend
from kzcal.calibrate.report.population import CENTRAL, TYPES, with_errors
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import GOOD, QUANTITIES, is_good
from kzcal.geometry import Detector
from kzcal.io.atomic import replacing
from kzcal.response.charge import detection_efficiency

EDGES = np.linspace(-5.0, 5.0, 41)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What a perfect calibration would find, one row per PMT.

    Args:
        status: good, or what is wrong.
        constants: by name, with the units and conventions of "pmt-response".
    """

    status: Shaped[np.ndarray, " pmt"]
    constants: Mapping[str, Float64[np.ndarray, " pmt"]]

    @classmethod
    def of(cls, truth: DemoTruth, detector: Detector) -> Truth:
        """Efficiencies of mean one, time offsets of mean zero, dark rates above threshold."""
        response, good = response_of(detector, truth), truth.status == GOOD
        passing = detection_efficiency(response.gain, response.spe_width, response.shape)[0]
        qe = truth.qe.copy()
        for diameter in TYPES:
            rows = detector.diameter_inch == diameter
            qe[rows] /= qe[rows & good].mean()
        constants = {
            "qe": qe,
            "gain": truth.gain,
            "spe_width": truth.spe_width,
            "time_offset": truth.time_offset - truth.time_offset[good].mean(),
            "tts": truth.tts,
            "dark_rate": truth.dark_rate * passing.double().numpy(),
        }
        return cls(truth.status, constants)


@dataclass(frozen=True, slots=True)
class Closure:
    """One constant of one PMT type, over the PMTs that are good in calibration and truth.

    Args:
        name: of the constant.
        unit: of bias and error.
        diameter: of the PMTs, inch.
        n: number of PMTs.
        bias: median of calibrated less true values.
        error: median of the errors that the calibration states.
        pull_width: half the width that holds the central 68 % of the pulls, which are the
            differences over the stated errors; one if the errors are honest.
        pull_width_error: one standard deviation, of Gaussian pulls.
    """

    name: str
    unit: str
    diameter: int
    n: int
    bias: float
    error: float
    pull_width: float
    pull_width_error: float


def closures(response: Payload, truth: Truth, detector: Detector) -> tuple[Closure, ...]:
    """Every constant of every type against the truth."""
    good = is_good(response) & (truth.status == GOOD)
    return tuple(
        _closure(
            response, truth, quantity.name, good & (detector.diameter_inch == diameter), diameter
        )
        for quantity in QUANTITIES
        for diameter in TYPES
    )


def _closure(
    response: Payload, truth: Truth, name: str, rows: Bool[np.ndarray, " pmt"], diameter: int
) -> Closure:
    values, errors = with_errors(response, name)
    difference = (values - truth.constants[name])[rows]
    low, _, high = np.percentile(difference / errors[rows], CENTRAL)
    n = int(rows.sum())
    return Closure(
        name=name,
        unit=response.columns[name].unit,
        diameter=diameter,
        n=n,
        bias=float(np.median(difference)),
        error=float(np.median(errors[rows])),
        pull_width=float(high - low) / 2,
        pull_width_error=0.96 / n**0.5,
    )


def found(response: Payload, truth: Truth) -> dict[str, tuple[int, int]]:
    """By true status: PMTs for which the calibration says the same, and all of them."""
    status = response.columns["status"].values
    names = sorted(np.unique(truth.status).tolist())
    return {
        name: (
            int(np.sum((truth.status == name) & (status == name))),
            int(np.sum(truth.status == name)),
        )
        for name in names
    }


def write_truth(truth: Truth, path: Path) -> None:
    """A CSV file with a row per PMT, whole or not at all."""
    names = [quantity.name for quantity in QUANTITIES]
    columns: Sequence[list[object]] = [
        truth.status.tolist(),
        *(truth.constants[name].tolist() for name in names),
    ]
    with replacing(path) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["pmt", "status", *names])
        writer.writerows([pmt, *row] for pmt, row in enumerate(zip(*columns, strict=True)))


def draw_pulls(response: Payload, truth: Truth, detector: Detector, path: Path) -> None:
    """Histograms of the pulls of every constant by PMT type, beside a unit Gaussian, as PNG."""
    good = is_good(response) & (truth.status == GOOD)
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    with replacing(path) as unfinished, drawing(FULL, 5.2) as figure:
        for axes, quantity in zip(figure.subplots(2, 3).flat, QUANTITIES, strict=True):
            values, errors = with_errors(response, quantity.name)
            for diameter, colour in TYPE_COLOURS.items():
                rows = good & (detector.diameter_inch == diameter)
                pull = ((values - truth.constants[quantity.name]) / errors)[rows]
                counts, _ = np.histogram(np.clip(pull, -5, 5), EDGES)
                axes.stairs(counts, EDGES, color=colour)
                expected = len(pull) * np.diff(ndtr(EDGES))
                axes.plot(middle, expected, color=colour, ls=":", lw=0.8)
            axes.set_xlabel(f"pull of {quantity.name.replace('_', ' ')}")
            axes.set_ylabel("PMTs")
        type_legend(figure)
        figure.savefig(unfinished, format="png")
