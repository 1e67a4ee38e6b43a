"""The IOVs in force: which payload holds for a run, in a tag as any of its revisions left it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from kzcal.conditions import schema
from kzcal.conditions.iov import IOV, RunRange
from kzcal.conditions.ledger import Tag, head, heads, iov_of
from kzcal.errors import DatabaseError


def live(
    connection: Connection,
    tag: str,
    *,
    revision: int | None = None,
    kind: str | None = None,
    touching: RunRange | None = None,
) -> tuple[IOV, ...]:
    """IOVs in force, by kind and run.

    Args:
        connection: in a transaction.
        tag: name of the tag.
        revision: as this revision left the tag; None for the newest.
        kind: of this kind only.
        touching: only those that share a run with this range.
    """
    columns = schema.iovs.c
    query = select(schema.iovs).where(_in_force(tag, revision))
    if kind is not None:
        query = query.where(columns.kind == kind)
    if touching is not None:
        reaches = or_(columns.last_run.is_(None), columns.last_run >= touching.first)
        query = query.where(columns.first_run <= touching.end, reaches)
    rows = connection.execute(query.order_by(columns.kind, columns.first_run))
    return tuple(iov_of(row) for row in rows)


def below(
    connection: Connection, tag: str, kind: str, run: int, revision: int | None
) -> IOV | None:
    """The IOV in force that begins last of those that begin at the run or before it."""
    return _nearest(connection, tag, kind, revision, run=run, above=False)


def above(
    connection: Connection, tag: str, kind: str, run: int, revision: int | None
) -> IOV | None:
    """The IOV in force that begins first of those that begin after the run."""
    return _nearest(connection, tag, kind, revision, run=run, above=True)


def find(
    connection: Connection, where: str, tag: str, kind: str, run: int, revision: int | None
) -> IOV:
    """The IOV in force that covers a run.

    Raises:
        DatabaseError: there is none; the message says where it looked and what there is.
    """
    if revision is not None:
        check_revision(head(connection, tag, where), revision)
    run = RunRange(run, None).first
    iov = below(connection, tag, kind, run, revision)
    if iov is None or run not in iov.runs:
        known = head(connection, tag, where)
        raise explain_absence(connection, where, known, kind, run, revision)
    return iov


def explain_absence(
    connection: Connection, where: str, tag: Tag, kind: str, run: int, revision: int | None
) -> DatabaseError:
    """The error that says where a look-up for a run looked, and what there is instead."""
    number = tag.revision if revision is None else revision
    asked = f"{kind!r} for run {run} in tag {tag.name!r} at revision {number} of {where}"
    kinds = dict.fromkeys(iov.kind for iov in live(connection, tag.name, revision=revision))
    low = below(connection, tag.name, kind, run, revision)
    high = above(connection, tag.name, kind, run, revision)
    if kind not in kinds:
        found = f"the tag holds {', '.join(kinds) or 'no IOV'}"
    else:
        found = (
            f"the nearest IOVs are {low.runs if low else 'none'} below "
            f"and {high.runs if high else 'none'} above"
        )
    tags = ", ".join(f"{other.name} ({other.state})" for other in heads(connection))
    message = f"an IOV must cover the run, got none of {asked}: {found}; the tags are {tags}"
    return DatabaseError(message)


def check_revision(tag: Tag, revision: int | None) -> None:
    """A revision that is asked for must be one of the tag's.

    Raises:
        DatabaseError: it is not.
    """
    if revision is not None and not 1 <= revision <= tag.revision:
        message = f"tag {tag.name!r} has revisions 1 to {tag.revision}, got revision {revision}"
        raise DatabaseError(message)


def _in_force(tag: str, revision: int | None) -> ColumnElement[bool]:
    added, gone = schema.iovs.c, schema.retirements.c
    retired = and_(
        gone.tag == added.tag,
        gone.added == added.revision,
        gone.kind == added.kind,
        gone.first_run == added.first_run,
    )
    if revision is None:
        return and_(added.tag == tag, ~exists().where(retired))
    retired = and_(retired, gone.revision <= revision)
    return and_(added.tag == tag, added.revision <= revision, ~exists().where(retired))


def _nearest(
    connection: Connection, tag: str, kind: str, revision: int | None, *, run: int, above: bool
) -> IOV | None:
    first = schema.iovs.c.first_run
    side, order = (first > run, first) if above else (first <= run, first.desc())
    query = (
        select(schema.iovs)
        .where(_in_force(tag, revision), schema.iovs.c.kind == kind, side)
        .order_by(order)
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else iov_of(row)
