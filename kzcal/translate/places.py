"""Files of a command that must not be one and the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kzcal.errors import ConfigurationError


def check_distinct(files: Mapping[str, Path | None]) -> None:
    """Refuse a file that is given twice, links followed.

    Args:
        files: by what the user calls them; None where nothing was given.

    Raises:
        ConfigurationError: two of them are one file.
    """
    seen: dict[Path, str] = {}
    for name, path in files.items():
        if path is None:
            continue
        first = seen.setdefault(path.resolve(), name)
        if first != name:
            message = f"{first} and {name} must be different files, got {path} for both"
            raise ConfigurationError(message)
