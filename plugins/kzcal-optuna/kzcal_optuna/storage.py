"""Where trials are kept: in memory, in a journal file, or in PostgreSQL.

One process at a time conducts a study; it holds a lock that ends with it, however it ends. So a
trial that is still running when the lock is taken is one that a killed process left behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from kzcal.conditions.engine import connect, locate
from kzcal.errors import ConfigurationError, DatabaseError, FileFormatError
from kzcal.parts import Effort
from kzcal_optuna.journal import JournalLock

JOURNAL = "journal:"
SERVER = ("postgresql://", "postgres://", "postgresql+psycopg://")
INIT_LOCK = 0x6B7A6F7074
"""Advisory lock of those who make Optuna's tables in one database."""


@contextmanager
def opened(effort: Effort) -> Iterator[BaseStorage]:
    """The storage that an effort names, held for its study.

    Raises:
        ConfigurationError: it is of another kind, or another process conducts the study.
    """
    if effort.storage.startswith(JOURNAL):
        path = Path(effort.storage.removeprefix(JOURNAL))
        with _journal(path, effort.study) as storage:
            yield storage
    elif effort.storage.startswith(SERVER):
        with _postgresql(effort.storage, effort.study) as storage:
            yield storage
    elif effort.storage:
        message = (
            f'trials are kept at "{JOURNAL}FILE" or postgresql://..., got {effort.storage!r}; '
            "leave it out to keep them in memory"
        )
        raise ConfigurationError(message)
    elif effort.resume:
        message = f"a fit resumes from a storage, got none for study {effort.study!r}: name it"
        raise ConfigurationError(message)
    else:
        yield InMemoryStorage()


@contextmanager
def _journal(path: Path, study: str) -> Iterator[BaseStorage]:
    """A journal file, made where there is none."""
    if not path.absolute().parent.is_dir():
        message = f"a journal lies in a directory that exists, got {path}: make it first"
        raise ConfigurationError(message)
    _refuse_other_files(path)
    digest = hashlib.sha256(study.encode()).hexdigest()[:8]
    with path.with_name(f"{path.name}.{digest}.held").open("wb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _refuse_second(study, str(path))
        backend = JournalFileBackend(str(path), JournalLock(path))
        yield JournalStorage(backend)


def _refuse_other_files(path: Path) -> None:
    """A file that is no journal is left untouched."""
    if not path.exists():
        return
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    try:
        whole = not first.endswith(b"\n") or "op_code" in json.loads(first)
    except ValueError:
        whole = False
    if first and not (whole and first.startswith(b'{"op_code"')):
        message = f"a journal begins with a line of Optuna's, got {path}: name another file"
        raise FileFormatError(message)


@contextmanager
def _postgresql(url: str, study: str) -> Iterator[BaseStorage]:
    """A database on a server, with Optuna's tables."""
    location = locate(url)
    engine = connect(location)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            storage = _tables(connection, engine.url.render_as_string(hide_password=False))
            try:
                if not _taken(connection, study):
                    _refuse_second(study, location.name)
                yield storage
            finally:
                storage.remove_session()
                storage.engine.dispose()
    except DBAPIError as error:
        message = f"the database {location.name} refuses: {' '.join(str(error.orig).split())}"
        raise DatabaseError(message) from error
    finally:
        engine.dispose()


def _tables(connection: Connection, url: str) -> RDBStorage:
    """Optuna's tables; of several who find none, one makes them."""
    key = {"key": INIT_LOCK}
    connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
    try:
        return RDBStorage(url)
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _taken(connection: Connection, study: str) -> bool:
    """Takes the study's lock, which the server frees once the connection ends."""
    query = text("SELECT pg_try_advisory_lock(hashtextextended(:study, 0))")
    return bool(connection.execute(query, {"study": f"kzcal-optuna {study}"}).scalar())


def _refuse_second(study: str, where: str) -> None:
    message = (
        f"one process at a time conducts a study, got another one at work on {study!r} in "
        f"{where}: wait for it, or name another study"
    )
    raise ConfigurationError(message)
