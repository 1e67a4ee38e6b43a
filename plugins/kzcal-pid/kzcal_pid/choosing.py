"""The network and its training, by the options of the classifier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from torch import nn

from kzcal.classify.augment import random_dead
from kzcal.errors import ConfigurationError
from kzcal.learning import ClassifierTask, CorrectedEvents, Trained
from kzcal.training.network import Batches, NetworkClassifier, NetworkLearner, drawn_network
from kzcal.training.recipe import Recipe
from kzcal_pid.clouds import CloudView
from kzcal_pid.network import PairNetwork

MOST = {"width": 256, "channels": 64, "layers": 8}
"""Largest value of what the network is made of."""
SHARES = ("dropout", "dead")
WARM_UP = 50
"""Steps in which the rate rises."""
AVERAGED = 0.99
"""Weights of a score are those of the last 100 steps, averaged."""


def learner(task: ClassifierTask, options: Mapping[str, float]) -> NetworkLearner[CorrectedEvents]:
    """A training that has not begun."""
    check(options)
    view = CloudView.of(task.detector, task.device)
    change = partial(_silenced, share=options["dead"]) if options["dead"] else None
    batches = Batches(task.events, view, change)
    network = drawn_network(lambda: _network(options), task)
    return NetworkLearner(task, network, view, batches, _recipe(options))


def classifier(trained: Trained) -> NetworkClassifier[CorrectedEvents]:
    """A network with the weights that training left."""
    network = _network(trained.options).to(trained.device)
    network.load_state_dict(dict(trained.weights))
    return NetworkClassifier(network, CloudView.of(trained.detector, trained.device))


def check(options: Mapping[str, float]) -> None:
    """Refuse options that cannot be.

    Raises:
        ConfigurationError: one is out of its range, or counts something and is not whole.
    """
    _recipe(options)
    for name, most in MOST.items():
        value = options[name]
        if not 1 <= value <= most or value != int(value):
            message = f"{name} is a whole number from 1 to {most}, got {value:g}"
            raise ConfigurationError(message)
    for name in SHARES:
        if not 0 <= options[name] < 1:
            message = f"{name} is a share from 0 to less than 1, got {options[name]:g}"
            raise ConfigurationError(message)


def _recipe(options: Mapping[str, float]) -> Recipe:
    chosen = {name: options[name] for name in ("batch", "rate", "schedule")}
    return Recipe(**chosen, warm_up=WARM_UP, averaged=AVERAGED)


def _network(options: Mapping[str, float]) -> nn.Module:
    width, channels, layers = (int(options[name]) for name in MOST)
    return PairNetwork(width, channels, layers, options["dropout"])


def _silenced(
    events: CorrectedEvents, generator: np.random.Generator, share: float
) -> CorrectedEvents:
    return random_dead(events, share, generator=generator)
