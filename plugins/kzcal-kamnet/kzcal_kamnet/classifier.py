"""KamNet as a classifier: which network, what it sees, and where its training begins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import nn

from kzcal.classify.augment import Variation
from kzcal.errors import TrainingError
from kzcal.geometry import Detector
from kzcal.learning import ClassifierTask, CorrectedEvents, Trained
from kzcal.training.network import (
    Batches,
    Draw,
    NetworkClassifier,
    NetworkLearner,
    drawn_network,
)
from kzcal_kamnet.arrival import Arrival
from kzcal_kamnet.kept import KeptPictures
from kzcal_kamnet.light import SeenLight
from kzcal_kamnet.paper import PaperNetwork
from kzcal_kamnet.recipe import Recipe
from kzcal_kamnet.slices import SliceView
from kzcal_kamnet.small import SmallNetwork
from kzcal_kamnet.views import SmallView, View

COUNTED = 2000
"""Events of signal from which the arrival of light is counted, a million hits."""
COUNTINGS = 3
"""Times that light is counted, each time from where the last counting finds single sites."""


def learner(task: ClassifierTask, options: Mapping[str, float]) -> NetworkLearner[CorrectedEvents]:
    """A training that has not begun.

    Raises:
        ConfigurationError: an option is out of its range.
        TrainingError: there is no signal to count the arrival of light from.
    """
    recipe = Recipe.of(options)
    network = drawn_network(lambda: _network(recipe), task)
    view = _view(network, task.detector, task.device)
    if isinstance(network, SmallNetwork) and isinstance(view, SmallView):
        _begin(network, view, task)
    batches: Draw = Batches(task.events, view, Variation(recipe.dead))
    if recipe.keeps:
        batches = KeptPictures.of(task, view, recipe.dead)
    optimiser = recipe.optimiser(network)
    return NetworkLearner(task, network, view, batches, recipe.descent, optimiser=optimiser)


def classifier(trained: Trained) -> NetworkClassifier[CorrectedEvents]:
    """A network with the weights that training left."""
    network = trained_network(trained)
    return NetworkClassifier(network, _view(network, trained.detector, trained.device))


def trained_network(trained: Trained) -> nn.Module:
    """The network alone."""
    network = _network(Recipe.of(trained.options)).to(trained.device)
    network.load_state_dict(dict(trained.weights))
    return network


def _network(recipe: Recipe) -> nn.Module:
    return PaperNetwork() if recipe.published else SmallNetwork(recipe.hidden, recipe.dropout)


def _view(network: nn.Module, detector: Detector, device: torch.device) -> View:
    """What a network sees of events."""
    if isinstance(network, SmallNetwork):
        return SmallView(network.arrival, detector, device)
    if isinstance(network, PaperNetwork):
        return SliceView.of(detector, network.degree, device)
    message = f"a view belongs to one of the networks of kamnet, got {type(network).__name__}"
    raise TypeError(message)


def _begin(network: SmallNetwork, view: SmallView, task: ClassifierTask) -> None:
    """Count when light of signal arrives, and begin as likelihood ratios."""
    rows = counted_rows(task.signal)
    if not len(rows):
        message = (
            "kamnet counts the arrival of light from signal, got a training without signal; "
            "name a kind that the events have by --signal"
        )
        raise TrainingError(message)
    events = task.events.take(rows)
    count_arrival(network.arrival, SeenLight.of(events, task.detector, task.device))
    network.begin(view(events))


def counted_rows(signal: Bool[np.ndarray, " event"]) -> Int64[np.ndarray, " counted"]:
    """Rows of signal that light is counted from, evenly over all files and runs."""
    rows = np.flatnonzero(signal)
    if len(rows) <= COUNTED:
        return rows
    return np.asarray(rows[np.arange(COUNTED) * len(rows) // COUNTED])


def count_arrival(arrival: Arrival, light: SeenLight) -> None:
    """Count when light arrives, of events seen from where they fit best.

    Args:
        arrival: takes the density.
        light: of single-site events as reconstructed.
    """
    arrival.count(light)
    for _ in range(COUNTINGS - 1):
        arrival.count(arrival.located(light)[0])
