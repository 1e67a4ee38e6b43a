"""PointNet on the neutron captures around a decay, for long-lived spallation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from kzcal.components import Classifier, Option
from kzcal.hookspecs import hookimpl

if TYPE_CHECKING:
    from kzcal.learning import (
        CandidateClassifier,
        CandidateTask,
        LearningCandidateClassifier,
        Trained,
    )


def _learn(task: CandidateTask, **options: float) -> LearningCandidateClassifier:
    from kzcal_pointnet.choosing import learner

    return learner(task, options)


def _build(trained: Trained) -> CandidateClassifier:
    from kzcal_pointnet.choosing import classifier

    return classifier(trained)


def _check(options: Mapping[str, float]) -> None:
    from kzcal_pointnet.choosing import check

    check(options)


def _published(*, tracks: float, dedx: float) -> Mapping[str, float]:
    return MappingProxyType({"tracks": tracks, "dedx": dedx, "shower": 0.0})


POINTNET = Classifier(
    "pointnet",
    "PointNet of the neutron captures around a decay, or a network of the muons that left them.",
    build=_build,
    learn=_learn,
    check=_check,
    takes="spallation",
    options=(
        Option("tracks", 1.0, "1", "1 to see how captures lie to their muon's track, or 0"),
        Option("dedx", 1.0, "1", "1 to see the energy that the muon left near them, or 0"),
        Option("shower", 1.0, "1", "1 for the network of several muons, 0 for PointNet"),
        Option("hours", 1e4, "h", "after which captures of a muon are left out"),
        Option("features", 1024.0, "1", "of a decay in PointNet"),
        Option("transform", 0.0, "1", "1 for PointNet to turn displacements first, or 0"),
        Option(
            "turn", 1.0, "1", "1 to turn decays about the vertical while PointNet learns, or 0"
        ),
        Option("width", 64.0, "1", "numbers of a capture in the network of several muons"),
        Option("teach", 1.0, "1", "1 to use the true parent of simulated decays, or 0"),
        Option("batch", 256.0, "decays", "of a step"),
        Option("rate", 0.001, "1", "of AdamW at its highest"),
        Option("schedule", 2000.0, "steps", "over which the rate falls"),
        Option("decay", 0.01, "1", "of weights"),
        Option("averaged", 0.99, "1", "share of the average of weights that a step leaves in it"),
    ),
    presets={
        "vertices": _published(tracks=0.0, dedx=0.0),
        "tracks": _published(tracks=1.0, dedx=0.0),
        "dedx": _published(tracks=1.0, dedx=1.0),
        "shower": MappingProxyType({"tracks": 1.0, "dedx": 1.0, "shower": 1.0}),
    },
)


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """One, with a preset for each set of inputs."""
    return (POINTNET,)
