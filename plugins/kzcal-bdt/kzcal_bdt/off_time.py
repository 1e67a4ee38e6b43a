"""The rate of accidental pairs that a run itself tells."""

from __future__ import annotations

from pathlib import Path

from kzcal.errors import ConfigurationError
from kzcal.io.candidates import CandidateFile

DAY_S = 86_400.0


def off_time_rate(path: Path) -> float:
    """Accidental pairs per day of livetime in one time window.

    Args:
        path: file of pairs that were looked for in windows moved away in time.

    Raises:
        ConfigurationError: the file does not tell its livetime, or holds no pair.
        FileFormatError: the file breaks its format.
    """
    with CandidateFile(path) as file:
        livetime, windows, n = file.header.livetime_s, file.header.windows, len(file)
    if livetime is None or not n:
        got = "no pair" if livetime is not None else "none"
        message = (
            f"{path}: a rate needs a livetime and at least one pair, got {got}: give a file of "
            "`kzcal coincidence build --off-time` of a run with a livetime, or --accidental"
        )
        raise ConfigurationError(message)
    return n * DAY_S / (livetime * windows)
