"""Configurations that users write: TOML files as plain tables."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from kzcal.errors import ConfigurationError


def read_toml(path: Path) -> dict[str, Any]:
    """The file as plain tables.

    Raises:
        ConfigurationError: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        message = f"{path}: a configuration must be readable, got: {error.strerror}"
        raise ConfigurationError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: a configuration must be TOML, got: {error}"
        raise ConfigurationError(message) from error
