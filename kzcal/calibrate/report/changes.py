"""What changed between two calibrations, in units of both errors together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.calibrate.report.population import CENTRAL, with_errors
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import QUANTITIES, is_good

SIGNIFICANT = 5.0
"""Standard deviations from which a PMT counts as changed."""


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """Change of one constant of every PMT that is good in both calibrations.

    Args:
        name: of the constant.
        unit: of difference.
        difference: now less before; NaN where either is unknown.
        pull: difference over both errors together.
    """

    name: str
    unit: str
    difference: Float64[np.ndarray, " pmt"]
    pull: Float64[np.ndarray, " pmt"]

    @property
    def known(self) -> Bool[np.ndarray, " pmt"]:
        """PMTs with a pull."""
        return np.asarray(np.isfinite(self.pull))

    @property
    def centre_and_width(self) -> tuple[float, float]:
        """Median of the pulls, and half the width of their central 68 %."""
        if not self.known.any():
            return float("nan"), float("nan")
        low, middle, high = (float(p) for p in np.percentile(self.pull[self.known], CENTRAL))
        return middle, (high - low) / 2

    @property
    def significant(self) -> Int64[np.ndarray, " changed"]:
        """PMTs that changed by more than SIGNIFICANT standard deviations."""
        return np.flatnonzero(np.abs(np.nan_to_num(self.pull)) > SIGNIFICANT)

    @property
    def median_difference(self) -> float:
        """Median of the differences."""
        return float(np.median(self.difference[self.known])) if self.known.any() else float("nan")


@dataclass(frozen=True, slots=True)
class ChangedPmt:
    """A constant of a PMT that changed.

    Args:
        pmt: cable number.
        name: of the constant.
        unit: of the values.
        before: value and error.
        now: value and error.
        pull: difference over both errors together.
    """

    pmt: int
    name: str
    unit: str
    before: tuple[float, float]
    now: tuple[float, float]
    pull: float


@dataclass(frozen=True, slots=True)
class ChangedStatus:
    """PMTs whose status changed in the same way.

    Args:
        before: status then.
        now: status now.
        pmts: cable numbers.
    """

    before: str
    now: str
    pmts: tuple[int, ...]


def shifts(calibration: Payload, previous: Payload) -> tuple[Shift, ...]:
    """The change of every constant."""
    both = is_good(calibration) & is_good(previous)
    return tuple(_shift(calibration, previous, quantity.name, both) for quantity in QUANTITIES)


def changed_pmts(calibration: Payload, previous: Payload) -> list[ChangedPmt]:
    """Constants that changed by more than SIGNIFICANT standard deviations, largest first."""
    found = [
        _changed(shift, calibration, previous, pmt)
        for shift in shifts(calibration, previous)
        for pmt in shift.significant.tolist()
    ]
    return sorted(found, key=lambda change: (-abs(change.pull), change.pmt))


def changed_statuses(calibration: Payload, previous: Payload) -> list[ChangedStatus]:
    """PMTs whose status is another, those of the rarest change first."""
    now, before = (payload.columns["status"].values for payload in (calibration, previous))
    found: dict[tuple[str, str], list[int]] = {}
    for pmt in np.flatnonzero(now != before).tolist():
        found.setdefault((str(before[pmt]), str(now[pmt])), []).append(pmt)
    changes = [ChangedStatus(*change, tuple(pmts)) for change, pmts in found.items()]
    return sorted(changes, key=lambda change: (len(change.pmts), change.pmts))


def _shift(
    calibration: Payload, previous: Payload, name: str, both: Bool[np.ndarray, " pmt"]
) -> Shift:
    (now, now_error), (before, before_error) = (
        with_errors(payload, name) for payload in (calibration, previous)
    )
    difference = np.where(both, now - before, np.nan)
    error = np.hypot(now_error, before_error)
    pull = difference / np.where(error > 0, error, np.nan)
    return Shift(name, calibration.columns[name].unit, difference, pull)


def _changed(shift: Shift, calibration: Payload, previous: Payload, pmt: int) -> ChangedPmt:
    (now, now_error), (before, before_error) = (
        with_errors(payload, shift.name) for payload in (calibration, previous)
    )
    return ChangedPmt(
        pmt,
        shift.name,
        shift.unit,
        (float(before[pmt]), float(before_error[pmt])),
        (float(now[pmt]), float(now_error[pmt])),
        float(shift.pull[pmt]),
    )
