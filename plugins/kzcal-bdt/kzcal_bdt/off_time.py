"""The rate of accidental pairs that a run itself tells."""

from __future__ import annotations

from pathlib import Path

from kzcal.errors import ConfigurationError
from kzcal.evaluate.kinds import KIND
from kzcal.io.candidates import CandidateFile

ACCIDENTAL = "accidental"
DAY_S = 86_400.0


def off_time_rate(path: Path) -> float:
    """Accidental pairs per day of livetime in one time window.

    Args:
        path: file of pairs that were looked for in windows moved away in time.

    Raises:
        ConfigurationError: the file does not tell its livetime, holds no pair, or others than
            accidental ones.
        FileFormatError: the file breaks its format.
    """
    with CandidateFile(path) as file:
        livetime, windows, n = file.header.livetime_s, file.header.windows, len(file)
        truth = file.read().truth
    if livetime is None or not n:
        got = "no pair" if livetime is not None else "none"
        message = (
            f"{path}: a rate needs a livetime and at least one pair, got {got}: give a file of "
            "`kzcal coincidence build --off-time` of a run with a livetime, or --accidental"
        )
        raise ConfigurationError(message)
    kinds = set(truth[KIND].astype(str)) if KIND in truth else {f"no truth/{KIND}"}
    if kinds != {ACCIDENTAL}:
        message = (
            f"{path}: a rate of accidental pairs is told by pairs of kind {ACCIDENTAL} alone, got "
            f"{', '.join(sorted(kinds))}: give a file of `kzcal coincidence build --off-time`, or "
            "--accidental"
        )
        raise ConfigurationError(message)
    return n * DAY_S / (livetime * windows)
