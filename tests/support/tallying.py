"""A classifier of candidates that learns from the number of their captures, and nothing else."""

import numpy as np
import torch
from torch import nn

from kzcal.candidates import SPALLATION
from kzcal.components import Classifier, Option
from kzcal.hookspecs import hookimpl
from kzcal.training.network import Batches, NetworkClassifier, NetworkLearner, drawn_network
from kzcal.training.recipe import Recipe


class Line(nn.Module):
    """A logit that is linear in one number."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, seen):
        return self.line(seen)[:, 0]


def tally(candidates):
    """Numbers of captures, over five."""
    return torch.from_numpy(candidates.counts.astype(np.float32) / 5)[:, None]


class LearningTally(NetworkLearner):
    """Logistic regression by the learner that kzcal has for networks."""

    def __init__(self, task, *, batch, rate):
        recipe = Recipe(batch=batch, rate=rate, schedule=100)
        draw = Batches(task.candidates, tally)
        super().__init__(task, drawn_network(Line, task), tally, draw, recipe)


class Tallying(NetworkClassifier):
    """The line that training left."""

    def __init__(self, trained):
        network = Line()
        network.load_state_dict(dict(trained.weights))
        super().__init__(network, tally)


TALLYING = Classifier(
    "tallying",
    "Number of captures.",
    Tallying,
    learn=LearningTally,
    options=(
        Option("batch", 64, "candidates", "Candidates of a step."),
        Option("rate", 0.1, "1", "Step of the optimiser."),
    ),
    takes=SPALLATION,
)


@hookimpl
def kzcal_classifiers():
    """The classifier, for ``--plugin``."""
    return (TALLYING,)
