"""KamNet: event topology from hits on the sphere, by networks that respect rotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from kzcal.components import Classifier, Command, Option
from kzcal.hookspecs import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from kzcal.learning import ClassifierTask, HitClassifier, LearningClassifier, Trained


def _learn(task: ClassifierTask, **options: float) -> LearningClassifier:
    from kzcal_kamnet.classifier import learner

    return learner(task, options)


def _build(trained: Trained) -> HitClassifier:
    from kzcal_kamnet.classifier import classifier

    return classifier(trained)


def _check(options: Mapping[str, float]) -> None:
    from kzcal_kamnet.recipe import Recipe

    Recipe.of(options)


def _export(trained: Trained, path: Path) -> str:
    from kzcal_kamnet.onnx import write_onnx

    return write_onnx(trained, path)


KAMNET = Classifier(
    "kamnet",
    "Networks that respect rotations: a small one, and the published one.",
    build=_build,
    learn=_learn,
    export=_export,
    check=_check,
    options=(
        Option("published", 0.0, "1", "0: the small network; 1: that of arXiv:2203.01870"),
        Option("batch", 128.0, "events", "of a step"),
        Option("rate", 0.002, "1", "of the optimiser at its highest"),
        Option("schedule", 1500.0, "steps", "over which the rate falls"),
        Option("dead", 0.02, "1", "chance of a PMT to be silenced in an event"),
        Option("decay", 0.02, "1", "of weights"),
        Option("hidden", 48.0, "1", "width of the small network's head"),
        Option("dropout", 0.2, "1", "of the small network's head"),
    ),
    presets={
        "small": {"published": 0.0},
        "paper": {
            "published": 1.0,
            "batch": 32.0,
            "rate": 7.7296e-5,
            "schedule": 26250.0,
            "dead": 0.0,
            "decay": 0.0,
        },
    },
)


def _reconstruct() -> click.Command:
    from kzcal_kamnet.reconstruction_command import kamnet_reconstruct

    return kamnet_reconstruct


RECONSTRUCT = Command(
    "kamnet-reconstruct",
    "Reconstruct vertex, energy and time with KamNet's trunk, fitted to simulated events.",
    build=_reconstruct,
)


@hookimpl
def kzcal_commands() -> Iterable[Command]:
    """One command."""
    return (RECONSTRUCT,)


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """KamNet."""
    return (KAMNET,)
