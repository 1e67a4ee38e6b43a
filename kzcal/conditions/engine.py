"""Where a database is, and transactions on it: a SQLite file or a PostgreSQL server."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from kzcal.errors import ConfigurationError, DatabaseError

ENVIRONMENT = "KZCAL_DB"
PATIENCE = 60.0
"""How long a writer waits for its turn on SQLite, s."""
INIT_LOCK = 0x6B7A63616C
"""Advisory lock that two ``init`` on one PostgreSQL database compete for."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a database is.

    Args:
        name: what to call it in messages, without a password.
        path: the SQLite file, or None for a server.
        url: the server, or None for a file.
    """

    name: str
    path: Path | None
    url: URL | None

    @property
    def payloads(self) -> Path | None:
        """Directory of the payload files beside a SQLite file; a server keeps them itself."""
        return self.path and self.path.with_name(self.path.name + ".payloads")


def resolve(explicit: str | None) -> str:
    """The database that was named, else $KZCAL_DB.

    Raises:
        ConfigurationError: neither says where the database is.
    """
    found = explicit or os.environ.get(ENVIRONMENT)
    if not found:
        message = (
            f"a database is named by --db or by ${ENVIRONMENT} (a path, or postgresql://...), "
            f"got neither: give one of them"
        )
        raise ConfigurationError(message)
    return found


def locate(url_or_path: str | Path) -> Location:
    """The location that a path or URL names.

    Raises:
        ConfigurationError: the URL is malformed or names another kind of server.
    """
    given = str(url_or_path)
    if "://" not in given:
        return Location(given, Path(given), None)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        message = f"a database URL reads postgresql://USER@HOST:PORT/NAME, got {given!r}: {error}"
        raise ConfigurationError(message) from error
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        message = f"a database is a path or a postgresql:// URL, got {url.drivername}://"
        raise ConfigurationError(message)
    return Location(url.render_as_string(), None, url.set(drivername="postgresql+psycopg"))


def connect(location: Location, *, create: bool = False) -> Engine:
    """An engine for the location.

    Args:
        location: where.
        create: make an absent SQLite file; otherwise its absence is an error.

    Raises:
        DatabaseError: there is no such file or directory, or psycopg is not installed.
    """
    if location.path is not None:
        return _sqlite(location.path, create)
    if location.url is None:
        message = f"a location has a path or a URL, got neither for {location.name}"
        raise DatabaseError(message)
    try:
        return create_engine(location.url)
    except ImportError as error:
        message = "a postgresql:// database needs psycopg: pip install 'kzcal[postgresql]'"
        raise DatabaseError(message) from error


@contextmanager
def reading(engine: Engine, name: str) -> Iterator[Connection]:
    """A transaction that sees one state of the database from beginning to end."""
    snapshot = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with _named(name), engine.connect() as connection:
        connection.execution_options(**snapshot)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine, name: str) -> Iterator[Connection]:
    """A transaction that commits as a whole at the end, or not at all.

    On SQLite it takes the write lock at once and waits for it up to PATIENCE; on PostgreSQL
    whoever changes a tag locks its row first (see ``ledger.head``).
    """
    with _named(name), engine.connect() as connection:
        connection.execution_options(kzcal_writes=True)
        with connection.begin():
            yield connection


def exclude_other_inits(connection: Connection) -> None:
    """Make a second ``init`` on the same server wait for the end of this transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": INIT_LOCK})


@contextmanager
def _named(name: str) -> Iterator[None]:
    """What the database itself refuses becomes one sentence that names it."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, UnicodeDecodeError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = " ".join(str(cause).split())
        message = f"the database {name} refuses: {reason}"
        raise DatabaseError(message) from error


def _sqlite(path: Path, create: bool) -> Engine:
    if not create and not path.is_file():
        message = f"a database must exist, got no file {path}: run `kzcal db init --db {path}`"
        raise DatabaseError(message)
    if not path.absolute().parent.is_dir():
        message = f"a database lies in a directory that exists, got {path}: make it first"
        raise DatabaseError(message)
    address = f"file:{quote(str(path.absolute()))}?mode={'rwc' if create else 'rw'}"

    def open_file() -> sqlite3.Connection:
        return sqlite3.connect(
            address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )

    engine = create_engine("sqlite://", creator=open_file, poolclass=QueuePool)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401  pool's own
    """A commit has reached the disk when it returns, its journal's removal included."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = EXTRA")


def _begin(connection: Connection) -> None:
    """Writers queue before they read, so that no two of them decide on the same state."""
    writes = connection.get_execution_options().get("kzcal_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
