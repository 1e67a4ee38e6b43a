"""The settings of a closure, read from TOML."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from kzcal import __version__
from kzcal.baseline import baseline_digest
from kzcal.closure.experiment import Experiment
from kzcal.closure.statistics import Limits
from kzcal.conditions.canonical import canonical_json, sha256
from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml

EXPERIMENTS = {
    "toy": "kzcal.closure.toy:Toy",
    "pmts": "kzcal.closure.pmts:Pmts",
    "charges": "kzcal.closure.charges:Charges",
    "light": "kzcal.closure.light:Light",
}
"""Import path of each experiment; its fields are the options of the table of its name."""


@dataclass(frozen=True, slots=True)
class ClosureConfig:
    """Settings of a closure.

    Args:
        experiment: which: toy, pmts, charges or light.
        trials: how many truths are drawn.
        seed: decides all of them.
        options: of the experiment.
        limits: what is tolerated.
        where: the file, for errors.
    """

    experiment: str
    trials: int = 100
    seed: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    where: str = "defaults"

    def __post_init__(self) -> None:
        if self.experiment not in EXPERIMENTS:
            choices = ", ".join(EXPERIMENTS)
            message = f"{self.where}: experiment is one of {choices}, got {self.experiment!r}"
            raise ConfigurationError(message)
        for name, least in (("trials", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                message = f"{self.where}: {name} is a whole number from {least}, got {value!r}"
                raise ConfigurationError(message)

    def open(self) -> Experiment:
        """The experiment.

        Raises:
            ConfigurationError: it has no such option, or the value is of another type.
        """
        module, _, name = EXPERIMENTS[self.experiment].partition(":")
        kind = getattr(importlib.import_module(module), name)
        options = checked(kind, self.options, f"{self.where} [{self.experiment}]")
        experiment: Experiment = kind(**options)
        return experiment

    @property
    def digest(self) -> str:
        """Hash of all that decides a trial; trials of the same digest belong together."""
        told = {"experiment": self.experiment, "options": dict(self.options), "seed": self.seed}
        made_by = {"version": __version__, "baseline": baseline_digest()}
        return sha256(canonical_json({**told, **made_by}, "a closure"))

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for the page."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "where"}
        return {**told, "options": dict(self.options), "limits": asdict(self.limits)}

    @classmethod
    def from_toml(cls, path: Path) -> ClosureConfig:
        """Settings of a TOML file; the table of the experiment's name holds its options."""
        table = read_toml(path)
        known = ("experiment", "trials", "seed", "limits", *EXPERIMENTS)
        for key in table:
            if key not in known:
                message = f"{path}: unknown key {key!r}: choose from {', '.join(known)}"
                raise ConfigurationError(message)
        if "experiment" not in table:
            message = f"{path}: a closure names its experiment ({', '.join(EXPERIMENTS)})"
            raise ConfigurationError(message)
        limits = Limits(**checked(Limits, table.get("limits", {}), f"{path} [limits]"))
        plain = {key: table[key] for key in ("experiment", "trials", "seed") if key in table}
        options = table.get(str(table["experiment"]), {})
        return cls(**plain, options=options, limits=limits, where=str(path))


def checked(kind: type, table: object, where: str) -> dict[str, Any]:
    """A TOML table as arguments of a record; numbers and lists of them as its defaults are.

    Raises:
        ConfigurationError: a key is unknown, or a value is of another type than the default.
    """
    if not isinstance(table, Mapping):
        message = f"{where} is a table, got {table!r}"
        raise ConfigurationError(message)
    known = {f.name: f.default for f in fields(kind)}
    found = {}
    for key, value in table.items():
        if key not in known:
            message = f"{where}: unknown key {key!r}: choose from {', '.join(known) or 'none'}"
            raise ConfigurationError(message)
        found[key] = tuple(value) if isinstance(value, list) else value
        if not _alike(found[key], known[key]):
            message = f"{where}: {key} must be like {known[key]!r}, got {value!r}"
            raise ConfigurationError(message)
    return found


def _alike(value: object, default: object) -> bool:
    """Whether a value can stand in a default's place."""
    if isinstance(default, tuple) and isinstance(value, tuple):
        kinds = {type(part) for part in default}
        same = len(value) == len(default) or kinds == {str}
        return same and all(_alike(part, default[0]) for part in value)
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)
