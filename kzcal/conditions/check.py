"""The whole database verified: structure, history, overlaps, gaps and every payload byte.

A problem is something that must not be; a note is harmless (what a killed process left beside
the catalogue); a gap is a run between two IOVs that none covers, which may be meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, select

from kzcal.conditions import iov as algebra
from kzcal.conditions import schema
from kzcal.conditions.canonical import sha256
from kzcal.conditions.iov import IOV, RunRange
from kzcal.conditions.ledger import STATES, Revision, Tag, chained, foundation, heads, history
from kzcal.conditions.payload_store import SUFFIX, UNFINISHED, PayloadFiles, PayloadStore
from kzcal.conditions.timeline import live
from kzcal.errors import DatabaseError

ADDRESS = re.compile(r"[0-9a-f]{64}")
ACTIONS = ("create", "store", "rollback", "lock", "freeze")
Reading = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Gap:
    """Runs between two IOVs of a kind that none covers."""

    tag: str
    kind: str
    runs: RunRange


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    Args:
        tags: the state that the database is in: each tag with its newest revision and the hash
            of its history.
        problems: what must not be, one sentence each.
        notes: what is harmless.
        gaps: runs without an IOV.
        iovs: number of IOVs in force, of all tags.
        payloads: number of payloads whose bytes were verified.
    """

    tags: tuple[Tag, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    gaps: tuple[Gap, ...]
    iovs: int
    payloads: int

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(reading: Reading, payload_store: PayloadStore, name: str) -> CheckReport:
    """Verify a database.

    Args:
        reading: begins a transaction that sees one state.
        payload_store: of the database.
        name: of the database, for sentences.
    """
    try:
        with reading() as connection:
            problems = list(_structure(connection))
            tags = heads(connection)
            force = {tag.name: live(connection, tag.name) for tag in tags}
            for tag in tags:
                problems += _ledger_problems(tag, history(connection, tag.name), force[tag.name])
            problems += _orphan_tags(connection, tags)
            sizes = {row.hash: row.size for row in connection.execute(_SIZES)}
    except DatabaseError as error:
        return CheckReport((), (f"the catalogue cannot be read: {error}",), (), (), 0, 0)
    problems += _payload_problems(reading, payload_store, sizes)
    notes = _notes(payload_store, set(sizes), name)
    found = tuple(gap for tag, iovs in force.items() for gap in _gaps(tag, iovs))
    n_iovs = sum(len(iovs) for iovs in force.values())
    return CheckReport(tags, tuple(problems), tuple(notes), found, n_iovs, len(sizes))


_SIZES = select(schema.payloads.c.hash, schema.payloads.c.size)


def _structure(connection: Connection) -> Iterator[str]:
    """What the database engine itself finds, and whether the tables are those of ``init``."""
    rows = connection.execute(schema.catalogue.select())
    about = {row.key: row.value for row in rows}
    expected = {
        "format": schema.FORMAT,
        "version": schema.VERSION,
        "schema": schema.schema_digest(connection),
    }
    if about != expected:
        yield f"the catalogue describes itself as {about}, but is {expected}"
    if connection.dialect.name != "sqlite":
        return
    for row in connection.exec_driver_sql("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield f"the SQLite file is damaged: {row[0]}"
    for table, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"a row of the table {table} refers to a row that is not there"


def _orphan_tags(connection: Connection, tags: Iterable[Tag]) -> Iterator[str]:
    known = {tag.name for tag in tags}
    for name in connection.execute(select(schema.tags.c.name)).scalars():
        if name not in known:
            yield f"tag {name!r} has no revision"


def _ledger_problems(
    tag: Tag, revisions: Iterable[Revision], in_force: tuple[IOV, ...]
) -> Iterator[str]:
    """A tag's history replayed: the chain, the order of states, and the law of no overlap."""
    digest, state = foundation(tag.name, tag.description), STATES[0]
    alive: set[IOV] = set()
    for expected, revision in enumerate(revisions, start=1):
        where = f"revision {revision.number} of tag {tag.name!r}"
        if revision.number != expected:
            yield f"revision {expected} of tag {tag.name!r} is missing before {where}"
            return
        if revision.digest != chained(digest, revision):
            yield f"{where} is not what was written: a row of it, or before it, was altered"
            return
        if revision.action not in ACTIONS or revision.state not in STATES[STATES.index(state) :]:
            yield f"{where} takes the tag from {state} to {revision.state} by {revision.action}"
            return
        if not alive.issuperset(revision.change.removed):
            yield f"{where} retires an IOV that was not in force"
        alive.difference_update(revision.change.removed)
        alive.update(revision.change.added)
        digest, state = revision.digest, revision.state
    if alive != set(in_force):
        yield f"the IOVs in force of tag {tag.name!r} are not those that its history leaves"
    for kind, group in groupby(algebra.ordered(in_force), key=lambda iov: iov.kind):
        for low, high in algebra.overlaps(list(group)):
            yield f"{low.runs} and {high.runs} of {kind} overlap in tag {tag.name!r}"


def _payload_problems(
    reading: Reading, payload_store: PayloadStore, sizes: dict[str, int]
) -> Iterator[str]:
    """Every payload read back and hashed; transactions are short so that writers can commit."""
    for digest, size in sizes.items():
        if not ADDRESS.fullmatch(str(digest)):
            yield f"a payload is addressed by 64 hexadecimal digits, got {digest!r}"
            continue
        try:
            with reading() as connection:
                content = payload_store.load(connection, digest)
        except DatabaseError as error:
            yield str(error)
            continue
        if sha256(content) != digest:
            yield f"payload {digest} is damaged: its bytes have the hash {sha256(content)}"
        elif len(content) != size:
            yield f"payload {digest} has {len(content)} bytes, the catalogue says {size}"


def _notes(payload_store: PayloadStore, known: set[str], name: str) -> Iterator[str]:
    """Files that no row speaks of: an interrupted store, or one that is under way."""
    if not isinstance(payload_store, PayloadFiles):
        return
    for path in payload_store.files():
        if path.suffix == UNFINISHED:
            yield f"{path} is unfinished: left by a killed process, or being written now"
        elif path.suffix != SUFFIX or path.stem not in known:
            yield f"{path} is not in {name}: left by a store that did not commit, or under way"


def _gaps(tag: str, iovs: tuple[IOV, ...]) -> Iterator[Gap]:
    for kind, group in groupby(iovs, key=lambda iov: iov.kind):
        for runs in algebra.gaps(list(group)):
            yield Gap(tag, kind, runs)
