"""What a calibration states of every PMT: the payload of kind "pmt-response"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kzcal.conditions.payload import Column, Payload
from kzcal.errors import DatabaseError

RESPONSE = "pmt-response"
DIAGNOSTICS = "calibration-diagnostics"
"""Kind of the payload that lies beside it: what the calibration saw, for its report."""
GLOBAL_FIT = "global-fit"
"""Kind of the payload that holds what all PMTs share: light, quenching, decay times."""
PRIOR = "prior"
"""Column of a global fit: mean and information of what was known of each parameter before."""
GOOD = "good"
ALONE = "_alone"
"""Ends the name of a column with a constant that no population drew in."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One constant of a PMT.

    Args:
        name: of the column.
        unit: of the column.
        doc: what it is.
        sign: of a good PMT's value: "positive", "not negative" or "any".
    """

    name: str
    unit: str
    doc: str
    sign: str


QUANTITIES = (
    Quantity("qe", "1", "relative detection efficiency (QE x CE)", "positive"),
    Quantity("gain", "1", "mean of the Gaussian part of the single-p.e. charge", "positive"),
    Quantity("spe_width", "1", "sigma of that Gaussian part over its mean", "not negative"),
    Quantity("time_offset", "ns", "positive when the PMT reads late", "any"),
    Quantity("tts", "ns", "sigma of the Gaussian transit-time spread, one p.e.", "not negative"),
    Quantity("dark_rate", "Hz", "dark pulses above threshold", "not negative"),
)


def is_good(payload: Payload) -> np.ndarray:
    """Which PMTs have the status "good"."""
    return np.asarray(payload.columns["status"].values == GOOD)


def check_kind(payload: Payload, where: str) -> None:
    """A payload of kind "pmt-response" holds the constants of every PMT; others are free.

    Args:
        payload: about to be stored.
        where: names the runs and the tag in an error.

    Raises:
        DatabaseError: a column is missing, has another length or unit, or a good PMT's constant
            is unknown or out of range.
    """
    if payload.kind != RESPONSE:
        return
    needed = ["status", *(quantity.name for quantity in QUANTITIES)]
    missing = [name for name in needed if name not in payload.columns]
    if missing:
        message = f"{RESPONSE} has the columns {', '.join(needed)}, got none {missing} ({where})"
        raise DatabaseError(message)
    n_pmt = payload.columns["status"].values.shape[:1]
    for name, column in payload.columns.items():
        if column.values.shape[:1] != n_pmt or not n_pmt:
            message = (
                f"every column of {RESPONSE} has a row per PMT, got shape {column.values.shape} "
                f"for {name} and {payload.columns['status'].values.shape} for status ({where})"
            )
            raise DatabaseError(message)
    for quantity in QUANTITIES:
        _check_quantity(payload.columns[quantity.name], quantity, is_good(payload), where)


def _check_quantity(column: Column, quantity: Quantity, good: np.ndarray, where: str) -> None:
    name = quantity.name
    if column.unit != quantity.unit or column.errors is None or column.values.ndim != 1:
        message = (
            f"{name} is one number per PMT in {quantity.unit!r} with its error, got shape "
            f"{column.values.shape} in {column.unit!r} "
            f"{'without' if column.errors is None else 'with'} errors ({where})"
        )
        raise DatabaseError(message)
    values = column.values
    allowed = {"positive": values > 0, "not negative": values >= 0, "any": ~np.isnan(values)}
    wrong = np.flatnonzero(good & ~allowed[quantity.sign])
    if len(wrong):
        rule = "known" if quantity.sign == "any" else quantity.sign
        message = (
            f"{name} of a good PMT must be {rule}, got {name}={values[wrong[0]]} for PMT "
            f"{wrong[0]} ({where}): mend the value or give the PMT another status"
        )
        raise DatabaseError(message)
