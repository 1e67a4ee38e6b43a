"""The lock of a journal file, which the end of a process frees, whatever ends it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from optuna.storages.journal import JournalFileOpenLock


class JournalLock(JournalFileOpenLock):
    """Lets one process at a time append, and takes off what a killed one left half-written.

    Args:
        path: the journal.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait for the file, then end it with its last whole line."""
        self._file = self._path.open("r+b")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        whole = _whole_lines(self._file)
        if whole < self._file.seek(0, os.SEEK_END):
            self._file.truncate(whole)
        return True

    def release(self) -> None:
        """Leave the file to the next one."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _whole_lines(file: IO[bytes]) -> int:
    """Bytes up to the end of the last line that was written as a whole."""
    size = file.seek(0, os.SEEK_END)
    end = size
    while end > 0:
        begin = max(0, end - 4096)
        file.seek(begin)
        newline = file.read(end - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0
