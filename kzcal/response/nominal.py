"""What a calibration does not fit of a PMT's response, by type, from reviewed text.

The text is detector_db/response.toml, or a copy of it that a user has changed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kzcal.baseline import baseline_directory
from kzcal.errors import ConfigurationError

TYPES = (17, 20)
NUMBERS = (
    "exponential_fraction",
    "exponential_scale",
    "threshold_pe",
    "threshold_width_pe",
    "time_walk_ns",
)


@dataclass(frozen=True, slots=True)
class NominalStray:
    """Share of photoelectrons with a pulse at an unusual time, and its delays.

    Args:
        why: what such pulses are.
        share: of photoelectrons.
        delay_ns: least and largest delay.
    """

    why: str
    share: float
    delay_ns: tuple[float, float]


@dataclass(frozen=True, slots=True)
class NominalType:
    """One PMT type.

    Args:
        numbers: shape of the charge, threshold and time walk by the names in NUMBERS.
        moved: pulses that come at another time.
        added: pulses that come on top.
    """

    numbers: Mapping[str, float]
    moved: tuple[NominalStray, ...]
    added: tuple[NominalStray, ...]

    @property
    def early_ns(self) -> tuple[float, float]:
        """Least and largest delay of pulses that come early; none at all without such pulses."""
        delays = [stray.delay_ns for stray in self.moved if stray.delay_ns[1] <= 0]
        return min((a for a, _ in delays), default=0.0), max((b for _, b in delays), default=0.0)


@dataclass(frozen=True, slots=True)
class NominalResponse:
    """All types, and the electronics that they share.

    Args:
        types: by diameter in inches.
        saturation_pe: charge q reads q / (1 + q / saturation).
    """

    types: Mapping[int, NominalType]
    saturation_pe: float


def read_nominal(path: Path | None = None) -> NominalResponse:
    """Parse the text.

    Args:
        path: of the text; None for the reviewed one.

    Raises:
        ConfigurationError: the file cannot be read, or a key or value is wrong.
    """
    path = baseline_directory() / "response.toml" if path is None else path
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"the nominal response must be readable TOML, got {path}: {error}"
        raise ConfigurationError(message) from error
    names = [f"{size}-inch" for size in TYPES]
    _check_keys(table, [*names, "saturation_pe"], path)
    types = {size: _type(table[f"{size}-inch"], path) for size in TYPES}
    return NominalResponse(types, _number(table, "saturation_pe", path))


def _type(table: Mapping[str, Any], path: Path) -> NominalType:
    _check_keys(table, [*NUMBERS, "moved", "added"], path)
    return NominalType(
        {name: _number(table, name, path) for name in NUMBERS},
        tuple(_stray(row, path) for row in table["moved"]),
        tuple(_stray(row, path) for row in table["added"]),
    )


def _stray(table: Mapping[str, Any], path: Path) -> NominalStray:
    _check_keys(table, ["why", "share", "delay_ns"], path)
    share, delays = _number(table, "share", path), table["delay_ns"]
    first, last = (float(delay) for delay in delays)
    if not 0 <= share < 1 or first > last:
        message = (
            f"a share lies between 0 and 1 and delays ascend, got share={share} and "
            f"delay_ns={delays} in {path}"
        )
        raise ConfigurationError(message)
    return NominalStray(str(table["why"]), share, (first, last))


def _number(table: Mapping[str, Any], name: str, path: Path) -> float:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        message = f"{name} must be a number, not negative, got {value!r} in {path}"
        raise ConfigurationError(message)
    return float(value)


def _check_keys(table: Mapping[str, Any], keys: list[str], path: Path) -> None:
    """Every key is needed and no other is known."""
    if set(table) != set(keys):
        wrong = ", ".join(sorted(set(table) ^ set(keys)))
        message = f"{path} has the keys {', '.join(keys)}, got unknown or missing {wrong}"
        raise ConfigurationError(message)
