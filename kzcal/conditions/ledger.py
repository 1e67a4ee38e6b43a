"""Tags and their revisions: an append-only ledger in which every row vouches for the one before.

A revision's digest is the SHA-256 of everything it says (tag, number, action, state, message,
time, the IOVs it adds and retires) and of the previous digest; the first one stands on the tag's
name and description. Altering any row of the past breaks the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from kzcal.conditions import schema
from kzcal.conditions.canonical import canonical_json, sha256
from kzcal.conditions.iov import IOV, Change, RunRange
from kzcal.errors import DatabaseError

OPEN, LOCKED, FROZEN = "open", "locked", "frozen"
STATES = (OPEN, LOCKED, FROZEN)
"""A tag goes from left to right and never back."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A named set of IOVs as its newest revision left it.

    Args:
        name: what jobs ask for.
        description: what it is for.
        state: open, locked or frozen.
        revision: number of the newest revision.
        digest: hash of the tag's whole history.
    """

    name: str
    description: str
    state: str
    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One step in the life of a tag.

    Args:
        tag: name of the tag.
        number: 1 for its creation.
        action: create, store, rollback, lock or freeze.
        state: of the tag afterwards.
        message: why.
        time: when, UTC, ISO 8601.
        digest: see the module.
        change: IOVs it added and retired.
    """

    tag: str
    number: int
    action: str
    state: str
    message: str
    time: str
    digest: str
    change: Change


def foundation(name: str, description: str) -> str:
    """What the first revision's digest stands on."""
    return sha256(canonical_json({"tag": name, "description": description}, "a tag"))


def chained(previous: str, revision: Revision) -> str:
    """The digest that a revision must have after the previous one."""
    record = {
        "previous": previous,
        "tag": revision.tag,
        "number": revision.number,
        "action": revision.action,
        "state": revision.state,
        "message": revision.message,
        "time": revision.time,
        "added": sorted(_plain(iov) for iov in revision.change.added),
        "removed": sorted([*_plain(iov), iov.revision] for iov in revision.change.removed),
    }
    return sha256(canonical_json(record, "a revision"))


def heads(connection: Connection) -> tuple[Tag, ...]:
    """Every tag, by name."""
    tags, revisions = schema.tags, schema.revisions
    newest = (
        select(revisions.c.tag, func.max(revisions.c.number).label("number"))
        .group_by(revisions.c.tag)
        .subquery()
    )
    is_newest = and_(revisions.c.tag == newest.c.tag, revisions.c.number == newest.c.number)
    query = (
        select(tags, revisions.c.state, revisions.c.number, revisions.c.digest)
        .join(newest, newest.c.tag == tags.c.name)
        .join(revisions, is_newest)
        .order_by(tags.c.name)
    )
    return tuple(Tag(*row) for row in connection.execute(query))


def exists(connection: Connection, name: str) -> bool:
    """Whether there is a tag of that name."""
    find = select(schema.tags.c.name).where(schema.tags.c.name == name)
    return connection.execute(find).first() is not None


def head(connection: Connection, name: str, where: str, *, lock: bool = False) -> Tag:
    """A tag as its newest revision left it.

    Args:
        connection: in a transaction.
        name: of the tag.
        where: names the database in an error.
        lock: keep other writers from the tag until the transaction ends.

    Raises:
        DatabaseError: there is no such tag; the message names those that there are.
    """
    find = select(schema.tags).where(schema.tags.c.name == name)
    row = connection.execute(find.with_for_update() if lock else find).first()
    if row is None:
        known = ", ".join(f"{tag.name} ({tag.state})" for tag in heads(connection)) or "none"
        message = (
            f"a tag must exist, got {name!r} in {where}: the tags are {known}; "
            f"`kzcal db tag create` makes a new one"
        )
        raise DatabaseError(message)
    revisions = schema.revisions.c
    newest = (
        select(revisions.state, revisions.number, revisions.digest)
        .where(revisions.tag == name)
        .order_by(revisions.number.desc())
        .limit(1)
    )
    state, number, digest = connection.execute(newest).one()
    return Tag(row.name, row.description, state, number, digest)


