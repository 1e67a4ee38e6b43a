"""The proposed intervals of validity made into payloads, and put into a tag of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

import kzcal
from kzcal.calibrate.pulse_steps import OWN_BOUNDS
from kzcal.calibrate.timing.pmts import SPREADS
from kzcal.conditions import writing
from kzcal.conditions.database import Database
from kzcal.conditions.iov import IOV, at
from kzcal.conditions.payload import Column, GlobalBlock, InputFile, Lineage, Payload
from kzcal.conditions.quantities import ALONE, GLOBAL_FIT, GOOD, PRIOR, QUANTITIES, RESPONSE
from kzcal.conditions.writing import Placement
from kzcal.errors import DatabaseError
from kzcal.geometry import Detector
from kzcal.monitor.averages import Average, average, majority, pooled, weighted_together
from kzcal.monitor.boundaries import Interval
from kzcal.monitor.noise import FEWEST, NORMAL, Prepared
from kzcal.monitor.watch import Stability

DESCRIPTION = "averages of runs between change points, made by kzcal monitor"
BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"gain": OWN_BOUNDS[0], "spe_width": OWN_BOUNDS[1], "tts": (SPREADS[0], SPREADS[-1])}
)
DRAWN = ("gain", "spe_width", "tts")
"""Constants that have a population as prior."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Where averages were stored.

    Args:
        tag: that holds them.
        revision: of that tag.
        written: whether this made the revision; otherwise the tag held the same already.
        intervals: number of intervals of validity.
    """

    tag: str
    revision: int
    written: bool
    intervals: int


def apply(db: Database, stability: Stability, detector: Detector, tag: str) -> Applied:
    """Store the averages over the proposed intervals in one transaction.

    A tag that an earlier watch filled keeps its history: what overlaps is cut by a new revision.

    Args:
        db: the open database.
        stability: what was found.
        detector: that it was made for.
        tag: to store into; made, open, if there is none of that name.

    Raises:
        DatabaseError: the tag is that of the runs, is not open, or holds anything else.
    """
    record = stability.record
    _check_target(db, tag, record.tag)
    placements = _placements(db, stability, detector)
    sealed = {(s.iov.kind, s.iov.runs, s.iov.payload) for s in writing.seal(placements, tag)}
    n = len(stability.intervals)
    if tag in {found.name for found in db.tags()}:
        held = {(iov.kind, iov.runs, iov.payload) for iov in db.iovs(tag)}
        if held == sealed:
            return Applied(tag, db.tag(tag).revision, False, n)
    message = f"averages of {record.tag}, revision {record.revision}, between change points"
    revision = db.store_all(tag, placements, message, "split", description=DESCRIPTION)
    return Applied(tag, revision, True, n)


def _placements(db: Database, stability: Stability, detector: Detector) -> list[Placement]:
    """Averages over every interval: constants of PMTs, and the global fit if all runs have one."""
    record = stability.record
    payloads = [db.payload(iov.payload) for iov in record.iovs]
    fits = db.iovs(record.tag, GLOBAL_FIT, record.revision)
    held = [at(fits, iov.runs.first) for iov in record.iovs]
    placements = []
    for interval in stability.intervals:
        averages = averaged(stability, detector, payloads, interval)
        rows = slice(interval.first, interval.last + 1)
        mine = [fit for fit in held[rows] if fit is not None]
        if len(mine) == len(payloads[rows]):
            runs = [db.payload(iov.payload) for iov in mine]
            fit = averaged_fit(runs, mine, stability, interval)
            if fit is not None:
                averages = as_fitted(averages, fit, payloads[rows], runs)
                placements.append(Placement(interval.runs, fit))
        placements.append(Placement(interval.runs, averages))
    return placements


def averaged_fit(
    payloads: Sequence[Payload], iovs: Sequence[IOV], stability: Stability, interval: Interval
) -> Payload | None:
    """The global fit over the runs of an interval, with its slopes; None if names differ.

    A slope that a run does not state is zero.

    Args:
        payloads: one for each run.
        iovs: where they are from.
        stability: the whole record.
        interval: the runs.
    """
    block = _block(payloads)
    if block is None:
        return None
    columns = {}
    for name in dict.fromkeys(name for payload in payloads for name in payload.columns):
        held = [payload.columns[name] for payload in payloads if name in payload.columns]
        if "_by_" in name or (name == PRIOR and len(held) == len(payloads)):
            total = np.sum([column.values for column in held], axis=0)
            columns[name] = Column(total / len(payloads), held[0].unit, held[0].doc)
    return Payload(GLOBAL_FIT, columns, block, _lineage(stability, interval, iovs))


def as_fitted(
    averages: Payload, fit: Payload, parts: Sequence[Payload], fits: Sequence[Payload]
) -> Payload:
    """Averages whose parameters that came from the runs' fits are those of the averaged fit.

    Errors of these are in part those of priors, which all runs share.

    Args:
        averages: constants of every PMT.
        fit: the averaged fit.
        parts: calibrations of the runs.
        fits: their global fits.
    """
    block, source = averages.globals, fit.globals
    if block is None or source is None:
        return averages
    runs = [(part.globals, one.globals) for part, one in zip(parts, fits, strict=True)]
    taken = [
        name
        for name in block.names
        if name in source.names
        and all(mine and its and mine.named[name] == its.named[name] for mine, its in runs)
    ]
    rows, others = ([known.names.index(name) for name in taken] for known in (block, source))
    values, covariance = block.values.copy(), block.covariance.copy()
    values[rows] = source.values[others]
    covariance[rows, :] = covariance[:, rows] = 0.0
    covariance[np.ix_(rows, rows)] = source.covariance[np.ix_(others, others)]
    return replace(averages, globals=replace(block, values=values, covariance=covariance))


def _check_target(db: Database, tag: str, watched: str) -> None:
    if tag == watched:
        message = (
            f"averages go into a tag of their own, got {tag!r}, which holds the runs that they "
            "are made from: name another with --into"
        )
        raise DatabaseError(message)
    for found in db.tags():
        if found.name == tag and found.description != DESCRIPTION:
            message = (
                f"averages go into a tag that kzcal monitor made, got {tag!r} "
                f"({found.description}): name another with --into"
            )
            raise DatabaseError(message)


def averaged(
    stability: Stability, detector: Detector, payloads: Sequence[Payload], interval: Interval
) -> Payload:
    """The constants of every PMT over the runs of an interval.

    Args:
        stability: the whole record.
        detector: the PMTs.
        payloads: calibrations of all runs of the record.
        interval: which of them to average.
    """
    record = stability.record
    rows = slice(interval.first, interval.last + 1)
    status = majority(record.status[:, rows])
    chosen = np.zeros(record.status.shape, bool)
    chosen[:, rows] = record.status[:, rows] == status[:, None]
    part, used = payloads[rows], record.iovs[rows]
    columns = _status_columns(part, status, chosen[:, rows])
    kind = np.searchsorted(np.unique(detector.diameter_inch), detector.diameter_inch)
    for quantity in QUANTITIES:
        series = record.constants[quantity.name]
        common = scatter_together(stability.prepared[quantity.name], counted=series.counted)
        found = average(series, chosen, kind, common)
        if quantity.name in DRAWN and _without_population(part, quantity.name):
            columns[f"{quantity.name}{ALONE}"] = Column(
                found.value, quantity.unit, f"{quantity.doc}, no population asked", found.error
            )
            found = within(pooled(found, kind, status == GOOD, common), kind, quantity.name)
        columns[quantity.name] = Column(found.value, quantity.unit, quantity.doc, found.error)
        columns[f"{quantity.name}_runs"] = Column(
            found.runs, "1", f"runs that {quantity.name} rests on"
        )
    return Payload(RESPONSE, columns, _block(part), _lineage(stability, interval, used))


def within(found: Average, kind: np.ndarray, name: str) -> Average:
    """Averages within the bounds that a calibration keeps: the spreads' are of their type."""
    low, high = np.full((2, len(kind)), np.nan)
    for k in np.unique(kind):
        members = kind == k
        middle = float(np.nanmedian(found.value[members])) if name == "tts" else 1.0
        low[members], high[members] = (middle * bound for bound in BOUNDS[name])
    return replace(found, value=np.clip(found.value, low, high))


