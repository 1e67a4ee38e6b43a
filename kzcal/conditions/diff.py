"""What differs between two tags, two revisions or two runs: IOVs first, then the constants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Shaped

from kzcal.conditions.iov import IOV, Difference, RunRange, compare
from kzcal.conditions.payload import Payload
from kzcal.errors import ConfigurationError

if TYPE_CHECKING:
    from kzcal.conditions.database import Database

SIDE = re.compile(r"(?P<tag>[^@:]+)(@(?P<revision>\d+))?(:(?P<run>\d+))?")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Args:
        tag: name of the tag.
        revision: as this revision left it; None for the newest.
        run: what holds for this run; None for all runs.
    """

    tag: str
    revision: int | None = None
    run: int | None = None

    @classmethod
    def parse(cls, text: str) -> Side:
        """The side that ``TAG``, ``TAG@REVISION``, ``TAG:RUN`` or ``TAG@REVISION:RUN`` names.

        Raises:
            ConfigurationError: the text is none of these.
        """
        found = SIDE.fullmatch(text)
        if found is None:
            message = f"a side of a diff reads TAG[@REVISION][:RUN], got {text!r}"
            raise ConfigurationError(message)
        revision, run = found["revision"], found["run"]
        return cls(found["tag"], int(revision) if revision else None, int(run) if run else None)

    def __str__(self) -> str:
        """The text that parse reads."""
        revision = "" if self.revision is None else f"@{self.revision}"
        return f"{self.tag}{revision}" + ("" if self.run is None else f":{self.run}")


@dataclass(frozen=True, slots=True)
class Largest:
    """The most significant change of one quantity.

    Args:
        kind: kind of the payloads.
        quantity: column, or ``globals.NAME`` for a global parameter.
        unit: of the quantity.
        runs: where it changed.
        index: PMT; None for a global parameter.
        left: value on the left.
        right: value on the right.
        significance: right - left over the quadratic sum of both errors.
        changed: number of values of the quantity that differ, over all runs.
    """

    kind: str
    quantity: str
    unit: str
    runs: RunRange
    index: int | None
    left: float
    right: float
    significance: float
    changed: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A PMT whose status differs."""

    runs: RunRange
    pmt: int
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two sides.

    Args:
        left: one side.
        right: the other.
        iovs: runs for which the payloads differ.
        quantities: the most significant change of each quantity, largest first.
        statuses: PMTs whose status differs.
    """

    left: Side
    right: Side
    iovs: tuple[Difference, ...]
    quantities: tuple[Largest, ...]
    statuses: tuple[StatusChange, ...]


def diff(db: Database, left: Side, right: Side) -> Diff:
    """Compare two sides of an open database; a run given on one side alone counts for both.

    Raises:
        DatabaseError: a tag, revision or payload is not there.
    """
    iovs = tuple(_differences(db, left, right))
    largest: dict[tuple[str, str], Largest] = {}
    statuses: list[StatusChange] = []
    for found in iovs:
        if found.left is None or found.right is None:
            continue
        a, b = db.payload(found.left), db.payload(found.right)
        statuses += _statuses(found.runs, a, b)
        for change in _changes(found, a, b):
            key = (change.kind, change.quantity)
            largest[key] = _larger(largest[key], change) if key in largest else change
    ranked = sorted(largest.values(), key=lambda change: -abs(change.significance))
    return Diff(left, right, iovs, tuple(ranked), tuple(statuses))


def _differences(db: Database, left: Side, right: Side) -> Iterator[Difference]:
    sides = [_by_kind(db, side) for side in (left, right)]
    runs = [left.run if left.run is not None else right.run]
    runs.append(right.run if right.run is not None else left.run)
    for kind in sorted({*sides[0], *sides[1]}):
        a, b = (side.get(kind, []) for side in sides)
        if runs[0] is None or runs[1] is None:
            yield from compare(a, b)
            continue
        held = [
            next((iov.payload for iov in side if run is not None and run in iov.runs), None)
            for side, run in zip((a, b), runs, strict=True)
        ]
        if held[0] != held[1]:
            yield Difference(kind, RunRange(runs[0], runs[0]), held[0], held[1])


def _by_kind(db: Database, side: Side) -> dict[str, list[IOV]]:
    iovs = db.iovs(side.tag, revision=side.revision)
    return {kind: list(group) for kind, group in groupby(iovs, key=lambda iov: iov.kind)}


def _changes(found: Difference, left: Payload, right: Payload) -> Iterator[Largest]:
    """The largest change of each quantity that both payloads have with errors."""
    for name, a in left.columns.items():
        b = right.columns.get(name)
        if b is None or a.errors is None or b.errors is None or a.values.shape != b.values.shape:
            continue
        values = a.values.ravel(), b.values.ravel()
        errors = np.hypot(a.errors, b.errors).ravel()
        yield from _largest(found, name, a.unit, *values, errors)
    one, two = left.globals, right.globals
    if one is None or two is None:
        return
    for name in one.names:
        if name in two.names:
            i, j = one.names.index(name), two.names.index(name)
            error = np.hypot(one.errors[i], two.errors[j])
            sides = np.array([one.values[i]]), np.array([two.values[j]])
            yield from _largest(found, f"globals.{name}", one.units[i], *sides, np.array([error]))


def _largest(
    found: Difference,
    name: str,
    unit: str,
    left: Shaped[np.ndarray, " n"],
    right: Shaped[np.ndarray, " n"],
    errors: Float64[np.ndarray, " n"],
) -> Iterator[Largest]:
    """The most significant change among values that both sides know; infinite without errors."""
    change = np.nan_to_num(right.astype(np.float64) - left.astype(np.float64))
    if not change.any():
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        significance = np.nan_to_num(change / errors, nan=0.0, posinf=np.inf, neginf=-np.inf)
    i = int(np.argmax(np.abs(significance)))
    index = None if name.startswith("globals.") else i
    sides = float(left[i]), float(right[i])
    changed = int(np.count_nonzero(change))
    yield Largest(
        found.kind, name, unit, found.runs, index, *sides, float(significance[i]), changed
    )


def _larger(a: Largest, b: Largest) -> Largest:
    """The more significant of two changes of one quantity, counting both."""
    larger = a if abs(a.significance) >= abs(b.significance) else b
    return replace(larger, changed=a.changed + b.changed)


def _statuses(runs: RunRange, left: Payload, right: Payload) -> Iterator[StatusChange]:
    a, b = left.columns.get("status"), right.columns.get("status")
    if a is None or b is None or a.values.shape != b.values.shape:
        return
    for pmt in np.flatnonzero(a.values != b.values):
        yield StatusChange(runs, int(pmt), str(a.values[pmt]), str(b.values[pmt]))
