"""Where payload bytes live: files beside a SQLite catalogue, or the server's own table.

A file is complete, on disk and read back before its name exists; the name is the hash of its
bytes. A server that many machines reach cannot count on a file system that all of them see, so
there the bytes go into the catalogue's transaction.
"""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from sqlalchemy import Connection, select

from kzcal.conditions.canonical import sha256
from kzcal.conditions.payload import Payload
from kzcal.conditions.schema import payloads
from kzcal.errors import DatabaseError

SUFFIX, UNFINISHED = ".h5", ".tmp"


class PayloadStore(Protocol):
    """Keeps bytes under their hash."""

    def save(self, content: bytes) -> None:
        """Make the bytes durable before the catalogue's transaction begins, where that is due."""

    def column(self, content: bytes) -> bytes | None:
        """What the catalogue's own row holds of the bytes."""

    def load(self, connection: Connection, digest: str) -> bytes:
        """The bytes as they are now; the caller verifies them."""


@dataclass(frozen=True, slots=True)
class PayloadFiles:
    """Immutable files ``ab/abcdef....h5`` in a directory."""

    directory: Path

    def path(self, digest: str) -> Path:
        """The file of a payload."""
        return self.directory / digest[:2] / f"{digest}{SUFFIX}"

    def save(self, content: bytes) -> None:
        """Write, sync, read back, rename, sync the directory; a good file is left alone.

        Raises:
            DatabaseError: the file system gives back other bytes, or refuses.
        """
        digest = sha256(content)
        path = self.path(digest)
        try:
            for made in (self.directory, path.parent):
                made.mkdir(exist_ok=True)
                _sync_directory(made.parent)
            if not (path.is_file() and sha256(path.read_bytes()) == digest):
                _write_verified(path, content, digest)
            _sync_directory(path.parent)
        except OSError as error:
            message = f"a payload file must be written, got {path}: {error.strerror}"
            raise DatabaseError(message) from error

    def column(self, content: bytes) -> None:
        """Nothing: the bytes are in their file."""

    def load(self, connection: Connection, digest: str) -> bytes:  # noqa: ARG002  as the protocol
        """The bytes of the file.

        Raises:
            DatabaseError: it is missing or cannot be read.
        """
        path = self.path(digest)
        try:
            return path.read_bytes()
        except OSError as error:
            message = f"payload {digest[:12]} must be readable, got {path}: {error.strerror}"
            raise DatabaseError(message) from error

    def files(self) -> Iterator[Path]:
        """Every file in the directory, finished or not."""
        return (path for path in sorted(self.directory.rglob("*")) if path.is_file())


@dataclass(frozen=True, slots=True)
class PayloadRows:
    """The column ``payloads.content`` of the catalogue."""

    def save(self, content: bytes) -> None:
        """Nothing: the row is written in the catalogue's transaction."""

    def column(self, content: bytes) -> bytes:
        """The bytes themselves."""
        return content

    def load(self, connection: Connection, digest: str) -> bytes:
        """The bytes of the row.

        Raises:
            DatabaseError: there is no such row.
        """
        query = select(payloads.c.content).where(payloads.c.hash == digest)
        content = connection.execute(query).scalar()
        if content is None:
            message = f"payload {digest[:12]} must be in the table payloads, got no such row"
            raise DatabaseError(message)
        return bytes(content)


class PayloadCache:
    """The payloads used last, up to a number of bytes; safe to share between threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[str, tuple[Payload, int]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def find(self, digest: str) -> Payload | None:
        """The payload if it is held; it counts as used now."""
        with self._lock:
            if digest not in self._held:
                return None
            self._held.move_to_end(digest)
            return self._held[digest][0]

    def keep(self, digest: str, payload: Payload, size: int) -> None:
        """Hold a payload of that many bytes and let go of the least recently used ones."""
        with self._lock:
            if digest in self._held:
                return
            self._held[digest] = (payload, size)
            self._size += size
            while self._size > self._capacity and len(self._held) > 1:
                self._size -= self._held.popitem(last=False)[1][1]


def verified(content: bytes, digest: str) -> bytes:
    """The bytes, if their hash is the address they were found under.

    Raises:
        DatabaseError: it is not.
    """
    if sha256(content) != digest:
        message = (
            f"a payload's bytes have the hash that addresses it, got {sha256(content)[:12]} for "
            f"payload {digest[:12]}: restore it from a copy (`kzcal db check` lists all damage)"
        )
        raise DatabaseError(message)
    return content


def _write_verified(path: Path, content: bytes, digest: str) -> None:
    unfinished = path.with_name(f"{digest}.{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with unfinished.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.chmod(0o444)
        verified(unfinished.read_bytes(), digest)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
