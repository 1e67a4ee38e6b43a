"""A tag watched over its runs: every constant divided into segments, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64

from kzcal.calibrate.report.digits import words
from kzcal.conditions.database import Database
from kzcal.errors import CalibrationError
from kzcal.geometry import Detector
from kzcal.monitor.alarms import Alarm, alarms_of
from kzcal.monitor.boundaries import Interval, propose
from kzcal.monitor.changes import Divided, Search, alone, divide_series
from kzcal.monitor.config import MonitorConfig
from kzcal.monitor.groups import groups
from kzcal.monitor.noise import Prepared, prepare, scattered
from kzcal.monitor.series import RunRecord, Series, read_record

TYPES = (17, 20)
"""Diameters of the PMT types, inch."""


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """A tag over its runs.

    Args:
        record: what the tag says.
        prepared: constants of the PMTs before the search, by name.
        divided: the same with their segments.
        shared: series of the whole detector with their segments, by what they are called.
        alarms: in order of runs.
        intervals: proposed intervals of validity.
        config: settings.
    """

    record: RunRecord
    prepared: Mapping[str, Prepared]
    divided: Mapping[str, Divided]
    shared: Mapping[str, Divided]
    alarms: tuple[Alarm, ...]
    intervals: tuple[Interval, ...]
    config: MonitorConfig


def watch(
    db: Database,
    tag: str,
    detector: Detector,
    config: MonitorConfig,
    *,
    revision: int | None = None,
    device: torch.device | None = None,
) -> Stability:
    """Find the changes of every constant over the runs of a tag.

    Args:
        db: the open database.
        tag: whose calibrations are compared.
        detector: that they were made for.
        config: settings.
        revision: as this revision left the tag; None for the newest.
        device: where the search is done; None for the CPU.

    Raises:
        CalibrationError: there is no calibration, or those of another detector.
        DatabaseError: there is no such tag or revision, or a payload is damaged.
    """
    record = read_record(db, tag, revision)
    return divided_record(record, detector, config, device or torch.device("cpu"))


def divided_record(
    record: RunRecord, detector: Detector, config: MonitorConfig, device: torch.device
) -> Stability:
    """The same for a record that was read already."""
    if len(record.status) != detector.n_pmt:
        message = (
            f"a calibration has a row for every PMT of its detector, got {len(record.status)} "
            f"rows and {detector.n_pmt} PMTs of {detector.name}: name the detector it was made for"
        )
        raise CalibrationError(message)
    time = np.asarray(record.runs, np.float64)
    types = np.stack([detector.diameter_inch == diameter for diameter in TYPES])
    types = types[types.any(1)]
    search = Search.of(time, config, device)
    prepared = {name: prepare(series, types, time) for name, series in record.constants.items()}
    divided = {
        name: divide_series(
            record.constants[name], ready.series, types, ready.slope_variance, search
        )
        for name, ready in prepared.items()
    }
    shared = {
        what: _whole(series, time, search)
        for what, series in _whole_series(record, prepared, detector, types).items()
    }
    found = [
        group
        for series in divided.values()
        for group in groups(series.changes, detector.n_pmt, config.group_least)
    ]
    alarms = alarms_of(record.status, divided, found, shared.items(), config)
    intervals = propose(record.iovs, alarms, config.boundary_pmts)
    return Stability(record, prepared, divided, shared, alarms, intervals, config)


def _whole_series(
    record: RunRecord,
    prepared: Mapping[str, Prepared],
    detector: Detector,
    types: Bool[np.ndarray, "type pmt"],
) -> dict[str, Series]:
    """Parameters of the whole detector, and what all PMTs of a type do together."""
    series = {words(name): s for name, s in record.shared.items()}
    for name, ready in prepared.items():
        for row, members in enumerate(types):
            diameter = int(detector.diameter_inch[members][0])
            common = ready.common
            one = Series(name, common.unit, common.value[row, None], common.error[row, None])
            series[f"{words(name)} of all {diameter}-inch PMTs"] = _natural(
                one, counted=record.constants[name].counted
            )
    return series


def _natural(steady: Series, *, counted: bool) -> Series:
    """A series of the whole detector in the constant's own unit; it has counts enough."""
    if not counted:
        return steady
    error = 2 * np.abs(steady.value) * steady.error
    return Series(steady.name, steady.unit, steady.value**2, error)


def _whole(series: Series, time: Float64[np.ndarray, " run"], search: Search) -> Divided:
    """A series of the whole detector; no population tells how it drifts."""
    error = scattered(series.value[0], series.error[0])[None]
    steady = Series(series.name, series.unit, series.value, error)
    types = np.ones((1, 1), bool)
    return divide_series(steady, steady, types, alone(steady, time), search)
