"""The settings of a stability watch, read from TOML; every one has a default and a reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """Settings of ``kzcal monitor``.

    Args:
        false_alarms: share of unchanging series that are given a change. Of the about eleven
            thousand series of a detector one is, with the default.
        walk: standard deviation by which a constant may wander from one run to the next, in
            units of its typical error; 0 if it drifts steadily or not at all.
        flash_factor: dark rate over what it was from which a PMT counts as flashing.
        noisy: chi-square per degree of freedom about the fitted segments from which a constant
            counts as unsteady, if chance exceeds it no more often than ``false_alarms``.
        group_least: PMTs that change together, at least, to be reported as a group.
        boundary_pmts: PMTs that have changed since the last boundary from which a new interval
            of validity begins.
        seed: of the simulation that fixes the penalty.
    """

    false_alarms: float = 1e-4
    walk: float = 0.0
    flash_factor: float = 3.0
    noisy: float = 4.0
    group_least: int = 6
    boundary_pmts: int = 10
    seed: int = 1

    def __post_init__(self) -> None:
        rules = {
            "false_alarms": (0.0 < self.false_alarms < 0.05, "between 0 and 0.05"),
            "walk": (0.0 <= self.walk <= 10.0, "0 to 10"),
            "flash_factor": (1.0 < self.flash_factor <= 1e3, "more than 1, 1000 at most"),
            "noisy": (1.0 < self.noisy <= 1e3, "more than 1, 1000 at most"),
            "group_least": (self.group_least >= 2, "2 at least"),
            "boundary_pmts": (self.boundary_pmts >= 1, "1 at least"),
            "seed": (0 <= self.seed < 2**63, "a whole number from 0"),
        }
        for name, (kept, rule) in rules.items():
            if not kept:
                message = f"{name} must be {rule}, got {getattr(self, name)}"
                raise ConfigurationError(message)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for the lineage."""
        return asdict(self)

    @classmethod
    def from_toml(cls, path: Path) -> MonitorConfig:
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
