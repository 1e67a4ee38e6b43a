"""Files that appear whole or not at all, and work for a file that one process does for all."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kzcal.errors import ConfigurationError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside ``path`` that takes its place, synced to disk, when the block succeeds.

    If the block fails, or the process is killed, ``path`` stays as it was.

    Raises:
        ConfigurationError: the directory does not exist or cannot be written to.
    """
    beside = _beside(path)
    try:
        yield beside
        _set_default_mode(beside)
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """A block that one process, or thread, at a time is in; the others wait for it.

    A process that is killed lets the next one in. An empty file of the path's name and ".lock"
    stays. Where the file system knows no locks, several may be in the block at once.

    Raises:
        ConfigurationError: the directory does not exist or cannot be written to.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        handle = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o666)
    except OSError as error:
        message = f"a lock must be a file that can be written, got {lock}: {error.strerror}"
        raise ConfigurationError(message) from error
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_writable(path: Path) -> None:
    """Refuse a place that ``replacing`` would refuse, before long work is done for it.

    Raises:
        ConfigurationError: the directory does not exist or cannot be written to.
    """
    _beside(path).unlink()


def _beside(path: Path) -> Path:
    """A new, empty file beside a path."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        if path.is_dir():
            Path(name).unlink()
            raise IsADirectoryError(None, "Is a directory")
    except OSError as error:
        message = f"the output must be a file that can be written, got {path}: {error.strerror}"
        raise ConfigurationError(message) from error
    return Path(name)


def _set_default_mode(path: Path) -> None:
    """Give a temporary file, which only its owner may read, the mode of an ordinary new file."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