def append(
    connection: Connection, tag: Tag, action: str, state: str, message: str, change: Change
) -> int:
    """Insert the next revision of a tag with the IOVs it adds and retires.

    Args:
        connection: in a transaction that holds the tag's lock.
        tag: its newest revision.
        action: create, store, rollback, lock or freeze.
        state: of the tag afterwards.
        message: why.
        change: the IOVs.

    Returns:
        The revision's number.
    """
    number = tag.revision + 1
    change = replace(change, added=tuple(replace(iov, revision=number) for iov in change.added))
    time = datetime.now(UTC).isoformat(timespec="microseconds")
    unsigned = Revision(tag.name, number, action, state, message, time, "", change)
    row = {
        "tag": tag.name,
        "number": number,
        "action": action,
        "state": state,
        "message": message,
        "time": time,
        "digest": chained(tag.digest, unsigned),
    }
    connection.execute(schema.revisions.insert(), row)
    _insert(connection, schema.iovs, [_iov_row(tag.name, iov) for iov in change.added])
    retired = [_retirement_row(tag.name, number, iov) for iov in change.removed]
    _insert(connection, schema.retirements, retired)
    return number


def history(connection: Connection, tag: str) -> Iterator[Revision]:
    """The revisions of a tag, oldest first, as the rows tell them."""
    added: defaultdict[int, list[IOV]] = defaultdict(list)
    for row in connection.execute(select(schema.iovs).where(schema.iovs.c.tag == tag)):
        added[row.revision].append(iov_of(row))
    removed: defaultdict[int, list[IOV]] = defaultdict(list)
    known = {(i.revision, i.kind, i.runs.first): i for found in added.values() for i in found}
    gone = select(schema.retirements).where(schema.retirements.c.tag == tag)
    for row in connection.execute(gone):
        key = (row.added, row.kind, row.first_run)
        if key not in known:
            message = f"a retirement names an IOV of its tag, got {key} in tag {tag!r}"
            raise DatabaseError(message)
        removed[row.revision].append(known[key])
    revisions = schema.revisions
    query = select(revisions).where(revisions.c.tag == tag).order_by(revisions.c.number)
    for row in connection.execute(query):
        change = Change(tuple(removed[row.number]), tuple(added[row.number]))
        yield Revision(
            tag=row.tag,
            number=row.number,
            action=row.action,
            state=row.state,
            message=row.message,
            time=row.time,
            digest=row.digest,
            change=change,
        )


def iov_of(row: Row[Any]) -> IOV:
    """The IOV of a row of the table iovs.

    Raises:
        DatabaseError: the row was altered into something that is no IOV.
    """
    if not isinstance(row.kind, str) or not isinstance(row.payload, str):
        message = f"an IOV names its kind and payload, got {row.kind!r} and {row.payload!r}"
        raise DatabaseError(message)
    return IOV(row.kind, RunRange(row.first_run, row.last_run), row.payload, row.revision)


def _plain(iov: IOV) -> list[str | int]:
    return [iov.kind, iov.runs.first, -1 if iov.runs.last is None else iov.runs.last, iov.payload]


def _insert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401
    if rows:
        connection.execute(table.insert(), rows)


def _iov_row(tag: str, iov: IOV) -> dict[str, Any]:
    return {
        "tag": tag,
        "revision": iov.revision,
        "kind": iov.kind,
        "first_run": iov.runs.first,
        "last_run": iov.runs.last,
        "payload": iov.payload,
    }


def _retirement_row(tag: str, number: int, iov: IOV) -> dict[str, Any]:
    return {
        "tag": tag,
        "added": iov.revision,
        "kind": iov.kind,
        "first_run": iov.runs.first,
        "revision": number,
    }
