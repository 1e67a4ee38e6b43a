"""The settings of one calibration, read from TOML; every one has a default and a reason."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml

LEAST_SATURATION = 20.0
"""Photoelectrons; charges that are fitted are a few, and must be far from saturation."""


@dataclass(frozen=True, slots=True)
class CalibrationConfig:
    """Settings of a calibration run.

    Args:
        detector: name or TOML file of the detector.
        hits_per_chunk: hits held in memory at a time.
        light_speed: speed at which light is first taken to travel, m/ns; what is left over is
            learned from the data as a shift by distance.
        energy_min: events below are left out, MeV.
        energy_max: events above are left out, MeV.
        vertex_resolution: standard deviation of the reconstructed vertex at 1 MeV, three axes
            together, m; falls with the square root of the energy. Source: 13.7 cm, KamLAND-Zen
            800's published figure.
        t0_resolution: standard deviation of the reconstructed emission time, ns. Source: event
            file format.
        merging_time: pulses of a PMT closer than this are one hit, ns.
        charge_step: step in which charges are stored, p.e.; histogram edges avoid ties with it.
        saturation_pe: charge q reads q / (1 + q / saturation), p.e. Source: the assumption of
            detector_db/response.toml, with which runs are simulated.
        time_step: step in which times are stored, ns.
        dark_margin: hits earlier than t0 less this count as dark, ns.
        dead_fraction: below this share of its type's median rate above dark a PMT is dead.
        low_fraction: below this share it is low.
        hot_factor: above this multiple of its type's median dark rate a PMT is hot.
        seed: seed of everything random.
    """

    detector: str = "kamland-zen-800"
    hits_per_chunk: int = 1_000_000
    light_speed: float = 0.196
    energy_min: float = 0.1
    energy_max: float = 8.0
    vertex_resolution: float = 0.137
    t0_resolution: float = 0.35
    merging_time: float = 12.0
    charge_step: float = 1 / 64
    saturation_pe: float = 1500.0
    time_step: float = 1 / 8
    dark_margin: float = 40.0
    dead_fraction: float = 0.02
    low_fraction: float = 0.2
    hot_factor: float = 5.0
    seed: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"seed", "detector"}:
                continue
            if not 0 < value < math.inf:
                message = f"{field.name} must be positive and finite, got {value}"
                raise ConfigurationError(message)
        if self.saturation_pe < LEAST_SATURATION:
            message = f"saturation_pe is {LEAST_SATURATION} at least, got {self.saturation_pe}"
            raise ConfigurationError(message)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for the lineage."""
        return asdict(self)

    @classmethod
    def from_toml(cls, path: Path) -> CalibrationConfig:
        """Settings of a TOML file; what it leaves out keeps its default."""
        table = read_toml(path)
        known = {field.name: type(field.default) for field in fields(cls)}
        for key, value in table.items():
            if key not in known:
                message = f"{path}: unknown key {key!r}: choose from {', '.join(known)}"
                raise ConfigurationError(message)
            kind = known[key]
            allowed = (float, int) if kind is float else (kind,)
            if isinstance(value, bool) or not isinstance(value, allowed):
                message = f"{path}: {key} must be of type {kind.__name__}, got {value!r}"
                raise ConfigurationError(message)
        return cls(**table)
