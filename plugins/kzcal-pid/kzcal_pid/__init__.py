"""A graph network that tells positrons from gammas and electrons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kzcal.components import Classifier, Option
from kzcal.hookspecs import hookimpl

if TYPE_CHECKING:
    from kzcal.learning import ClassifierTask, HitClassifier, LearningClassifier, Trained


def _learn(task: ClassifierTask, **options: float) -> LearningClassifier:
    from kzcal_pid.choosing import learner

    return learner(task, options)


def _build(trained: Trained) -> HitClassifier:
    from kzcal_pid.choosing import classifier

    return classifier(trained)


def _check(options: Mapping[str, float]) -> None:
    from kzcal_pid.choosing import check

    check(options)


PID = Classifier(
    "pid",
    "A graph network in which every hit hears all others, by angle and time.",
    build=_build,
    learn=_learn,
    check=_check,
    options=(
        Option("width", 24.0, "1", "numbers of a hit"),
        Option("channels", 8.0, "1", "what a hit tells the others"),
        Option("layers", 1.0, "1", "times that hits hear each other"),
        Option("dropout", 0.5, "1", "share of the numbers of an event that a step leaves out"),
        Option("batch", 128.0, "events", "of a step"),
        Option("rate", 0.01, "1", "of the optimiser at its highest"),
        Option("schedule", 600.0, "steps", "over which the rate falls"),
        Option("dead", 0.2, "1", "chance of a PMT to be silenced in an event of a batch"),
    ),
)


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """One."""
    return (PID,)
