"""The PMTs of a calibration by type and status, and their constants in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import QUANTITIES, is_good
from kzcal.geometry import Detector

TYPES = (17, 20)
"""Diameters of the two PMT types, inch."""
CENTRAL = (15.865, 50.0, 84.135)
"""Percentiles one standard deviation below, at and above the median of a Gaussian."""


@dataclass(frozen=True, slots=True)
class Population:
    """One constant over the good PMTs of one type, in the constant's unit.

    Args:
        name: of the constant.
        unit: of all numbers but the relative error.
        diameter: of the PMTs, inch.
        n: number of good PMTs with a value.
        median: of the values.
        spread: half the width that holds the central 68 % of the values.
        error: median of the errors.
        relative_error: median of error over value; NaN for the time offset, whose zero is a
            convention.
    """

    name: str
    unit: str
    diameter: int
    n: int
    median: float
    spread: float
    error: float
    relative_error: float


def good_of_type(payload: Payload, detector: Detector, diameter: int) -> Bool[np.ndarray, " pmt"]:
    """Which PMTs are good and of this type."""
    return np.asarray(is_good(payload) & (detector.diameter_inch == diameter))


def with_errors(
    payload: Payload, name: str
) -> tuple[Float64[np.ndarray, " pmt"], Float64[np.ndarray, " pmt"]]:
    """Values and errors of a constant; NaN where there is none."""
    column = payload.columns[name]
    values = np.asarray(column.values, np.float64)
    errors = np.full(values.shape, np.nan) if column.errors is None else column.errors
    return values, np.asarray(errors, np.float64)


def reasons(payload: Payload) -> list[str]:
    """Why each PMT is not good; "" where it is, or where nobody said."""
    if "reason" not in payload.columns:
        return [""] * len(payload.columns["status"].values)
    return [str(reason) for reason in payload.columns["reason"].values]


def populations(payload: Payload, detector: Detector) -> tuple[Population, ...]:
    """Every constant of every type."""
    return tuple(
        describe(payload, detector, quantity.name, diameter)
        for quantity in QUANTITIES
        for diameter in TYPES
    )


def describe(payload: Payload, detector: Detector, name: str, diameter: int) -> Population:
    """One constant of one type; NaN where no good PMT has a value."""
    values, errors = with_errors(payload, name)
    known = good_of_type(payload, detector, diameter) & np.isfinite(values)
    unit, n = payload.columns[name].unit, int(known.sum())
    if not n:
        return Population(name, unit, diameter, 0, np.nan, np.nan, np.nan, np.nan)
    low, middle, high = (float(p) for p in np.percentile(values[known], CENTRAL))
    relative = np.nan if name == "time_offset" else _relative(values[known], errors[known])
    error = median(errors[known])
    return Population(name, unit, diameter, n, middle, (high - low) / 2, error, relative)


def median(values: Float64[np.ndarray, " value"]) -> float:
    """Median of the finite values; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _relative(values: Float64[np.ndarray, " pmt"], errors: Float64[np.ndarray, " pmt"]) -> float:
    nonzero = values != 0
    return median(errors[nonzero] / np.abs(values[nonzero]))
