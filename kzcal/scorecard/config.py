"""The settings of a scorecard, read from TOML."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml
from kzcal.scorecard.deals import blocks_for

TARGETS: Mapping[str, float] = MappingProxyType(
    {
        "dark_fraction": 0.02,
        "time_resolution": 0.02,
        "charge_resolution": 0.02,
        "occupancy_correlation": 0.97,
        "boosted_auc": 0.55,
        "graph_auc": 0.55,
    }
)
"""What is asked of a translator: relative differences at most, share of the attainable correlation
at least, areas under curves at most."""
LEAST: Mapping[str, int] = MappingProxyType(
    {
        "blocks": 8,
        "deals": 99,
        "events": 100,
        "graph_events": 0,
        "shuffles": 2,
        "graph_shuffles": 2,
        "seed": 0,
    }
)
"""Smallest value of each whole number."""
FEWEST_FOR_GRAPHS = 50
"""Events of each file from which a graph network learns anything."""


@dataclass(frozen=True, slots=True)
class ScorecardConfig:
    """Settings of a scorecard.

    Args:
        blocks: of events in each file, which are dealt anew and left out in turn.
        deals: how often.
        false_alarm: rate at which two files of one law differ in any row.
        events: of each file that classifiers learn from, at most.
        graph_events: the same for the graph network; 0 leaves it out.
        shuffles: of halves of the data for what boosted trees find between them.
        graph_shuffles: the same for the graph network.
        seed: decides all that is random.
        targets: by name; those that are left out keep their default.
    """

    blocks: int = 24
    deals: int = 4999
    false_alarm: float = 0.01
    events: int = 4000
    graph_events: int = 1000
    shuffles: int = 8
    graph_shuffles: int = 4
    seed: int = 1
    targets: Mapping[str, float] = field(default_factory=lambda: dict(TARGETS))

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                message = f"{name} is a whole number from {least}, got {value!r}"
                raise ConfigurationError(message)
        if 0 < self.graph_events < FEWEST_FOR_GRAPHS:
            message = (
                f"graph_events is 0 or a whole number from {FEWEST_FOR_GRAPHS}, got "
                f"{self.graph_events}"
            )
            raise ConfigurationError(message)
        if not _is_number(self.false_alarm) or not 0 < self.false_alarm < 1:
            message = f"false_alarm lies between 0 and 1, got {self.false_alarm!r}"
            raise ConfigurationError(message)
        for name, value in self.targets.items():
            if name not in TARGETS:
                message = f"a target is one of {', '.join(TARGETS)}, got {name!r}"
                raise ConfigurationError(message)
            if not _is_number(value) or value <= 0:
                message = f"target {name} is a positive number, got {value!r}"
                raise ConfigurationError(message)

    def require_reach(self, n_rows: int, *, paired: bool) -> None:
        """Refuse settings with which no row could differ, however far the files are apart.

        Args:
            n_rows: that are tested together.
            paired: whether the events of the files are the same ones.

        Raises:
            ConfigurationError: there are too few deals or blocks for the rate of false alarms.
        """
        needed = math.floor(n_rows / self.false_alarm)
        if self.deals < needed:
            message = (
                f"{n_rows} rows at false_alarm = {self.false_alarm:g} need {needed} deals at "
                f"least, got {self.deals}: set deals, or false_alarm = "
                f"{math.ceil(1e4 * n_rows / self.deals) / 1e4:g}"
            )
            raise ConfigurationError(message)
        fewest = blocks_for(self.false_alarm / n_rows, paired=paired)
        if self.blocks < fewest:
            events = "the same events" if paired else "different events"
            message = (
                f"{n_rows} rows of {events} at false_alarm = {self.false_alarm:g} need {fewest} "
                f"blocks at least, got {self.blocks}: set blocks"
            )
            raise ConfigurationError(message)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)

    @classmethod
    def from_toml(cls, path: Path) -> ScorecardConfig:
        """Settings of a TOML file; what it leaves out keeps its default."""
        table = read_toml(path)
        known = [f.name for f in fields(cls)]
        for key in table:
            if key not in known:
                message = f"{path}: unknown key {key!r}: choose from {', '.join(known)}"
                raise ConfigurationError(message)
        targets = table.get("targets", {})
        if not isinstance(targets, Mapping):
            message = f"{path}: targets is a table, got {targets!r}"
            raise ConfigurationError(message)
        return cls(**{**table, "targets": {**TARGETS, **targets}})


def _is_number(value: object) -> bool:
    """Whether it is a finite number."""
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
