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
from kzcal.monitor.crates import Crate, crates
from kzcal.monitor.groups import groups, imposed_by
from kzcal.monitor.noise import Prepared, prepare, scattered
from kzcal.monitor.series import RunRecord, Series, read_record

RELATIVE = ("qe", "time_offset")
"""Constants whose mean over PMTs is a convention, so that what all do together means nothing."""
MOST_APART = 0.4
"""Share of the PMTs that may be set apart as crates."""
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
    known = {
        name: with_crates(series, types, time, config.false_alarms)
        for name, series in record.constants.items()
    }
    prepared = {name: ready for name, (ready, _) in known.items()}
    together = {name: found for name, (_, found) in known.items()}
    divided = {
        name: divide_series(
            record.constants[name],
            ready.series,
            types,
            ready.slope_variance,
            search,
            imposed_by(together[name], ready.series.value.shape),
            ready.taken_off,
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
        for group in groups(
            series.changes, detector.n_pmt, config.group_least, together[series.series.name]
        )
    ]
    alarms = alarms_of(record.status, divided, found, shared.items(), config)
    intervals = propose(record.iovs, alarms, config.boundary_pmts)
    return Stability(record, prepared, divided, shared, alarms, intervals, config)


def with_crates(
    series: Series,
    types: Bool[np.ndarray, "type pmt"],
    time: Float64[np.ndarray, " run"],
    rate: float,
) -> tuple[Prepared, list[Crate]]:
    """A constant prepared, and the crates that move: what all do is asked of the others.

    A crate of many PMTs moves the median of them all a little, so that the rest seems to move the
    other way. So the clearest crate is set apart and the rest looked at again, until none is left.
    """
    apart = np.zeros(series.value.shape[0], bool)
    while True:
        ready = prepare(series, types, time, apart)
        found = crates(ready.series, ready.slope_variance @ types, time, rate)
        fresh = [
            crate for crate in found if not apart[crate.cables[0] : crate.cables[1] + 1].all()
        ]
        if not fresh or apart.mean() > MOST_APART:
            return ready, found
        apart[fresh[0].cables[0] : fresh[0].cables[1] + 1] = True


def _whole_series(
    record: RunRecord,
    prepared: Mapping[str, Prepared],
    detector: Detector,
    types: Bool[np.ndarray, "type pmt"],
) -> dict[str, Series]:
    """Parameters of the whole detector, and what all PMTs of a type do together."""
    series = {words(name): s for name, s in record.shared.items()}
    for name in (name for name in prepared if name not in RELATIVE):
        ready = prepared[name]
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
