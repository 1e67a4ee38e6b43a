"""Classifiers of event topology that KamNet is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kzcal.components import Classifier, Option
from kzcal.hookspecs import hookimpl

if TYPE_CHECKING:
    from kzcal.learning import ClassifierTask, HitClassifier, LearningClassifier, Trained


def _learn_trees(task: ClassifierTask, **options: float) -> LearningClassifier:
    from kzcal_topology.trees import TimeTreesLearner

    return TimeTreesLearner(task, **options)


def _build_trees(trained: Trained) -> HitClassifier:
    from kzcal_topology.trees import TimeTrees

    return TimeTrees(trained)


def _check_trees(options: Mapping[str, float]) -> None:
    from kzcal_topology.trees import check_trees

    check_trees(options)


def _check_network(options: Mapping[str, float]) -> None:
    from kzcal_topology.choosing import check_network

    check_network(options)


def _learn_grid(task: ClassifierTask, **options: float) -> LearningClassifier:
    from kzcal_topology.choosing import grid_design, learner

    return learner(grid_design, task, options)


def _build_grid(trained: Trained) -> HitClassifier:
    from kzcal_topology.choosing import classifier, grid_design

    return classifier(grid_design, trained)


def _learn_graph(task: ClassifierTask, **options: float) -> LearningClassifier:
    from kzcal_topology.choosing import graph_design, learner

    return learner(graph_design, task, options)


def _build_graph(trained: Trained) -> HitClassifier:
    from kzcal_topology.choosing import classifier, graph_design

    return classifier(graph_design, trained)


_DEAD = Option("dead", 0.03, "1", "chance of a PMT to be silenced in an event of a batch")

TIME_TREES = Classifier(
    "time-trees",
    "Boosted trees on the histogram of residual times alone.",
    build=_build_trees,
    learn=_learn_trees,
    check=_check_trees,
    options=(
        Option("depth", 3.0, "1", "questions on the way to a leaf"),
        Option("rate", 0.05, "1", "share of its best values that a tree takes"),
        Option("part", 0.5, "1", "share of the events that a tree sees"),
        Option("leaf", 10.0, "events", "least sum of p (1 - p) over the events of a leaf"),
        Option("trees", 300.0, "1", "trees after which steps change nothing"),
    ),
)
GRID_CNN = Classifier(
    "grid-cnn",
    "A plain CNN on a grid of polar angle and azimuth, time slices as channels.",
    build=_build_grid,
    learn=_learn_grid,
    check=_check_network,
    options=(
        Option("channels", 24.0, "1", "of the first convolution"),
        Option("batch", 64.0, "events", "of a step"),
        Option("rate", 0.001, "1", "of Adam at the start"),
        Option("schedule", 600.0, "steps", "over which the rate falls"),
        _DEAD,
    ),
)
HIT_GRAPH = Classifier(
    "hit-graph",
    "A graph network of hits that are near in direction and time; no rotation changes it.",
    build=_build_graph,
    learn=_learn_graph,
    check=_check_network,
    options=(
        Option("width", 24.0, "1", "numbers of a node"),
        Option("neighbours", 6.0, "1", "nodes that a node hears"),
        Option("batch", 64.0, "events", "of a step"),
        Option("rate", 0.003, "1", "of Adam at the start"),
        Option("schedule", 600.0, "steps", "over which the rate falls"),
        _DEAD,
    ),
)


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """Three, from the times alone to a graph."""
    return (TIME_TREES, GRID_CNN, HIT_GRAPH)
