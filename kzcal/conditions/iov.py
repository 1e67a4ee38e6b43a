"""Intervals of validity by run range, and what may be done with them; nothing here is stored.

The IOVs of one kind in one tag never overlap. ``place`` keeps that law: what would overlap is
refused, or the older IOVs are split explicitly.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kzcal.errors import DatabaseError

LAST_RUN = 2**31 - 1
"""The largest run number."""


@dataclass(frozen=True, slots=True)
class RunRange:
    """Consecutive runs, both ends included.

    Args:
        first: first run.
        last: last run, or None for every run from the first onwards.

    Raises:
        DatabaseError: a run number is no whole number of 0 to LAST_RUN, or last < first.
    """

    first: int
    last: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", _run(self.first))
        if self.last is not None:
            object.__setattr__(self, "last", _run(self.last))
        if self.end < self.first:
            message = f"a run range ends where it begins or later, got {self.first} to {self.last}"
            raise DatabaseError(message)

    @property
    def end(self) -> int:
        """The last run that there can be in the range."""
        return LAST_RUN if self.last is None else self.last

    def __contains__(self, run: int) -> bool:
        """Whether the run is in the range."""
        return self.first <= run <= self.end

    def overlaps(self, other: RunRange) -> bool:
        """Whether one run at least is in both."""
        return self.first <= other.end and other.first <= self.end

    def __str__(self) -> str:
        """The range in words: ``run 15001``, ``runs 15001 to 15010`` or ``runs 15001 onwards``."""
        if self.last is None:
            return f"runs {self.first} onwards"
        if self.last == self.first:
            return f"run {self.first}"
        return f"runs {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class IOV:
    """The runs for which a payload holds.

    Args:
        kind: kind of the payload.
        runs: where it holds.
        payload: SHA-256 of the payload's bytes.
        revision: revision of the tag that brought it; 0 before it is stored.
    """

    kind: str
    runs: RunRange
    payload: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What one revision does to the IOVs of a tag."""

    removed: tuple[IOV, ...] = ()
    added: tuple[IOV, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Runs for which two sets of IOVs give different payloads; None where one gives none."""

    kind: str
    runs: RunRange
    left: str | None
    right: str | None


def ordered(iovs: Sequence[IOV]) -> list[IOV]:
    """By kind, then by run."""
    return sorted(iovs, key=lambda iov: (iov.kind, iov.runs.first))


def at(iovs: Sequence[IOV], run: int) -> IOV | None:
    """The IOV that covers a run, of IOVs of one kind in order of runs; None in a gap."""
    below = bisect_right(iovs, run, key=lambda iov: iov.runs.first)
    return iovs[below - 1] if below and run in iovs[below - 1].runs else None


def gaps(iovs: Sequence[IOV]) -> tuple[RunRange, ...]:
    """Runs that no IOV covers between the first and the last of one kind, in order of runs."""
    pairs = pairwise(iovs)
    return tuple(
        RunRange(low.runs.end + 1, high.runs.first - 1)
        for low, high in pairs
        if low.runs.end + 1 < high.runs.first
    )


def overlaps(iovs: Sequence[IOV]) -> tuple[tuple[IOV, IOV], ...]:
    """Neighbours of one kind, in order of runs, that claim a run both."""
    pairs = pairwise(iovs)
    return tuple((low, high) for low, high in pairs if low.runs.overlaps(high.runs))


def place(existing: Sequence[IOV], new: Sequence[IOV], *, split: bool, where: str) -> Change:
    """Put new IOVs among existing ones of the same kind.

    Args:
        existing: no two overlap; those far from the new ones may be left out.
        new: to be placed.
        split: shorten or cut older IOVs that overlap; otherwise an overlap is refused.
        where: names the tag in an error.

    Raises:
        DatabaseError: two new IOVs overlap, or one overlaps an older and split is false.
    """
    new = ordered(new)
    for low, high in overlaps(new):
        message = (
            f"IOVs that are stored together must not overlap, got {low.runs} and {high.runs} "
            f"of {high.kind} for {where}"
        )
        raise DatabaseError(message)
    starts, ends = [iov.runs.first for iov in new], [iov.runs.end for iov in new]
    removed, kept = [], []
    for old in ordered(existing):
        cuts = new[bisect_left(ends, old.runs.first) : bisect_right(starts, old.runs.end)]
        if not cuts:
            continue
        if not split:
            message = (
                f"IOVs of one kind must not overlap, got {cuts[0].runs} over {old.runs} of "
                f"{old.kind} in {where}: choose other runs, cut the older IOV with --on-overlap "
                f"split, or take it back with `kzcal db rollback`"
            )
            raise DatabaseError(message)
        removed.append(old)
        kept += [replace(old, runs=part) for part in _remainder(old.runs, cuts)]
    return Change(tuple(removed), tuple(ordered([*kept, *new])))


def change_between(current: Sequence[IOV], target: Sequence[IOV]) -> Change:
    """What turns the current IOVs into the target ones; equal ones stay as they are."""
    have = {(iov.kind, iov.runs, iov.payload): iov for iov in current}
    want = {(iov.kind, iov.runs, iov.payload): iov for iov in target}
    removed = [iov for key, iov in have.items() if key not in want]
    added = [iov for key, iov in want.items() if key not in have]
    return Change(tuple(ordered(removed)), tuple(ordered(added)))


def compare(left: Sequence[IOV], right: Sequence[IOV]) -> tuple[Difference, ...]:
    """Where two sets of IOVs of one kind, in order of runs, give different payloads."""
    differences: list[Difference] = []
    for runs in _segments([*left, *right]):
        a, b = (_payload(at(side, runs.first)) for side in (left, right))
        if a == b:
            continue
        before = differences[-1] if differences else None
        if before and before.runs.end + 1 == runs.first and (before.left, before.right) == (a, b):
            differences[-1] = replace(before, runs=RunRange(before.runs.first, runs.last))
        else:
            differences.append(Difference((*left, *right)[0].kind, runs, a, b))
    return tuple(differences)


def _payload(iov: IOV | None) -> str | None:
    return None if iov is None else iov.payload


def _run(number: int) -> int:
    try:
        run = operator.index(number)
    except TypeError:
        run = -1
    if not 0 <= run <= LAST_RUN:
        message = f"a run is a whole number of 0 to {LAST_RUN}, got {number!r}"
        raise DatabaseError(message)
    return run


def _remainder(runs: RunRange, cuts: Sequence[IOV]) -> Iterator[RunRange]:
    """What is left of a range beside the IOVs that overlap it, in order of runs."""
    first = runs.first
    for cut in cuts:
        if first < cut.runs.first:
            yield RunRange(first, cut.runs.first - 1)
        if cut.runs.end >= runs.end:
            return
        first = cut.runs.end + 1
    yield RunRange(first, runs.last)


def _segments(iovs: Sequence[IOV]) -> Iterator[RunRange]:
    """Stretches of runs in which no IOV begins or ends, from the first run to the last."""
    edges = {iov.runs.first for iov in iovs} | {iov.runs.end + 1 for iov in iovs}
    points = sorted(edges)
    for first, after in pairwise(points):
        yield RunRange(first, None if after > LAST_RUN else after - 1)
