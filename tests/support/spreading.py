"""A classifier that learns from the spread of an event's times, and nothing else."""

from dataclasses import dataclass

import numpy as np
import torch

from kzcal.components import Classifier, Option
from kzcal.errors import ConfigurationError
from kzcal.hookspecs import hookimpl
from kzcal.training.distributed import average, world


def spread(events):
    """Mean distance from the mean residual, ns/10, of each event."""
    hits = events.hits
    n = np.maximum(hits.counts, 1)
    mean = hits.sum_per_event(hits.time) / n
    return hits.sum_per_event(np.abs(hits.time - mean[hits.event_index])) / n / 10


@dataclass
class Spreading:
    """A logit that is linear in the spread."""

    slope: torch.Tensor

    def score(self, events):
        slope = self.slope.detach().double().numpy()
        return slope[0] + slope[1] * spread(events)


class LearningSpread:
    """Logistic regression by a few events a step."""

    def __init__(self, task, *, batch, rate):
        if batch > 10 * len(task.events):
            message = f"batch is at most ten times the events, got {batch:g}"
            raise ConfigurationError(message)
        self.task, self.batch = task, int(batch)
        self.spread = torch.from_numpy(spread(task.events)).float()
        self.signal = torch.from_numpy(task.signal).float()
        self.weight = torch.from_numpy(task.weight)
        self.slope = torch.zeros(2, requires_grad=True)
        self.optimiser = torch.optim.SGD([self.slope], lr=rate)
        self.generator = torch.Generator().manual_seed(world().seed(task.seed))

    def step(self):
        rows = torch.randint(len(self.signal), (self.batch,), generator=self.generator)
        logit = self.slope[0] + self.slope[1] * self.spread[rows]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logit, self.signal[rows], self.weight[rows]
        )
        self.optimiser.zero_grad()
        loss.backward()
        average([self.slope])
        self.optimiser.step()
        return {"loss": loss.item()}

    def state(self):
        return {"slope": self.slope.detach(), "random": self.generator.get_state()}

    def restore(self, state):
        self.slope.data.copy_(state["slope"])
        self.generator.set_state(state["random"])

    def weights(self):
        return {"slope": self.slope.detach()}

    def score(self, events):
        return Spreading(self.slope).score(events)


def check(options):
    if options["batch"] < 1:
        message = f"batch is at least 1, got {options['batch']:g}"
        raise ConfigurationError(message)


def export(trained, path):
    path.write_bytes(trained.weights["slope"].numpy().tobytes())
    return "spread [ns/10] to logit"


SPREADING = Classifier(
    "spreading",
    "Spread of the times.",
    lambda trained: Spreading(trained.weights["slope"]),
    learn=LearningSpread,
    options=(
        Option("batch", 64, "events", "Events of a step."),
        Option("rate", 1.0, "1", "Step of the optimiser."),
    ),
    presets={"slow": {"rate": 0.1}},
    export=export,
    check=check,
)


@hookimpl
def kzcal_classifiers():
    """The classifier, for ``--plugin``."""
    return (SPREADING,)
