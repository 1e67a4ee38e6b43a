"""The numbers that a training goes by, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from kzcal.errors import ConfigurationError
from kzcal.training.recipe import Recipe as Descent

MOMENTUM = 0.78067
"""Of RMSprop. Source: A. Li et al. (2022), arXiv:2203.01870, published code."""
FILTERS = "filters"
"""Maps, most of which begin as likelihood ratios, learn more slowly than the rest."""
SLOWER = 0.05
"""Share of the rate at which they learn, those that begin at random too.

Assumption: few events say less about these weights than where they begin.
"""
WARM_UP = 100
"""Steps in which the rate rises from zero."""
AVERAGED = 0.995
"""Weights of a score are those of the last 200 steps, averaged."""
WHOLE = ("published", "batch", "hidden")
"""Options that count something."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network learns.

    Args:
        published: whether it is the published network, which RMSprop trains.
        batch: events of a step.
        rate: of the optimiser at its highest.
        schedule: steps over which the rate falls.
        dead: chance of every PMT to be silenced in an event.
        decay: of weights.
        hidden: width of the small network's head.
        dropout: of the small network's head.
    """

    published: bool
    batch: int
    rate: float
    schedule: float
    dead: float
    decay: float
    hidden: int
    dropout: float

    @classmethod
    def of(cls, options: Mapping[str, float]) -> Recipe:
        """The recipe that options name.

        Raises:
            ConfigurationError: a number is out of its range, or counts something and is not whole.
        """
        for name, least, below in (
            *(
                ("published", 0, 2),
                ("batch", 2, 65537),
                ("rate", 0, 10),
                ("schedule", 1, math.inf),
            ),
            *(("dead", 0, 1), ("decay", 0, 10), ("hidden", 1, 4097), ("dropout", 0, 1)),
        ):
            value, whole = options[name], name in WHOLE
            if not least <= value < below or (whole and value != int(value)):
                message = (
                    f"{name} is {'a whole number, ' if whole else ''}at least {least} and below "
                    f"{below}, got {value:g}; choose another by --{name}"
                )
                raise ConfigurationError(message)
        return cls(
            bool(options["published"]),
            int(options["batch"]),
            options["rate"],
            options["schedule"],
            options["dead"],
            options["decay"],
            int(options["hidden"]),
            options["dropout"],
        )

    @property
    def descent(self) -> Descent:
        """Batches, and the rate of each step."""
        return Descent(self.batch, self.rate, self.schedule, WARM_UP, AVERAGED, self.decay)

    @property
    def keeps(self) -> bool:
        """Whether what a network sees is small enough to be kept of every event."""
        return not self.published

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """Adam with decay of weights, or the published RMSprop.

        Its groups of weights learn at their ``share`` of the rate.
        """
        named = dict(network.named_parameters())
        if self.published:
            weights = [{"params": list(named.values()), "share": 1.0}]
            return torch.optim.RMSprop(
                weights, self.rate, momentum=MOMENTUM, weight_decay=self.decay
            )
        filters = {"params": [named.pop(FILTERS)], "share": SLOWER, "weight_decay": 0.0}
        weights = [{"params": list(named.values()), "share": 1.0}, filters]
        return torch.optim.AdamW(weights, self.rate, weight_decay=self.decay)
