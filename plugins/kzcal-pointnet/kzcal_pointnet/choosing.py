"""From options to a network, what it sees, and how it learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal.learning import CandidateTask, Trained
from kzcal.training.network import (
    NetworkClassifier,
    NetworkLearner,
    drawn_network,
    logistic,
)
from kzcal.training.recipe import Recipe
from kzcal_pointnet.captures import CaptureSets, Inputs, capture_sets
from kzcal_pointnet.parents import ParentLoss, signal_is_born
from kzcal_pointnet.points import PointNet
from kzcal_pointnet.showers import HEADS, ShowerNetwork

AT_ONCE = 1024
"""Decays that are scored together."""
SWITCHES = ("tracks", "dedx", "shower", "transform", "teach", "turn")
"""Options that are on or off."""
SIZES = ("features", "width")
"""Options that count numbers inside a network."""
RECIPE = ("batch", "rate", "schedule", "decay", "averaged")
"""Options of the recipe."""


@dataclass(frozen=True, slots=True)
class Design:
    """A network by its options.

    Args:
        inputs: what it sees of captures.
        shower: whether it is the network of several muons; otherwise PointNet.
        transform: whether PointNet turns displacements first.
        features: of PointNet.
        width: of the network of several muons.

    Raises:
        ConfigurationError: an option is out of its range.
    """

    inputs: Inputs
    shower: bool
    transform: bool
    features: int
    width: int

    @classmethod
    def of(cls, options: Mapping[str, float]) -> Design:
        """The design that options describe."""
        check(options)
        on = {name: bool(options[name]) for name in SWITCHES}
        return cls(
            Inputs(on["tracks"], on["dedx"], options["hours"]),
            on["shower"],
            on["transform"],
            int(options["features"]),
            int(options["width"]),
        )

    def network(self, *, born: bool = False, tells_parent: bool = False) -> nn.Module:
        """The network, its weights drawn from the default generator.

        Args:
            born: whether decays with a parent are the signal.
            tells_parent: whether the network of several muons gives what ``ParentLoss`` takes.
        """
        tracks, dedx = int(self.inputs.tracks), int(self.inputs.dedx)
        if self.shower:
            numbers, known = 2 + 3 * tracks + dedx, 3 + tracks + dedx
            return ShowerNetwork(numbers, known, self.width, born=born, tells_parent=tells_parent)
        return PointNet(3 + 3 * tracks, dedx, self.features, transform=self.transform)


@dataclass(frozen=True, slots=True)
class CaptureView:
    """What a network sees of candidates.

    Args:
        inputs: of each capture.
        device: where to calculate.
    """

    inputs: Inputs
    device: torch.device

    def __call__(self, candidates: Candidates, /) -> CaptureSets:
        """The captures around each decay."""
        return capture_sets(candidates, self.inputs, self.device)


@dataclass(frozen=True, slots=True, eq=False)
class CaptureBatches:
    """Draws batches of captures, their displacements turned about the vertical.

    Nothing but the muons' zenith angle gives a direction a meaning, so azimuths and the sense of
    turning can be any.

    Args:
        captures: of the task.
        turn: whether to turn.
    """

    captures: CaptureSets
    turn: bool

    def __call__(
        self, rows: Int64[np.ndarray, " row"], generator: np.random.Generator
    ) -> CaptureSets:
        """The captures of some rows."""
        some = self.captures.take(torch.from_numpy(rows).to(self.captures.counts.device))
        if not self.turn:
            return some
        azimuth = generator.uniform(0.0, 2.0 * math.pi, len(rows))
        flip = np.where(generator.random(len(rows)) < 0.5, -1.0, 1.0)
        across = [
            np.cos(azimuth),
            np.sin(azimuth),
            -flip * np.sin(azimuth),
            flip * np.cos(azimuth),
        ]
        matrix = torch.from_numpy(np.stack(across, 1).astype(np.float32)).view(-1, 2, 2)
        return some.turned(matrix.to(some.vector.device))


def check(options: Mapping[str, float]) -> None:
    """Refuse options.

    Raises:
        ConfigurationError: one is out of its range.
    """
    for name in SWITCHES:
        if options[name] not in (0, 1):
            message = f"{name} is 0 or 1, got {options[name]:g}"
            raise ConfigurationError(message)
    for name in SIZES:
        if options[name] != int(options[name]) or not 1 <= options[name] <= 65536:
            message = f"{name} is a whole number from 1 to 65536, got {options[name]:g}"
            raise ConfigurationError(message)
    if options["width"] % HEADS:
        message = f"width is a multiple of {HEADS}, got {options['width']:g}"
        raise ConfigurationError(message)
    if not options["hours"] > 0:
        message = f"hours is above 0, got {options['hours']:g}"
        raise ConfigurationError(message)
    Recipe(**{name: options[name] for name in RECIPE})


def learner(task: CandidateTask, options: Mapping[str, float]) -> NetworkLearner[Candidates]:
    """A training that has not begun."""
    design = Design.of(options)
    view = CaptureView(design.inputs, task.device)
    captures = view(task.candidates)
    teach = design.shower and bool(options["teach"])
    born = signal_is_born(task.candidates, task.signal)
    network = drawn_network(lambda: design.network(born=born, tells_parent=teach), task)
    draw = CaptureBatches(captures, bool(options["turn"]) and not design.shower)
    recipe = Recipe(**{name: options[name] for name in RECIPE})
    loss = ParentLoss(born) if teach else logistic
    return NetworkLearner(task, network, view, draw, recipe, at_once=AT_ONCE, loss=loss)


def classifier(trained: Trained) -> NetworkClassifier[Candidates]:
    """The classifier that training left."""
    design = Design.of(trained.options)
    network = design.network().to(trained.device)
    network.load_state_dict(dict(trained.weights))
    return NetworkClassifier(network, CaptureView(design.inputs, trained.device), AT_ONCE)
