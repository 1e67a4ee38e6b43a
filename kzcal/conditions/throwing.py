"""Replicas put into a database, each under a tag of its own.

A command that takes a database and a tag so takes a replica as it is. Since seed and number decide
a replica, what an interrupted throw has stored already is recognised and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kzcal.conditions.canonical import sha256
from kzcal.conditions.database import Database
from kzcal.conditions.engine import locate
from kzcal.conditions.hdf5 import encode
from kzcal.conditions.iov import LAST_RUN, RunRange
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import GLOBAL_FIT, RESPONSE
from kzcal.conditions.replicas import replicas
from kzcal.errors import DatabaseError


@dataclass(frozen=True, slots=True)
class Thrown:
    """A set of replicas in a database.

    Args:
        database: where it is.
        tags: one per replica, in their order.
        runs: that they hold for.
        stored: number of replicas that were stored now; the others were there already.
        kinds: of the payloads that each has.
    """

    database: str
    tags: tuple[str, ...]
    runs: RunRange
    stored: int
    kinds: tuple[str, ...]


def calibrated(
    db: Database, tag: str, run: int, revision: int | None = None
) -> tuple[list[Payload], RunRange]:
    """What replicas of a run are drawn from, its constants and any global fit, and for which runs.

    Raises:
        DatabaseError: there are no constants for the run; the message says where it looked.
    """
    found = [db.find(tag, RESPONSE, run, revision)]
    found += [fit for fit in db.iovs(tag, GLOBAL_FIT, revision) if run in fit.runs]
    last = min(iov.runs.end for iov in found)
    runs = RunRange(max(iov.runs.first for iov in found), None if last == LAST_RUN else last)
    return [db.payload(iov.payload) for iov in found], runs


def opened(url_or_path: str) -> Database:
    """The database of that name, made with the baseline if it is a file that is not there."""
    path = locate(url_or_path).path
    there = path is None or path.exists()
    return Database.open(url_or_path) if there else Database.init(url_or_path)


def throw(
    payloads: Sequence[Payload],
    out: Database,
    prefix: str,
    runs: RunRange,
    number: int,
    *,
    seed: int,
    advance: Callable[[float], None] = lambda _amount: None,
) -> Thrown:
    """Draw replicas and store each under the tag ``PREFIX-NNN``.

    Args:
        payloads: of different kinds, that hold for the runs.
        out: where replicas are stored.
        prefix: of their tags.
        runs: that they hold for.
        number: of replicas.
        seed: of the set.
        advance: told of every replica.

    Raises:
        DatabaseError: a tag holds something else for these runs.
    """
    taken = {tag.name for tag in out.tags()}
    tags, stored = [], 0
    for index, replica in enumerate(replicas(payloads, range(number), seed=seed)):
        tag = f"{prefix}-{index:03d}"
        if tag in taken:
            _check_same(out, tag, runs, replica)
        else:
            why = f"replica {index} of a set with seed {seed}"
            out.store(tag, runs.first, runs.last, replica, why, description=f"{prefix}: {why}")
            stored += 1
        tags.append(tag)
        advance(1)
    return Thrown(out.name, tuple(tags), runs, stored, tuple(p.kind for p in payloads))


def _check_same(out: Database, tag: str, runs: RunRange, replica: Sequence[Payload]) -> None:
    held = {(iov.kind, iov.runs, iov.payload) for iov in out.iovs(tag)}
    if not held >= {(p.kind, runs, sha256(encode(p))) for p in replica}:
        message = (
            f"a tag of replicas holds one set, got {tag!r} in {out.name}, which holds another or "
            f"none for {runs}: choose another --tag-out or --out, or the seed that it has"
        )
        raise DatabaseError(message)