def _without_population(payloads: Sequence[Payload], name: str) -> bool:
    return all(f"{name}{ALONE}" in payload.columns for payload in payloads)


def scatter_together(prepared: Prepared, *, counted: bool) -> dict[int, float]:
    """How much the PMTs of each type move together from run to run, beyond chance."""
    found = {}
    for row, value in enumerate(prepared.common.value):
        steps = np.diff(value)
        steps = np.abs(steps[np.isfinite(steps)])
        spread = NORMAL * float(np.median(steps)) / np.sqrt(2) if len(steps) >= FEWEST else 0.0
        level = float(np.nanmedian(value)) if np.isfinite(value).any() else 0.0
        found[row] = 2 * abs(level) * spread if counted else spread
    return found


def _status_columns(
    payloads: Sequence[Payload], status: np.ndarray, chosen: np.ndarray
) -> dict[str, Column]:
    """Status, and of the last run that has it the reason and the partner."""
    last = np.where(chosen, np.arange(chosen.shape[1]), -1).max(1)
    columns = {"status": Column(status, "", "good, or what is wrong")}
    for name, doc, unit in (
        ("reason", "why a PMT is not good", ""),
        ("partner", "cable it is exchanged with, -1 for none", "1"),
    ):
        if all(name in payload.columns for payload in payloads):
            table = np.stack([payload.columns[name].values for payload in payloads], axis=1)
            columns[name] = Column(table[np.arange(len(last)), last], unit, doc)
    return columns


def _block(payloads: Sequence[Payload]) -> GlobalBlock | None:
    """Parameters of the whole detector, averaged with their covariances."""
    blocks = [payload.globals for payload in payloads]
    first = blocks[0]
    if first is None or any(block is None or block.names != first.names for block in blocks):
        return None
    known = [block for block in blocks if block is not None]
    mean, covariance = weighted_together(
        [block.values for block in known], [block.covariance for block in known], _priors(payloads)
    )
    return GlobalBlock(first.names, mean, first.units, covariance, first.docs)


def _priors(payloads: Sequence[Payload]) -> list[np.ndarray] | None:
    """What each global fit took for known of its parameters; None where it is not stored."""
    if any(PRIOR not in payload.columns for payload in payloads):
        return None
    return [payload.columns[PRIOR].values for payload in payloads]


def _lineage(stability: Stability, interval: Interval, used: Sequence[IOV]) -> Lineage:
    record = stability.record
    inputs = tuple(InputFile(f"{record.tag}:{iov.runs.first}", iov.payload) for iov in used)
    settings: Mapping[str, object] = stability.config.as_dict() | {
        "command": "kzcal monitor --apply",
        "tag": record.tag,
        "revision": record.revision,
        "detector": record.detector,
        "run": interval.runs.first,
        "reasons": list(interval.reasons),
    }
    return Lineage(inputs, kzcal.__version__, {}, settings, stability.config.seed)
