"""The settings of a classifier's training, and the values of its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kzcal.classify.matching import MATCHED
from kzcal.components import HITS, Classifier
from kzcal.errors import ConfigurationError
from kzcal.training.config import TrainingConfig, option_values


@dataclass(frozen=True, slots=True)
class ClassifierConfig(TrainingConfig):
    """Settings of the training of a classifier.

    Args:
        events: about how many events of both classes together take part.
        most_held_out: about how many events validations are made of at most.
        minutes: longest time that a training takes, those before a resumption included.
        match: what weights make alike in both classes, so that it is not learned: nhit, energy or
            none.
        set_aside: share of each kind at the end of every file that takes no part at all.
    """

    events: int = 100_000
    most_held_out: int = 2_000
    minutes: float = 45.0
    match: str = "nhit"
    set_aside: float = 0.0

    def __post_init__(self) -> None:
        TrainingConfig.__post_init__(self)
        if self.match not in MATCHED:
            self._refuse("match", f"one of {', '.join(MATCHED)}")
        if not 0 <= self.set_aside < 1:
            self._refuse("set_aside", "a share from 0 to less than 1")


@dataclass(frozen=True, slots=True)
class CandidateConfig(ClassifierConfig):
    """Settings of the training of a classifier of candidates: of more, and matched on request.

    Candidates are rows of numbers, of which there is room for many.
    """

    events: int = 10_000_000
    most_held_out: int = 20_000
    match: str = "none"


def config_type(record: Classifier) -> type[ClassifierConfig]:
    """Settings of the training of a classifier, by what it takes."""
    return ClassifierConfig if record.takes == HITS else CandidateConfig


def chosen_options(
    record: Classifier, preset: str | None, given: Mapping[str, object]
) -> dict[str, float]:
    """Value of every option of a classifier.

    Args:
        record: of the classifier.
        preset: name of values that take the place of the defaults; None for the defaults.
        given: values that differ from these.

    Raises:
        ConfigurationError: there is no such preset or option, or a value cannot be.
    """
    if preset is not None and preset not in record.presets:
        choices = ", ".join(record.presets) or "none"
        message = f"classifier {record.name} has no preset {preset!r} (choices: {choices})"
        raise ConfigurationError(message)
    values = option_values(record, {**record.presets.get(preset or "", {}), **given})
    if record.check is not None:
        record.check(values)
    return values
