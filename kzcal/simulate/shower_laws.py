"""What showers of muons, their captures and isotopes follow: every figure, known or guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml
from kzcal.simulate.muons import LONGEST_M, MuonRates

OTHERS = 0.41
"""Yield of an isotope whose own is not published, per kton-day. Assumption: all alike, so large
that those of 2.35 to 2.70 MeV add up with the published ones to what the fit to data has there,
3.1 +- 0.8 per kton-day; simulated, they are 2.9. The table of KamLAND-Zen (2023),
arXiv:2301.09307, settles it."""
PUBLISHED = {
    "y88": 0.136,
    "sb118": 1.288,
    "i122": 1.965,
    "i124": 1.654,
    "i130": 1.188,
    "i132": 0.427,
}
UNPUBLISHED = (
    "nb90 tc96 rh98 rh100 ag104 ag104m in107 in108 in110 in110m sn109 sb113 sb114 sb115 sb116 "
    "sb124 te115 te117 i119 i120 xe121 i134 cs125 cs126 cs128"
)
FRACTIONS = (
    "shower_neutrons",
    "efficiency",
    "efficiency_many",
    "gain_sag",
    "misfits",
    "carbon_share",
)
LENGTHS = ("core_m", "isotope_m")
"""Beyond these lengths hardly anything falls into the scintillator."""


def known_yields() -> dict[str, float]:
    """Isotopes that live long, each with its yield per kton-day of xenon-loaded scintillator.

    Source: FLUKA in KamLAND-Zen (2023), arXiv:2301.09307, for those published.
    """
    return PUBLISHED | dict.fromkeys(UNPUBLISHED.split(), OTHERS)


@dataclass(frozen=True, slots=True)
class ShowerLaws:
    """Muons, showers, captures, isotopes and what the detector sees of them.

    Args:
        shower_neutrons: share of the captures that follow muons with a shower. Assumption:
            0.64 +- 0.05, with which a muon of k captures showers with the chance k / (k + h).
        core_m: standard deviation of a shower along the track, m. Assumption: 1.5 +- 0.5, for
            its captures, its isotopes and its energy alike.
        parent_neutrons: median number of captures after the muon that makes an isotope, one at
            least. Assumption: log-normal; no other figure matters as much: scan it.
        parent_spread: standard deviation of the logarithm of that number. Assumption: 1.
        isotope_m: mean distance of an isotope from the axis of its shower, m. Assumption:
            exponential, 0.40 +- 0.15.
        loss: energy that a muon deposits without a shower, MeV per m.
        shower_mev: least energy of a shower, MeV. Source: 1e6 p.e., KamLAND (2010),
            arXiv:0907.0066.
        shower_most: largest, MeV. Assumption.
        shower_slope: power of the energy by which the numbers of showers fall between them.
            Assumption: 3, with which muons deposit 2.3 GeV on average.
        capture_mev: energy that a shower deposits per capture beside that, MeV. Assumption.
        light_yield: of a muon, p.e. per MeV. Assumption: 350 +- 40.
        efficiency: for captures after muons with few. Assumption: 0.80 +- 0.08.
        efficiency_many: for captures after muons with ``many`` or more, falling to it evenly.
            Assumption: 0.5 +- 0.2.
        many: captures; see above.
        dead_us: no capture is seen earlier after its muon, us. Assumption.
        capture_m: standard deviation of the vertex of a capture on each axis, m. Assumption:
            0.20 +- 0.05, the range of the gamma included.
        early_m: the same in the first ``early_us``, m. Assumption.
        early_us: see above, us.
        gain_sag: by which energies are low after a shower when ``dead_us`` are over. Assumption:
            0.10 +- 0.05.
        sag_us: in which that recovers, us. Assumption: 150 +- 75.
        carbon_share: share of captures on carbon, 4.945 MeV. Source: FLUKA, KamLAND (2010).
        energy_resolution: at 1 MeV. Source: KamLAND-Zen 800's published 6.7 %.
        track_m: standard deviation of a track's place on each of two axes, m. Assumption: 0.30
            +- 0.15.
        track_degrees: the same of its direction. Assumption: 5 +- 3.
        misfits: share of tracks that have nothing to do with their muon. Assumption: 0.03.
        profile_resolution: of the energy in each piece of a track. Assumption: 0.20.
        xenon136_kg: in the inner balloon, kg. Source: KamLAND-Zen 800's 745 kg of xenon, 91 %
            enriched.
        loaded_t: mass of the xenon-loaded scintillator, t.
    """

    shower_neutrons: float = 0.64
    core_m: float = 1.5
    parent_neutrons: float = 8.0
    parent_spread: float = 1.0
    isotope_m: float = 0.40
    loss: float = 170.0
    shower_mev: float = 2_900.0
    shower_most: float = 100_000.0
    shower_slope: float = 3.0
    capture_mev: float = 500.0
    light_yield: float = 350.0
    efficiency: float = 0.80
    efficiency_many: float = 0.50
    many: float = 50.0
    dead_us: float = 20.0
    capture_m: float = 0.20
    early_m: float = 0.40
    early_us: float = 100.0
    gain_sag: float = 0.10
    sag_us: float = 150.0
    carbon_share: float = 0.0077
    energy_resolution: float = 0.067
    track_m: float = 0.30
    track_degrees: float = 5.0
    misfits: float = 0.03
    profile_resolution: float = 0.20
    xenon136_kg: float = 677.0
    loaded_t: float = 23.8

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            most = (
                1.0 if each.name in FRACTIONS else LONGEST_M if each.name in LENGTHS else math.inf
            )
            if not (0 <= value <= most and value < math.inf):
                message = f"{each.name} of [showers] must lie between 0 and {most}, got {value}"
                raise ConfigurationError(message)
        if not 0 < self.shower_mev < self.shower_most:
            message = (
                "shower_mev of [showers] must be positive and below shower_most, got "
                f"{self.shower_mev} and {self.shower_most}"
            )
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class ShowerModel:
    """All that a simulation of showers follows.

    Args:
        muons: how often muons come and what they leave.
        showers: the rest.
        yields: of the isotopes that live long, per kton-day.
    """

    muons: MuonRates = field(default_factory=MuonRates)
    showers: ShowerLaws = field(default_factory=ShowerLaws)
    yields: Mapping[str, float] = field(default_factory=known_yields)

    def __post_init__(self) -> None:
        wrong = {name: y for name, y in self.yields.items() if not 0 <= y < math.inf}
        if wrong or not sum(self.yields.values()) > 0:
            message = (
                f"yields must not be negative and one be positive, got {wrong or self.yields}"
            )
            raise ConfigurationError(message)

    def scaled(self, factors: Mapping[str, float]) -> ShowerModel:
        """The same with some figures larger by factors, by name.

        Raises:
            ConfigurationError: there is no figure of a name.
        """
        own = {name: _chosen(record, factors) for name, record in self._records().items()}
        known = [name for record in self._records().values() for name in _names(record)]
        for name in factors:
            if name not in known:
                message = f"showers have no figure {name!r} to scale (choices: {', '.join(known)})"
                raise ConfigurationError(message)
        return replace(self, **{k: replace(v, **own[k]) for k, v in self._records().items()})

    def _records(self) -> dict[str, Any]:
        return {"muons": self.muons, "showers": self.showers}


def _names(record: Any) -> list[str]:  # noqa: ANN401  one of two records
    return [each.name for each in fields(record)]


def _chosen(record: Any, factors: Mapping[str, float]) -> dict[str, float]:  # noqa: ANN401
    return {k: getattr(record, k) * factor for k, factor in factors.items() if k in _names(record)}


def read_model(path: Path) -> ShowerModel:
    """A TOML file with tables [muons], [showers] and [yields]; what it leaves out stays known.

    Raises:
        ConfigurationError: it cannot be read, or a table or key is unknown or no number.
    """
    table = read_toml(path)
    records: dict[str, type] = {"muons": MuonRates, "showers": ShowerLaws}
    if unknown := sorted(set(table) - {*records, "yields"}):
        message = f"{path}: unknown key {unknown[0]!r}: valid are muons, showers, yields"
        raise ConfigurationError(message)
    numbers = {name: _numbers(table.get(name, {}), f"{path} [{name}]") for name in table}
    for name, record in records.items():
        valid = [each.name for each in fields(record)]
        if unknown := [key for key in numbers.get(name, {}) if key not in valid]:
            message = f"{path} [{name}]: unknown key {unknown[0]!r}: valid are {', '.join(valid)}"
            raise ConfigurationError(message)
    return ShowerModel(
        MuonRates(**numbers.get("muons", {})),
        ShowerLaws(**numbers.get("showers", {})),
        known_yields() | numbers.get("yields", {}),
    )


def _numbers(table: object, where: str) -> dict[str, float]:
    if not isinstance(table, Mapping):
        message = f"{where}: a table is needed, got {table!r}"
        raise ConfigurationError(message)
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = f"{where}: {key} must be a number, got {value!r}"
            raise ConfigurationError(message)
    return {key: float(value) for key, value in table.items()}
