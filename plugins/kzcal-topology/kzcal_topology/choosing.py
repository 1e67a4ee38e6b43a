"""What each network is made of, by its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from kzcal.classify.augment import Turns, Variation
from kzcal.errors import ConfigurationError
from kzcal.learning import ClassifierTask, CorrectedEvents, Trained
from kzcal.training.network import (
    Batches,
    NetworkClassifier,
    NetworkLearner,
    View,
    drawn_network,
)
from kzcal.training.recipe import Recipe
from kzcal_topology.graph_network import GraphNetwork
from kzcal_topology.graphs import AROUND, GraphMaker
from kzcal_topology.grid import Grid, GridNetwork

MOST = {"channels": 1024, "width": 1024, "neighbours": AROUND}
"""Largest value of what networks are made of."""


@dataclass(frozen=True, slots=True)
class Design:
    """A network and what it sees.

    Args:
        make: makes the network.
        view: of events.
        turns: rotations that it has to learn about; None for one that no rotation changes.
    """

    make: Callable[[], nn.Module]
    view: View[CorrectedEvents]
    turns: Turns | None = None


def grid_design(given: ClassifierTask | Trained, options: Mapping[str, float]) -> Design:
    """The CNN on a grid."""
    channels = _whole("channels", options["channels"])
    grid = Grid.of(given.detector, given.device)
    return Design(lambda: GridNetwork(channels), grid.see, Turns.of(given.detector))


def graph_design(given: ClassifierTask | Trained, options: Mapping[str, float]) -> Design:
    """The network on graphs of hits."""
    width, neighbours = (_whole(name, options[name]) for name in ("width", "neighbours"))
    maker = GraphMaker.of(given.detector, neighbours, given.device)
    return Design(lambda: GraphNetwork(width), maker.see)


def learner(
    design: Callable[[ClassifierTask | Trained, Mapping[str, float]], Design],
    task: ClassifierTask,
    options: Mapping[str, float],
) -> NetworkLearner[CorrectedEvents]:
    """A training that has not begun."""
    chosen = design(task, options)
    change = Variation(options["dead"], chosen.turns)
    batches = Batches(task.events, chosen.view, change)
    network = drawn_network(chosen.make, task)
    return NetworkLearner(task, network, chosen.view, batches, _recipe(options))


def classifier(
    design: Callable[[ClassifierTask | Trained, Mapping[str, float]], Design], trained: Trained
) -> NetworkClassifier[CorrectedEvents]:
    """A network with the weights that training left."""
    chosen = design(trained, trained.options)
    network = chosen.make().to(trained.device)
    network.load_state_dict(dict(trained.weights))
    return NetworkClassifier(network, chosen.view)


def check_network(options: Mapping[str, float]) -> None:
    """Refuse options of one of the networks.

    Raises:
        ConfigurationError: one is out of its range, or counts something and is not whole.
    """
    _recipe(options)
    Variation(options["dead"])
    for name in MOST.keys() & options.keys():
        _whole(name, options[name])


def _recipe(options: Mapping[str, float]) -> Recipe:
    return Recipe(**{name: options[name] for name in ("batch", "rate", "schedule")})


def _whole(name: str, value: float) -> int:
    most = MOST[name]
    if not 1 <= value <= most or value != int(value):
        message = f"{name} is a whole number from 1 to {most}, got {value:g}"
        raise ConfigurationError(message)
    return int(value)
