"""Scores of a run's events, read beside them: CSV files with a row per event, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
from jaxtyping import Float32, Float64, Int64

from kzcal.closing import Closing
from kzcal.errors import FileFormatError
from kzcal.io.scores import HEADER


class ScoreStream(Closing):
    """Scores under several names, as many rows at once as are asked for.

    Args:
        files: a file of scores for each name.

    Raises:
        FileFormatError: a file cannot be read or does not begin like a file of scores.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.names = tuple(files)
        self._open = ExitStack()
        self._streams: list[tuple[Path, TextIO]] = []
        with ExitStack() as opened:
            for path in files.values():
                with _unreadable_named(path):
                    stream = opened.enter_context(path.open(encoding="utf-8"))
                    first = stream.readline().strip()
                if first != ",".join(HEADER):
                    message = f"{path}: a file of scores begins with event,score, got {first!r}"
                    raise FileFormatError(message)
                self._streams.append((path, stream))
            self._open = opened.pop_all()

    def next(self, event: Int64[np.ndarray, " event"]) -> Float32[np.ndarray, "event score"]:
        """Scores of the next events, a column for each name.

        Raises:
            FileFormatError: the files have other rows than these events.
        """
        scores = np.zeros((len(event), len(self._streams)), np.float32)
        for column, (path, stream) in enumerate(self._streams):
            scores[:, column] = _rows(path, stream, event)
        return scores

    def check_end(self) -> None:
        """Refuse rows beyond the last event.

        Raises:
            FileFormatError: there are some.
        """
        for path, stream in self._streams:
            with _unreadable_named(path):
                further = stream.readline()
            if further.strip():
                message = (
                    f"{path}: a file of scores has a row for every event of its event file, got "
                    f"more, {further.strip()!r}: score the same file"
                )
                raise FileFormatError(message)

    def close(self) -> None:
        """Close the files."""
        self._open.close()


def _rows(
    path: Path, stream: TextIO, event: Int64[np.ndarray, " event"]
) -> Float64[np.ndarray, " event"]:
    """Scores of the next rows, which must be those of some events."""
    if not len(event):
        return np.zeros(0)
    with _unreadable_named(path):
        lines = [line for _, line in zip(range(len(event)), stream, strict=False)]
        rows = np.loadtxt(lines, delimiter=",", ndmin=2) if lines else np.zeros((0, 2))
    wrong = rows.shape != (len(event), 2)
    if wrong or not np.isfinite(rows).all() or not np.array_equal(rows[:, 0], event):
        message = (
            f"{path}: rows are event,score in the order of the event file with finite scores, got "
            f"others for the {len(event)} events from event {event[0]} on: score the same file"
        )
        raise FileFormatError(message)
    return rows[:, 1]


@contextmanager
def _unreadable_named(path: Path) -> Iterator[None]:
    """Turn what reading text raises into one sentence."""
    try:
        yield
    except (OSError, ValueError) as error:
        message = f"{path}: a file of scores must be readable text of numbers, got: {error}"
        raise FileFormatError(message) from error
