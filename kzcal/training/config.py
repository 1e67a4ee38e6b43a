"""The settings of a training, read from TOML and completed on the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from kzcal.components import Classifier, Translator
from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml

OPTIONS = "options"


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Settings of a training.

    Args:
        detector: name or TOML file of the detector.
        events: about how many events of a file take part, those held out included: each does with
            the same chance.
        held_out: about which share of them validations are made of.
        most_held_out: about how many events validations are made of at most.
        minutes: longest time that a training takes, those before a resumption included.
        steps: most steps; 0 for no limit.
        validate_seconds: time between validations.
        validate_steps: steps between validations, instead; 0 leaves it to time.
        patience: validations without a better result after which a training stops.
        seed: decides every random number.
        options: of the translator or classifier, by name.
        where: the file, for errors.
    """

    detector: str = "kamland-zen-800"
    events: int = 20_000
    held_out: float = 0.1
    most_held_out: int = 1_000
    minutes: float = 30.0
    steps: int = 0
    validate_seconds: float = 60.0
    validate_steps: int = 0
    patience: int = 10
    seed: int = 1
    options: Mapping[str, float] = field(default_factory=dict)
    where: str = "defaults"

    def __post_init__(self) -> None:
        for name in ("minutes", "validate_seconds", "events", "most_held_out", "patience"):
            if not 0 < getattr(self, name) < math.inf:
                self._refuse(name, "positive and finite")
        for name in ("steps", "validate_steps", "seed"):
            if getattr(self, name) < 0:
                self._refuse(name, "zero or more")
        if not 0 < self.held_out < 1:
            self._refuse("held_out", "a share between 0 and 1")

    def _refuse(self, name: str, rule: str) -> None:
        message = f"{self.where}: {name} must be {rule}, got {getattr(self, name)!r}"
        raise ConfigurationError(message)

    def with_given(self, given: Mapping[str, Any]) -> Self:
        """The same settings with those that are not None replaced; options are added."""
        chosen = {name: value for name, value in given.items() if value is not None}
        options = {**self.options, **chosen.pop(OPTIONS, {})}
        return replace(self, **chosen, options=options)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, options aside."""
        return {n: v for n, v in asdict(self).items() if n not in {OPTIONS, "where"}}

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Settings of a TOML file; what it leaves out keeps its default.

        Raises:
            ConfigurationError: a key is unknown, or its value is of another type.
        """
        table = read_toml(path)
        known = {f.name: f.default for f in fields(cls) if f.name not in {OPTIONS, "where"}}
        for key, value in table.items():
            if key == OPTIONS and isinstance(value, Mapping):
                continue
            if key not in known:
                message = (
                    f"{path}: unknown key {key!r}: choose from {', '.join([*known, OPTIONS])}"
                )
                raise ConfigurationError(message)
            allowed = (int, float) if isinstance(known[key], float) else (type(known[key]),)
            if isinstance(value, bool) or not isinstance(value, allowed):
                message = f"{path}: {key} must be like {known[key]!r}, got {value!r}"
                raise ConfigurationError(message)
        return cls(**table, where=str(path))


def option_values(
    record: Translator | Classifier, given: Mapping[str, object]
) -> dict[str, float]:
    """Value of every option of a translator or a classifier.

    Args:
        record: of the translator or classifier.
        given: values that differ from the defaults.

    Raises:
        ConfigurationError: there is no such option, or its value is no number.
    """
    known = {option.name: option for option in record.options}
    for name in given:
        if name not in known:
            choices = ", ".join(known) or "none"
            kind = type(record).__name__.lower()
            message = f"{kind} {record.name} has no option {name!r} (choices: {choices})"
            raise ConfigurationError(message)
    values = {}
    for name, option in known.items():
        value = option.parse(given.get(name, option.default))
        if isinstance(value, tuple):
            message = f"an option of a training is one number, got {name}={value!r}"
            raise ConfigurationError(message)
        values[name] = value
    return values
