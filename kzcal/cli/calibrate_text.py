"""What ``kzcal calibrate`` says in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kzcal.calibrate.run import StoredCalibration
from kzcal.cli.db_text import constants
from kzcal.conditions.iov import RunRange
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import is_good
from kzcal.conditions.summary import ResponseSummary, summarise

NAMED = 8
"""PMTs of a kind that the text names; JSON names all."""


@dataclass(frozen=True, slots=True)
class BadChannel:
    """A PMT that is not good; ``partner`` is the cable it is exchanged with, or None."""

    pmt: int
    status: str
    reason: str
    partner: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A stored calibration in numbers.

    Args:
        file: the events.
        run: their run.
        runs: that the calibration holds for.
        database: where it is.
        tag: in the database.
        tag_is_new: whether the tag was made for it.
        revision: of the tag.
        numbers: events, hits, time and so on, by name, each in the unit of ``units``.
        units: by name.
        response: all PMTs in a few numbers.
        bad: PMTs that are not good.
        compared_with: runs of the calibration before it, if there is one.
        report: the page, if one was asked for.
    """

    file: Path
    run: int
    runs: RunRange
    database: str
    tag: str
    tag_is_new: bool
    revision: int
    numbers: Mapping[str, float]
    units: Mapping[str, str]
    response: ResponseSummary
    bad: tuple[BadChannel, ...]
    compared_with: RunRange | None
    report: Path | None


def summary_of(file: Path, database: str, stored: StoredCalibration) -> Summary:
    """The numbers of a stored calibration."""
    found = stored.measurement
    return Summary(
        file=file,
        run=stored.runs.first,
        runs=stored.runs,
        database=database,
        tag=stored.tag,
        tag_is_new=stored.tag_is_new,
        revision=stored.revision,
        numbers={name: value for name, value, _ in found.numbers},
        units={name: unit for name, _, unit in found.numbers},
        response=summarise(found.response),
        bad=tuple(bad_channels(found.response)),
        compared_with=None if stored.previous is None else stored.previous.runs,
        report=stored.report,
    )


def bad_channels(response: Payload) -> list[BadChannel]:
    """Every PMT that is not good."""
    names = ("status", "reason", "partner")
    columns = [response.columns[name].values for name in names]
    found = []
    for pmt in np.flatnonzero(~is_good(response)).tolist():
        status, reason, partner = (column[pmt] for column in columns)
        other = int(partner) if partner >= 0 else None
        found.append(BadChannel(pmt, str(status), str(reason), other))
    return found


def text(summary: Summary) -> str:
    """The numbers in words."""
    n = summary.numbers
    size = f"{n['events']:,} events, {n['hits']:,} hits"
    dropped = f"{n['hits dropped']:,} hits dropped because time or charge is not a number"
    lines = [f"run {summary.run} of {summary.file}: {size}; {dropped}"]
    lines.append(constants(summary.response))
    for status in sorted({channel.status for channel in summary.bad}):
        named = [_named(channel) for channel in summary.bad if channel.status == status]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        lines.append(f"{status}: PMT {', '.join(named[:NAMED])}{more}")
    if summary.tag_is_new:
        lines.append(f"tag {summary.tag} was not there and has been made; it is open")
    lines.append(
        f"stored for {summary.runs} as revision {summary.revision} of tag {summary.tag} "
        f"in {summary.database}"
    )
    if summary.report is not None:
        lines.append(f"wrote {summary.report}")
    return "\n".join(lines)


def _named(channel: BadChannel) -> str:
    return f"{channel.pmt}" + ("" if channel.partner is None else f" (with {channel.partner})")
