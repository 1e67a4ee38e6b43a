"""The TOML description of a detector, parsed into typed records; every wrong key is named."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kzcal.errors import DetectorError
from kzcal.geometry.layout import LAYOUTS, Site
from kzcal.geometry.light import LightParameters

REQUIRED = (
    "name",
    "layout",
    "pmt_radius_m",
    "scintillator_radius_m",
    "aperture_radius_m",
    "media",
)
OPTIONAL = ("omitted", "light_gain", "light")
SCINTILLATES = ("photons_per_mev", "birks_mm_per_mev")


@dataclass(frozen=True, slots=True)
class Medium:
    """One shell of the detector.

    Args:
        name: what people call it.
        material: name of its optical table.
        inner_radius_m: where it begins, m.
        outer_radius_m: where it ends, m.
        photons_per_mev: scintillation photons per MeV of quenched energy; 0 makes none.
        birks_mm_per_mev: Birks constant of electrons, mm/MeV.
    """

    name: str
    material: str
    inner_radius_m: float
    outer_radius_m: float
    photons_per_mev: float = 0.0
    birks_mm_per_mev: float = 0.0


@dataclass(frozen=True, slots=True)
class LightGain:
    """Factors on the detected light relative to KamLAND-Zen 800.

    Args:
        collectors: light collectors before the PMTs.
        light_yield: scintillator.
        quantum_efficiency: photocathodes.
    """

    collectors: float = 1.0
    light_yield: float = 1.0
    quantum_efficiency: float = 1.0

    @property
    def total(self) -> float:
        """Product of all factors."""
        return self.collectors * self.light_yield * self.quantum_efficiency


@dataclass(frozen=True, slots=True)
class Description:
    """A detector file's content; radii in m, omitted sites by panel."""

    name: str
    layout: str
    pmt_radius: float
    scintillator_radius: float
    aperture_radius_17: float
    aperture_radius_20: float
    media: tuple[Medium, ...]
    omitted: Mapping[str, Sequence[Site]]
    light_gain: LightGain
    light: LightParameters


def read_toml(path: Path) -> dict[str, Any]:
    """The file as plain tables.

    Raises:
        DetectorError: it cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        message = f"a detector file must be readable, got {path}: {error.strerror}"
        raise DetectorError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"a detector file must be TOML, got {path}: {error}"
        raise DetectorError(message) from error


def describe(table: Mapping[str, Any], where: str) -> Description:
    """A detector file's tables as a description.

    Args:
        table: the file's content.
        where: what to call the file in an error.

    Raises:
        DetectorError: a key is unknown or missing, or a value is wrong.
    """
    _check_keys(table, REQUIRED, OPTIONAL, where)
    apertures = _table(table, "aperture_radius_m", where)
    _check_keys(apertures, ("17-inch", "20-inch"), (), f"{where} [aperture_radius_m]")
    gains = _table(table, "light_gain", where)
    _check_keys(gains, (), tuple(LightGain.__slots__), f"{where} [light_gain]")
    light = _table(table, "light", where)
    _check_keys(light, (), tuple(LightParameters.__slots__), f"{where} [light]")
    layout = _text(table, "layout", where)
    if layout not in LAYOUTS:
        message = f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r} in {where}"
        raise DetectorError(message)
    description = Description(
        name=_text(table, "name", where),
        layout=layout,
        pmt_radius=_positive(table, "pmt_radius_m", where),
        scintillator_radius=_positive(table, "scintillator_radius_m", where),
        aperture_radius_17=_positive(apertures, "17-inch", where),
        aperture_radius_20=_positive(apertures, "20-inch", where),
        media=_media(_tables(table, "media", where), where),
        omitted=_omitted(_tables(table, "omitted", where), where),
        light_gain=LightGain(**{key: _positive(gains, key, where) for key in gains}),
        light=LightParameters(**{key: _not_negative(light, key, where) for key in light}),
    )
    _check_radii(description, where)
    return description


def _check_keys(
    table: Mapping[str, Any], required: Sequence[str], optional: Sequence[str], where: str
) -> None:
    unknown = [key for key in table if key not in (*required, *optional)]
    if unknown:
        message = f"unknown key {unknown[0]!r} in {where}: valid are {[*required, *optional]}"
        raise DetectorError(message)
    missing = [key for key in required if key not in table]
    if missing:
        message = f"missing key {missing[0]!r} in {where}: needed are {list(required)}"
        raise DetectorError(message)


def _table(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        message = f"{key} must be a table, got {value!r} in {where}"
        raise DetectorError(message)
    return value


def _tables(table: Mapping[str, Any], key: str, where: str) -> Sequence[Mapping[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        message = f"{key} must be a list of tables, [[{key}]], got {value!r} in {where}"
        raise DetectorError(message)
    return value


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value:
        message = f"{key} must be a text that is not empty, got {value!r} in {where}"
        raise DetectorError(message)
    return value


def _positive(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table[key]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        message = f"{key} must be a positive number, got {value!r} in {where}"
        raise DetectorError(message)
    return float(value)


def _not_negative(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table[key]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        message = f"{key} must be a number from zero, got {value!r} in {where}"
        raise DetectorError(message)
    return float(value)


def _media(rows: Sequence[Mapping[str, Any]], where: str) -> tuple[Medium, ...]:
    media: list[Medium] = []
    for row in rows:
        place = f"{where} [[media]]"
        _check_keys(row, ("name", "material", "outer_radius_m"), SCINTILLATES, place)
        inner = media[-1].outer_radius_m if media else 0.0
        outer = _positive(row, "outer_radius_m", place)
        if outer <= inner:
            message = f"media go outwards, got outer_radius_m={outer} after {inner} in {place}"
            raise DetectorError(message)
        names = _text(row, "name", place), _text(row, "material", place)
        light = (_not_negative(row, key, place) if key in row else 0.0 for key in SCINTILLATES)
        media.append(Medium(*names, inner, outer, *light))
    return tuple(media)


def _omitted(rows: Sequence[Mapping[str, Any]], where: str) -> dict[str, list[Site]]:
    omitted: dict[str, list[Site]] = {}
    for row in rows:
        place = f"{where} [[omitted]]"
        _check_keys(row, ("panel", "sites"), ("why",), place)
        sites = row["sites"]
        if not isinstance(sites, list) or not all(_is_site(site) for site in sites):
            message = f"sites are pairs [row, column], got {sites!r} in {place}"
            raise DetectorError(message)
        omitted.setdefault(_text(row, "panel", place), []).extend((r, c) for r, c in sites)
    return omitted


def _is_site(site: object) -> bool:
    return isinstance(site, list) and len(site) == 2 and all(type(i) is int for i in site)


def _check_radii(description: Description, where: str) -> None:
    outer = [medium.outer_radius_m for medium in description.media]
    if description.scintillator_radius not in outer:
        message = (
            f"scintillator_radius_m must be where a medium ends ({outer}), "
            f"got {description.scintillator_radius} in {where}"
        )
        raise DetectorError(message)
    if not description.scintillator_radius < description.pmt_radius <= outer[-1]:
        message = (
            f"pmt_radius_m must lie between the scintillator ({description.scintillator_radius}) "
            f"and the end of the last medium ({outer[-1]}), "
            f"got {description.pmt_radius} in {where}"
        )
        raise DetectorError(message)
