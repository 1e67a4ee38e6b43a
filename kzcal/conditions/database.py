"""The detector database: constants by tag, kind and run; nothing in it is ever overwritten.

    with Database.open("kz.db") as db:
        payload = db.lookup("prompt-2026", "pmt-response", run=15001)

Every change is one transaction after the payloads it speaks of are on disk and verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, Engine

from kzcal.baseline import baseline_directory
from kzcal.closing import Closing
from kzcal.conditions import engine as engines
from kzcal.conditions import initialise, ledger, timeline, writing
from kzcal.conditions.check import CheckReport, check
from kzcal.conditions.diff import Diff, Side, diff
from kzcal.conditions.hdf5 import decode
from kzcal.conditions.iov import IOV, Change, RunRange
from kzcal.conditions.ledger import Revision, Tag
from kzcal.conditions.nominal import nominal_tags
from kzcal.conditions.payload import Payload
from kzcal.conditions.payload_store import (
    PayloadCache,
    PayloadFiles,
    PayloadRows,
    PayloadStore,
    verified,
)
from kzcal.conditions.writing import OnOverlap, Placement
from kzcal.errors import DatabaseError

CACHE = 128 << 20
"""Bytes of payloads that an open database holds in memory."""


class Database(Closing):
    """An open database; use it in a with statement, or close it.

    Args:
        location: where it is.
        engine: connections to it.
    """

    def __init__(self, location: engines.Location, engine: Engine) -> None:
        self.name = location.name
        self._engine = engine
        files = location.payloads
        self._payloads: PayloadStore = PayloadRows() if files is None else PayloadFiles(files)
        self._cache = PayloadCache(CACHE)

    @classmethod
    def init(cls, url_or_path: str | Path, baseline: Path | None = None) -> Database:
        """Make a database that holds the tags of the baseline text, whole or not at all.

        Args:
            url_or_path: a path (SQLite, payload files beside it) or postgresql://...
            baseline: directory of the baseline text; None for the reviewed one.

        Raises:
            DatabaseError: there is one already, or it cannot be made.
            ConfigurationError: the URL or the baseline text is wrong.
        """
        tags = nominal_tags(baseline_directory(baseline))
        location = engines.locate(url_or_path)
        db = cls(location, engines.connect(location, create=True))
        try:
            with db._writing() as connection:
                engines.exclude_other_inits(connection)
                initialise.initialise(connection, db._payloads, tags, db.name)
        except DatabaseError:
            db.close()
            raise
        return db

    @classmethod
    def open(cls, url_or_path: str | Path) -> Database:
        """Open a database that ``init`` made.

        Raises:
            DatabaseError: there is none, or it is of another version.
            ConfigurationError: the URL is wrong.
        """
        location = engines.locate(url_or_path)
        db = cls(location, engines.connect(location))
        try:
            with db._reading() as connection:
                initialise.check_format(connection, db.name)
        except DatabaseError:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def tags(self) -> tuple[Tag, ...]:
        """Every tag, by name."""
        with self._reading() as connection:
            return ledger.heads(connection)

    def tag(self, name: str) -> Tag:
        """One tag.

        Raises:
            DatabaseError: there is no such tag; the message names those that there are.
        """
        with self._reading() as connection:
            return ledger.head(connection, name, self.name)

    def create_tag(self, name: str, description: str) -> Tag:
        """A new, open tag without IOVs.

        Raises:
            DatabaseError: the name is malformed or taken.
        """
        with self._writing() as connection:
            writing.create(connection, name, description, self.name)
            return ledger.head(connection, name, self.name)

    def lock(self, name: str, message: str = "locked") -> int:
        """From now on the tag only takes runs that it does not cover; returns the revision."""
        return self._advance(name, ledger.LOCKED, message)

    def freeze(self, name: str, message: str = "frozen") -> int:
        """From now on the tag refuses every change; returns the revision."""
        return self._advance(name, ledger.FROZEN, message)

    def store(
        self,
        tag: str,
        first_run: int,
        last_run: int | None,
        payloads: Sequence[Payload],
        message: str,
        on_overlap: OnOverlap = "refuse",
        *,
        description: str | None = None,
    ) -> int:
        """Store payloads of different kinds for the same runs, as one revision.

        Args:
            tag: that there is.
            first_run: first run they hold for.
            last_run: last run, or None for every later run.
            payloads: all of them are stored, or none.
            message: why, for the log.
            on_overlap: what to do with older IOVs of a kind that share runs: "refuse", or
                "split" them, so that they hold for their other runs only.
            description: of the tag that this makes if there is none; None if there must be one.

        Returns:
            The tag's new revision.

        Raises:
            DatabaseError: the tag is absent or frozen, a payload breaks a rule, or IOVs overlap.
        """
        placements = [Placement(RunRange(first_run, last_run), payload) for payload in payloads]
        return self.store_all(tag, placements, message, on_overlap, description=description)

    def store_all(
        self,
        tag: str,
        placements: Sequence[Placement],
        message: str,
        on_overlap: OnOverlap = "refuse",
        *,
        description: str | None = None,
    ) -> int:
        """Store payloads for many run ranges as one revision; see store."""
        sealed = writing.seal(placements, tag)
        with self._reading() as connection:
            new, absent = [item.iov for item in sealed], description is not None
            writing.plan(connection, tag, new, on_overlap, self.name, absent=absent)
        for content in {item.iov.payload: item.content for item in sealed}.values():
            self._payloads.save(content)
        with self._writing() as connection:
            if description is not None:
                writing.ensure(connection, tag, description)
            head = ledger.head(connection, tag, self.name, lock=True)
            return writing.store(connection, head, sealed, self._payloads, message, on_overlap)

    def plan(
        self,
        tag: str,
        runs: RunRange,
        kinds: Sequence[str],
        on_overlap: OnOverlap = "refuse",
        *,
        absent: bool = False,
    ) -> Change:
        """What a store would change, or its refusal; the tag may be ``absent`` if that is said."""
        new = [IOV(kind, runs, "") for kind in kinds]
        with self._reading() as connection:
            return writing.plan(connection, tag, new, on_overlap, self.name, absent=absent)

    def rollback(self, tag: str, revision: int, message: str) -> int:
        """Give an open tag the IOVs of an earlier revision, as a new revision.

        Raises:
            DatabaseError: the tag is absent or not open, or has no such earlier revision.
        """
        with self._writing() as connection:
            head = ledger.head(connection, tag, self.name, lock=True)
            return writing.roll_back(connection, head, revision, message)

    def find(self, tag: str, kind: str, run: int, revision: int | None = None) -> IOV:
        """The IOV that covers a run.

        Args:
            tag: where to look.
            kind: of the payload.
            run: the run.
            revision: look at the tag as this revision left it; None for the newest.

        Raises:
            DatabaseError: there is none; the message says where it looked and what there is.
        """
        with self._reading() as connection:
            return timeline.find(connection, self.name, tag, kind, run, revision)

    def before(self, tag: str, kind: str, run: int, revision: int | None = None) -> IOV | None:
        """The IOV that begins last of those that begin before a run; None if none does."""
        with self._reading() as connection:
            return timeline.below(connection, tag, kind, RunRange(run, None).first - 1, revision)

    def holding(self, tag: str, kind: str, run: int, revision: int | None = None) -> IOV | None:
        """The IOV that holds for a run; None if none of that kind does, which is no error here."""
        latest = self.before(tag, kind, run + 1, revision)
        return latest if latest is not None and latest.runs.end >= run else None

    def lookup(self, tag: str, kind: str, run: int, revision: int | None = None) -> Payload:
        """The payload that holds for a run; see find."""
        with self._reading() as connection:
            iov = timeline.find(connection, self.name, tag, kind, run, revision)
            return self._payload(connection, iov.payload)

    def payload(self, digest: str) -> Payload:
        """The payload of an IOV, by its address.

        Raises:
            DatabaseError: it is missing or damaged.
        """
        with self._reading() as connection:
            return self._payload(connection, digest)

    def iovs(
        self, tag: str, kind: str | None = None, revision: int | None = None
    ) -> tuple[IOV, ...]:
        """IOVs in force, by kind and run, as a revision (None for the newest) left the tag."""
        with self._reading() as connection:
            timeline.check_revision(ledger.head(connection, tag, self.name), revision)
            return timeline.live(connection, tag, revision=revision, kind=kind)

    def log(self, tag: str) -> tuple[Revision, ...]:
        """Every revision of a tag, oldest first."""
        with self._reading() as connection:
            ledger.head(connection, tag, self.name)
            return tuple(ledger.history(connection, tag))

    def diff(self, left: Side, right: Side) -> Diff:
        """What differs between two tags, revisions or runs; see kzcal.conditions.diff."""
        return diff(self, left, right)

    def check(self) -> CheckReport:
        """Verify every row and every payload byte; see kzcal.conditions.check."""
        return check(self._reading, self._payloads, self.name)

    def _reading(self) -> AbstractContextManager[Connection]:
        return engines.reading(self._engine, self.name)

    def _writing(self) -> AbstractContextManager[Connection]:
        return engines.writing(self._engine, self.name)

    def _advance(self, name: str, state: str, message: str) -> int:
        with self._writing() as connection:
            head = ledger.head(connection, name, self.name, lock=True)
            return writing.advance(connection, head, state, message)

    def _payload(self, connection: Connection, digest: str) -> Payload:
        payload = self._cache.find(digest)
        if payload is None:
            content = verified(self._payloads.load(connection, digest), digest)
            payload = decode(content, f"payload {digest[:12]} of {self.name}")
            self._cache.keep(digest, payload, len(content))
        return payload
