"""What each kind of revision does to a tag, inside the transaction that writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from kzcal.conditions import ledger, schema
from kzcal.conditions.canonical import sha256
from kzcal.conditions.hdf5 import encode
from kzcal.conditions.iov import IOV, Change, RunRange, change_between, ordered, place
from kzcal.conditions.payload import Payload
from kzcal.conditions.payload_store import PayloadStore
from kzcal.conditions.quantities import check_kind
from kzcal.conditions.timeline import check_revision, live
from kzcal.conditions.validation import check_name
from kzcal.errors import ConfigurationError, DatabaseError

OnOverlap = Literal["refuse", "split"]
STEPS = {ledger.LOCKED: "lock", ledger.FROZEN: "freeze"}
"""The action that leads to a state."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A payload and the runs for which it shall hold."""

    runs: RunRange
    payload: Payload


@dataclass(frozen=True, slots=True)
class Sealed:
    """A placement whose payload has become bytes with an address."""

    iov: IOV
    content: bytes


def seal(placements: Sequence[Placement], tag: str) -> tuple[Sealed, ...]:
    """Check and encode payloads that are to be stored in a tag.

    Raises:
        DatabaseError: there is none, or one is not what its kind promises.
    """
    if not placements:
        message = f"a store needs one payload at least, got none for tag {tag!r}"
        raise DatabaseError(message)
    contents: dict[int, bytes] = {}
    sealed = []
    for placement in placements:
        payload = placement.payload
        if id(payload) not in contents:
            check_kind(payload, f"{placement.runs}, tag {tag}")
            contents[id(payload)] = encode(payload)
        content = contents[id(payload)]
        sealed.append(Sealed(IOV(payload.kind, placement.runs, sha256(content)), content))
    return tuple(sealed)


def create(connection: Connection, name: str, description: str, where: str) -> None:
    """The first revision of a new, open tag.

    Raises:
        DatabaseError: the name is malformed or taken.
    """
    if not ensure(connection, name, description):
        message = f"a tag is created once, got {name!r}, which {where} has: choose another name"
        raise DatabaseError(message)


def ensure(connection: Connection, name: str, description: str) -> bool:
    """Make an open tag if there is none of that name; returns whether it was made.

    Raises:
        DatabaseError: the name is malformed.
    """
    check_name("tag", name)
    row = {"name": name, "description": description}
    insert = _insert_if_absent(connection, schema.tags).returning(schema.tags.c.name)
    if connection.execute(insert, row).one_or_none() is None:
        return False
    unborn = ledger.Tag(name, description, "", 0, ledger.foundation(name, description))
    ledger.append(connection, unborn, "create", ledger.OPEN, description, Change())
    return True


def advance(connection: Connection, tag: ledger.Tag, state: str, message: str) -> int:
    """Lock or freeze a tag.

    Raises:
        DatabaseError: the tag is there already, or further.
    """
    if ledger.STATES.index(state) <= ledger.STATES.index(tag.state):
        reason = (
            f"a tag goes from open to locked to frozen and never back, "
            f"got {STEPS[state]} for {tag.name!r}, which is {tag.state}"
        )
        raise DatabaseError(reason)
    return ledger.append(connection, tag, STEPS[state], state, message, Change())


def plan(
    connection: Connection,
    name: str,
    new: Sequence[IOV],
    on_overlap: OnOverlap,
    where: str,
    *,
    absent: bool,
) -> Change:
    """The change that puts new IOVs into a tag, which may be made for them if ``absent``.

    Raises:
        DatabaseError: see plan_store; or there is no such tag, or its name is malformed.
    """
    if absent and not ledger.exists(connection, name):
        check_name("tag", name)
        return Change(added=tuple(new))
    return plan_store(connection, ledger.head(connection, name, where), new, on_overlap)


def plan_store(
    connection: Connection, tag: ledger.Tag, new: Sequence[IOV], on_overlap: OnOverlap
) -> Change:
    """The change that puts new IOVs into a tag.

    Raises:
        DatabaseError: the tag is frozen, or IOVs would overlap and must not be split.
        ConfigurationError: on_overlap is no choice.
    """
    if on_overlap not in ("refuse", "split"):
        message = f"on_overlap must be refuse or split, got {on_overlap!r}"
        raise ConfigurationError(message)
    if tag.state == ledger.FROZEN:
        message = f"a frozen tag never changes, got a store to {tag.name!r}: use another tag"
        raise DatabaseError(message)
    if tag.state == ledger.LOCKED and on_overlap == "split":
        message = (
            f"a locked tag keeps its IOVs as they are, got on_overlap='split' for {tag.name!r}: "
            f"store to runs that it does not cover, or to another tag"
        )
        raise DatabaseError(message)
    changes = [
        _plan_kind(connection, tag, list(group), split=on_overlap == "split")
        for _, group in groupby(ordered(new), key=lambda iov: iov.kind)
    ]
    removed = (iov for change in changes for iov in change.removed)
    return Change(tuple(removed), tuple(iov for change in changes for iov in change.added))


def store(
    connection: Connection,
    tag: ledger.Tag,
    sealed: Sequence[Sealed],
    payload_store: PayloadStore,
    message: str,
    on_overlap: OnOverlap,
) -> int:
    """Put payloads, which are durable by now, into a tag.

    Raises:
        DatabaseError: see plan_store.
    """
    change = plan_store(connection, tag, [item.iov for item in sealed], on_overlap)
    _insert_payloads(connection, payload_store, sealed)
    return ledger.append(connection, tag, "store", tag.state, message, change)


def roll_back(connection: Connection, tag: ledger.Tag, revision: int, message: str) -> int:
    """A new revision with the IOVs that an earlier one left.

    Raises:
        DatabaseError: the tag is not open, or has no such earlier revision.
    """
    if tag.state != ledger.OPEN:
        reason = (
            f"a rollback changes what a tag says of its runs and needs an open tag, "
            f"got {tag.name!r}, which is {tag.state}: use another tag"
        )
        raise DatabaseError(reason)
    check_revision(tag, revision)
    if revision == tag.revision:
        reason = f"a rollback goes to an earlier revision, got {revision}, the newest"
        raise DatabaseError(reason)
    current = live(connection, tag.name)
    target = live(connection, tag.name, revision=revision)
    change = change_between(current, target)
    return ledger.append(connection, tag, "rollback", tag.state, message, change)


def _plan_kind(
    connection: Connection, tag: ledger.Tag, new: Sequence[IOV], *, split: bool
) -> Change:
    """The change for IOVs of one kind, in order of runs."""
    last = None if any(iov.runs.last is None for iov in new) else new[-1].runs.last
    span = RunRange(new[0].runs.first, last)
    existing = live(connection, tag.name, kind=new[0].kind, touching=span)
    where = f"tag {tag.name!r} ({tag.state}, revision {tag.revision})"
    return place(existing, new, split=split, where=where)


def _insert_payloads(
    connection: Connection, payload_store: PayloadStore, sealed: Sequence[Sealed]
) -> None:
    """Enter payloads into the catalogue; one that is there already stays as it is.

    Addresses are inserted in order, so that two writers cannot wait for each other.
    """
    rows = {
        item.iov.payload: {
            "hash": item.iov.payload,
            "size": len(item.content),
            "content": payload_store.column(item.content),
        }
        for item in sealed
    }
    insert = _insert_if_absent(connection, schema.payloads)
    connection.execute(insert, [rows[digest] for digest in sorted(rows)])


def _insert_if_absent(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()
