"""Scores of events: a CSV file with a row ``event,score`` per event, in their order."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import FileFormatError

HEADER = ["event", "score"]


def read_scores(path: Path, event: Int64[np.ndarray, " event"]) -> Float64[np.ndarray, " event"]:
    """Scores of the events of a file.

    Args:
        path: CSV file.
        event: numbers of the events that were scored, in their order.

    Raises:
        FileFormatError: the file cannot be read, or has other rows than these events.
    """
    rows = _rows(path)
    if len(rows) != len(event):
        message = (
            f"{path}: a file of scores has a row for every event of its event file, got "
            f"{len(rows)} rows for {len(event)} events: score the same file"
        )
        raise FileFormatError(message)
    number = np.array([_number(path, i, row[0]) for i, row in enumerate(rows)], np.float64)
    differing = np.flatnonzero(number != event)
    if len(differing):
        row = int(differing[0])
        message = (
            f"{path}: rows are in the order of the event file, got event {rows[row][0]} in row "
            f"{row} where the file has event {event[row]}"
        )
        raise FileFormatError(message)
    return np.array([_number(path, i, row[1]) for i, row in enumerate(rows)], np.float64)


def read_numbered_scores(
    path: Path, event: Int64[np.ndarray, " event"]
) -> Float64[np.ndarray, " event"]:
    """Scores of some events of a file, found by their numbers.

    Args:
        path: CSV file; it may hold further events.
        event: numbers of the events whose scores are wanted.

    Raises:
        FileFormatError: the file cannot be read, has no score for an event, or has two.
    """
    rows = _rows(path)
    number, score = (
        np.array([_number(path, i, row[j]) for i, row in enumerate(rows)], np.float64)
        for j in (0, 1)
    )
    order = np.argsort(number, kind="stable")
    ordered = number[order]
    twice = np.flatnonzero(np.diff(ordered) == 0)
    if len(twice):
        message = (
            f"{path}: scores are found by the event's number, got two for event "
            f"{ordered[twice[0]]:.0f}: give the scores of one run"
        )
        raise FileFormatError(message)
    place = np.minimum(np.searchsorted(ordered, event), max(len(ordered) - 1, 0))
    found = ordered[place] == event if len(ordered) else np.zeros(len(event), bool)
    if not found.all():
        missing = event[~found]
        message = (
            f"{path}: every event needs a score, got none for {len(missing)} of {len(event)}, "
            f"the first of them event {missing[0]}: score the file that they come from"
        )
        raise FileFormatError(message)
    return score[order][place]


def _rows(path: Path) -> list[list[str]]:
    """Rows below the header, each of two cells."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            lines = [row for row in csv.reader(stream) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: a file of scores must be readable text, got: {error}"
        raise FileFormatError(message) from error
    if not lines or lines[0] != HEADER:
        got = ",".join(lines[0]) if lines else "an empty file"
        message = f"{path}: the first line of a file of scores is event,score, got {got!r}"
        raise FileFormatError(message)
    for i, row in enumerate(lines[1:]):
        if len(row) != len(HEADER):
            message = f"{path}: a row holds an event and its score, got {','.join(row)!r}, row {i}"
            raise FileFormatError(message)
    return lines[1:]


def _number(path: Path, row: int, text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        message = f"{path}: event and score are finite numbers, got {text!r} in row {row}"
        raise FileFormatError(message)
    return value
