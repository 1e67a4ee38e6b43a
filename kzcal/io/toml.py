"""Configurations that users write: TOML files as plain tables, and plain tables as TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
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


def toml_text(table: Mapping[str, Any]) -> str:
    """A table of numbers, text, lists and tables as TOML; what is None is left out."""
    return "\n".join(_lines(table, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], place: tuple[str, ...]) -> list[str]:
    """Lines of a table: its own values first, then the tables in it."""
    lines = [f"[{'.'.join(map(_text, place))}]"] if place else []
    inner = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner[key] = value
        elif value is not None:
            lines.append(f"{_text(key)} = {_value(value)}")
    for key, value in inner.items():
        lines += ["", *_lines(value, (*place, key))]
    return lines


def _value(value: Any) -> str:  # noqa: ANN401  whatever TOML can hold
    """A value on one line.

    Raises:
        TypeError: TOML cannot hold it.
    """
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            inner = (f"{_text(key)} = {_value(part)}" for key, part in value.items())
            return f"{{{', '.join(inner)}}}"
    message = f"TOML holds numbers, text, lists and tables, got {type(value).__name__}"
    raise TypeError(message)


def _text(key: str) -> str:
    """A key, quoted where it must be."""
    plain = key.replace("-", "").replace("_", "")
    return key if plain.isascii() and plain.isalnum() else _quoted(key)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
