"""What a tag says of every run, as series: constants of PMTs, their status, common parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.conditions.database import Database
from kzcal.conditions.iov import IOV, at
from kzcal.conditions.payload import GlobalBlock, Payload
from kzcal.conditions.quantities import ALONE, GLOBAL_FIT, QUANTITIES, RESPONSE
from kzcal.errors import CalibrationError, DatabaseError

SILENT = "dead"
"""Status of a PMT whose constants mean nothing."""
FARTHEST = 3.0
"""Errors that a PMT's own hits and its stored value may be apart."""
COUNTED = ("qe", "dark_rate")
"""Constants that are counts over an exposure, whose errors grow with the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Measurements of many constants of one name in every run.

    Args:
        name: of the constants.
        unit: of values and errors.
        value: a row per PMT, or one of the whole detector; NaN where there is none.
        error: one standard deviation of each.
        counted: whether value and error are those of a count over an exposure.
    """

    name: str
    unit: str
    value: Float64[np.ndarray, "row run"]
    error: Float64[np.ndarray, "row run"]
    counted: bool = False

    def steady(self) -> Series:
        """The same with errors that do not depend on the values: roots of what is counted.

        An error that is smaller where the value happens to be low draws averages down.
        Source: F. J. Anscombe (1948), Biometrika 35, 246.
        """
        if not self.counted:
            return self
        positive = self.value > 0
        root = np.sqrt(np.where(positive, self.value, np.nan))
        return Series(self.name, self.unit, root, self.error / (2 * root))

    @property
    def exposure(self) -> Float64[np.ndarray, "row run"]:
        """Weight with which runs are averaged."""
        error = self.steady().error
        return np.asarray(np.where(error > 0, error, np.inf) ** -2.0)


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """Everything that a tag says of its runs.

    Args:
        tag: global tag.
        revision: of the tag.
        iovs: of the calibrations, in order of runs; each counts as one run, its first.
        status: in words, by PMT and run.
        constants: of the PMTs, by name.
        shared: of the whole detector, by name, with one row each.
        detector: name of the detector, as the first calibration has it.
    """

    tag: str
    revision: int
    iovs: tuple[IOV, ...]
    status: np.ndarray
    constants: Mapping[str, Series]
    shared: Mapping[str, Series]
    detector: str

    @property
    def runs(self) -> Sequence[int]:
        """First run of each calibration."""
        return [iov.runs.first for iov in self.iovs]


def read_record(db: Database, tag: str, revision: int | None = None) -> RunRecord:
    """Read every calibration of a tag.

    Raises:
        CalibrationError: the tag holds no calibration, or calibrations of different detectors.
        DatabaseError: there is no such tag or revision, or a payload is damaged.
    """
    iovs = db.iovs(tag, RESPONSE, revision)
    if not iovs:
        message = (
            f"a watch over time needs calibrated runs, got none of {RESPONSE} in tag {tag!r} of "
            f"{db.name}: calibrate runs into it with `kzcal calibrate --tag {tag}`"
        )
        raise CalibrationError(message)
    payloads = [db.payload(iov.payload) for iov in iovs]
    fits = db.iovs(tag, GLOBAL_FIT, revision)
    found = [at(fits, iov.runs.first) for iov in iovs]
    number = db.tag(tag).revision if revision is None else revision
    return record_of(
        tag,
        number,
        iovs,
        payloads,
        [None if fit is None else db.payload(fit.payload) for fit in found],
    )


def record_of(
    tag: str,
    revision: int,
    iovs: tuple[IOV, ...],
    payloads: Sequence[Payload],
    fits: Sequence[Payload | None],
) -> RunRecord:
    """The record of calibrations that are at hand.

    Args:
        tag: they are from.
        revision: of the tag.
        iovs: one for each calibration, in order of runs.
        payloads: the calibrations.
        fits: the global fit that holds for each of them, if there is one.

    Raises:
        CalibrationError: they are of different detectors.
    """
    _check_alike(payloads, iovs, tag)
    blocks = [
        [part.globals for part in (fit, payload) if part is not None and part.globals is not None]
        for fit, payload in zip(fits, payloads, strict=True)
    ]
    return RunRecord(
        tag,
        revision,
        iovs,
        np.stack([payload.columns["status"].values for payload in payloads], axis=1),
        {
            quantity.name: _constant(payloads, quantity.name, quantity.unit)
            for quantity in QUANTITIES
        },
        _shared(blocks),
        str(payloads[0].lineage.configuration.get("detector", "")),
    )


def _check_alike(payloads: Sequence[Payload], iovs: Sequence[IOV], tag: str) -> None:
    sizes = [len(payload.columns["status"].values) for payload in payloads]
    for size, iov in zip(sizes, iovs, strict=True):
        if size != sizes[0]:
            message = (
                f"calibrations that are compared have the same PMTs, got {sizes[0]} in "
                f"{iovs[0].runs} and {size} in {iov.runs} of tag {tag!r}: watch the runs of "
                f"each detector under a tag of its own"
            )
            raise CalibrationError(message)


def _constant(payloads: Sequence[Payload], name: str, unit: str) -> Series:
    """One constant of every PMT; from its own hits alone where that is stored.

    That is one scoring step away from the stored value. A longer one than FARTHEST of its own
    errors is not believed: few hits may put a spread far below zero.
    """
    values, errors = [], []
    for payload in payloads:
        stored = payload.columns[name]
        column = payload.columns.get(f"{name}{ALONE}", stored)
        if column.errors is None:
            message = f"a constant has errors, got none for {name} in a {RESPONSE}"
            raise DatabaseError(message)
        known = (payload.columns["status"].values != SILENT) & (column.errors > 0)
        reach = FARTHEST * np.where(known, column.errors, np.nan)
        held = np.clip(column.values, stored.values - reach, stored.values + reach)
        values.append(np.where(known, held, np.nan))
        errors.append(np.where(known, column.errors, np.nan))
    value, error = np.stack(values, 1).astype(float), np.stack(errors, 1).astype(float)
    return Series(name, unit, value, error, counted=name in COUNTED)


def _shared(blocks: Sequence[Sequence[GlobalBlock]]) -> dict[str, Series]:
    units: dict[str, str] = {}
    numbers: dict[str, dict[int, tuple[float, float]]] = {}
    for run, found in enumerate(blocks):
        for block in found:
            rows = zip(block.names, block.units, block.values, block.errors, strict=True)
            for name, unit, value, error in rows:
                units.setdefault(name, unit)
                numbers.setdefault(name, {}).setdefault(run, (float(value), float(error)))
    series = {}
    for name, measured in numbers.items():
        value, error = np.full((2, 1, len(blocks)), np.nan)
        for run, (number, sigma) in measured.items():
            if sigma > 0:
                value[0, run], error[0, run] = number, sigma
        series[name] = Series(name, units[name], value, error)
    return series
