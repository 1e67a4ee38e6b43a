"""The settings of an evaluation, read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml

LEAST: Mapping[str, int] = MappingProxyType(
    {
        "draws": 20,
        "bins": 2,
        "reliability_bins": 2,
        "energy_classes": 1,
        "radius_classes": 1,
        "deals": 99,
        "splits": 0,
        "probed": 50,
        "probed_dead": 50,
        "seed": 0,
    }
)
"""Smallest value of each whole number."""
SHARES = ("acceptance", "acceptances", "dead")


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """Settings of an evaluation.

    Args:
        acceptance: share of the signal that the common threshold accepts.
        acceptances: for which rejections are given beside it.
        draws: of the events anew, for errors.
        bins: of each column that the score might depend on.
        reliability_bins: of the probability that the score states.
        energy_classes: in which data and simulation are compared.
        radius_classes: the same for the radius.
        deals: of events between data and simulation.
        splits: of the simulation, for the rate of false alarms.
        probed: events that a model is asked about, at most, what it looks at.
        probed_dead: the same for what dead PMTs cost.
        dead: shares of the PMTs in use that are made dead.
        seed: decides all that is random.
    """

    acceptance: float = 0.9
    acceptances: tuple[float, ...] = (0.8, 0.9, 0.95)
    draws: int = 1000
    bins: int = 6
    reliability_bins: int = 12
    energy_classes: int = 4
    radius_classes: int = 3
    deals: int = 1999
    splits: int = 200
    probed: int = 800
    probed_dead: int = 4000
    dead: tuple[float, ...] = (0.02, 0.05, 0.1)
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                message = f"{name} is a whole number from {least}, got {value!r}"
                raise ConfigurationError(message)
        for name in SHARES:
            value = getattr(self, name)
            for share in value if isinstance(value, tuple) else (value,):
                if isinstance(share, bool) or not isinstance(share, float) or not 0 < share < 1:
                    message = f"{name} lies between 0 and 1, got {share!r}"
                    raise ConfigurationError(message)

    @property
    def cuts(self) -> tuple[float, ...]:
        """All acceptances for which rejections are given, ascending."""
        return tuple(sorted({*self.acceptances, self.acceptance}))

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)

    @classmethod
    def from_toml(cls, path: Path) -> EvaluationConfig:
        """Settings of a TOML file; what it leaves out keeps its default."""
        table = read_toml(path)
        known = [f.name for f in fields(cls)]
        for key in table:
            if key not in known:
                message = f"{path}: unknown key {key!r}: choose from {', '.join(known)}"
                raise ConfigurationError(message)
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        return cls(**given)
