"""The reviewed baseline text, parsed into typed records; every wrong key or value is named."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kzcal.conditions.iov import RunRange
from kzcal.conditions.ledger import STATES
from kzcal.conditions.quantities import QUANTITIES
from kzcal.errors import ConfigurationError

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Constant:
    """Nominal value of one quantity for one PMT type, in the quantity's unit.

    Args:
        value: of a typical tube.
        error: one standard deviation of a single tube: the type's common error and the spread
            from tube to tube in quadrature.
    """

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Period:
    """Runs taken with one detector.

    Args:
        name: of the period.
        detector: name of its description in detectors/.
        runs: first to last run.
    """

    name: str
    detector: str
    runs: RunRange


@dataclass(frozen=True, slots=True)
class TagText:
    """A tag to be compiled.

    Args:
        name: of the tag.
        description: what it is for.
        period: whose runs it covers.
        state: that it is left in.
    """

    name: str
    description: str
    period: Period
    state: str


@dataclass(frozen=True, slots=True)
class BaselineText:
    """Everything in a baseline directory but the detectors.

    Args:
        constants: by diameter in inches, then by quantity.
        tags: in the order of the file.
        files: that were read.
    """

    constants: Mapping[int, Mapping[str, Constant]]
    tags: tuple[TagText, ...]
    files: tuple[Path, ...]


def read_baseline(directory: Path) -> BaselineText:
    """The text of a directory with tags.toml, periods.toml and constants/.

    Raises:
        ConfigurationError: a file, key or value is wrong.
    """
    periods_file, tags_file = directory / "periods.toml", directory / "tags.toml"
    types = sorted((directory / "constants").glob("*.toml"))
    periods = {period.name: period for period in map(_period, _rows(periods_file, "period"))}
    tags = tuple(_tag(row, periods) for row in _rows(tags_file, "tag"))
    constants = dict(_constants(path) for path in types)
    return BaselineText(constants, tags, (*types, periods_file, tags_file))


def _period(row: Table) -> Period:
    where = "periods.toml [[period]]"
    _check_keys(row, ("name", "description", "detector", "first_run"), ("last_run",), where)
    runs = RunRange(row["first_run"], row.get("last_run"))
    return Period(_text(row, "name", where), _text(row, "detector", where), runs)


def _tag(row: Table, periods: Mapping[str, Period]) -> TagText:
    where = "tags.toml [[tag]]"
    _check_keys(row, ("name", "description", "period", "state"), (), where)
    period, state = _text(row, "period", where), _text(row, "state", where)
    _choose("period", period, tuple(periods), where)
    _choose("state", state, STATES, where)
    name, description = _text(row, "name", where), _text(row, "description", where)
    return TagText(name, description, periods[period], state)


def _constants(path: Path) -> tuple[int, dict[str, Constant]]:
    table = _toml(path)
    names = tuple(quantity.name for quantity in QUANTITIES)
    _check_keys(table, ("diameter_inch", *names), (), path.name)
    constants = {}
    for quantity in QUANTITIES:
        where = f"{path.name} [{quantity.name}]"
        row = table[quantity.name]
        _check_keys(row, ("unit", "value", "common_error", "spread", "source"), (), where)
        _choose("unit", row["unit"], (quantity.unit,), where)
        error = math.hypot(_number(row, "common_error", where), _number(row, "spread", where))
        constants[quantity.name] = Constant(_number(row, "value", where), error)
    return int(_number(table, "diameter_inch", path.name)), constants


def _toml(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"the baseline is readable TOML, got {path}: {error}"
        raise ConfigurationError(message) from error


def _rows(path: Path, name: str) -> Sequence[Table]:
    table = _toml(path)
    _check_keys(table, (name,), (), path.name)
    rows = table[name]
    if not isinstance(rows, list):
        message = f"{name} must be a list of tables, [[{name}]], got {rows!r} in {path.name}"
        raise ConfigurationError(message)
    return rows


def _check_keys(table: object, needed: Sequence[str], allowed: Sequence[str], where: str) -> None:
    if not isinstance(table, dict):
        message = f"a table must stand here, got {table!r} in {where}"
        raise ConfigurationError(message)
    valid = [*needed, *allowed]
    unknown = [key for key in table if key not in valid]
    if unknown:
        message = f"unknown key {unknown[0]!r} in {where}: valid are {', '.join(valid)}"
        raise ConfigurationError(message)
    missing = [key for key in needed if key not in table]
    if missing:
        message = f"missing key {missing[0]!r} in {where}: needed are {', '.join(needed)}"
        raise ConfigurationError(message)


def _text(row: Table, key: str, where: str) -> str:
    value = row[key]
    if not isinstance(value, str):
        message = f"{key} must be a text, got {value!r} in {where}"
        raise ConfigurationError(message)
    return value


def _number(row: Table, key: str, where: str) -> float:
    value = row[key]
    if type(value) not in (int, float) or not math.isfinite(value):
        message = f"{key} must be a finite number, got {value!r} in {where}"
        raise ConfigurationError(message)
    return float(value)


def _choose(what: str, value: object, choices: Sequence[str], where: str) -> None:
    if value not in choices:
        message = f"{what} must be one of {', '.join(choices)}, got {value!r} in {where}"
        raise ConfigurationError(message)
