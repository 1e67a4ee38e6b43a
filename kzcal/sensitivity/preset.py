"""Experiments by name, or from a TOML file of the same form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml
from kzcal.sensitivity.cuts import Cut
from kzcal.sensitivity.experiment import Background, Experiment, Reference

Made = TypeVar("Made")
PRESETS = ("klz-800", "klz-800-complete", "kamland2-zen")


def load_preset(name: str) -> Experiment:
    """One of the experiments that kzcal knows.

    Raises:
        ConfigurationError: it knows none of this name.
    """
    if name not in PRESETS:
        message = f"there is no experiment {name!r}: choose from {', '.join(PRESETS)}"
        raise ConfigurationError(message)
    with as_file(files("kzcal.sensitivity").joinpath(f"presets/{name}.toml")) as path:
        return load_experiment(path)


def load_experiment(path: Path) -> Experiment:
    """An experiment from a TOML file.

    A file may name a ``base``, a preset whose values hold where the file says nothing; tables of
    backgrounds are then joined by name, and ``cut`` replaces the cuts of the base.

    Raises:
        ConfigurationError: the file cannot be read, or has unknown keys or unfit values.
    """
    table = _based(read_toml(path), path)
    try:
        reference = table.pop("reference")
        made = {
            "reference": _record(
                Reference, {**reference, "cut": _cuts(reference.get("cut", ()), path)}, path
            ),
            "backgrounds": tuple(_record(Background, b, path) for b in table.pop("background")),
            "cuts": _cuts(table.pop("cut", ()), path),
        }
    except (KeyError, AttributeError, TypeError) as error:
        message = f"{path}: an experiment has a reference and backgrounds, got none: {error}"
        raise ConfigurationError(message) from error
    return _record(Experiment, {**table, **made}, path)


def _based(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """The table laid over the preset that it names.

    Raises:
        ConfigurationError: there is no such preset, or a background has no name.
    """
    name = table.pop("base", None)
    if name is None:
        return table
    if name not in PRESETS:
        message = f"base is one of {', '.join(PRESETS)}, got {name!r}"
        raise ConfigurationError(message)
    with as_file(files("kzcal.sensitivity").joinpath(f"presets/{name}.toml")) as preset:
        base = _based(read_toml(preset), preset)
    rows = {row["name"]: row for row in base["background"]}
    for key, row in _by_name(table.pop("background", []), path).items():
        rows[key] = {**rows.get(key, {}), **row}
    return {**base, **table, "background": list(rows.values())}


def _by_name(rows: object, path: Path) -> dict[str, dict[str, Any]]:
    """Tables of backgrounds by their names.

    Raises:
        ConfigurationError: they are no tables, or one has no name.
    """
    tables: list[Any] = rows if isinstance(rows, list) else [rows]
    for row in tables:
        if not (isinstance(row, dict) and isinstance(row.get("name"), str)):
            message = f"{path}: a background is a table [[background]] with a name, got {row!r}"
            raise ConfigurationError(message)
    return {row["name"]: row for row in tables}


def _cuts(rows: Sequence[Mapping[str, Any]], path: Path) -> tuple[Cut, ...]:
    return tuple(_record(Cut, row, path) for row in rows)


def _record(kind: type[Made], table: Mapping[str, Any], path: Path) -> Made:
    """A record from a table with its fields' names.

    Raises:
        ConfigurationError: a key is unknown, missing, or its value of another type.
    """
    given = {("cuts" if key == "cut" else key): value for key, value in table.items()}
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            message = f"{path}: unknown key {key!r}: choose from {', '.join(known)}"
            raise ConfigurationError(message)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    for key, value in values.items():
        expected = str(known[key].type)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (
            (expected == "float" and not number)
            or (expected == "int" and (not number or isinstance(value, float)))
            or (expected == "str" and not isinstance(value, str))
        ):
            message = f"{path}: {key} is a {expected}, got {value!r}"
            raise ConfigurationError(message)
    try:
        return kind(**values)
    except TypeError as error:
        message = f"{path}: a {kind.__name__.lower()} needs all its keys, got: {error}"
        raise ConfigurationError(message) from error
