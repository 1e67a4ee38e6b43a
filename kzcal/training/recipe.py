"""The numbers that the training of a network goes by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kzcal.errors import ConfigurationError

SLOWEST = 0.01
"""Share of the rate that is left in the end."""
LEAST_PAST = 10.0
"""Steps that an average of weights is made of as if it had them from the start, so that the
weights that were drawn at random are soon forgotten."""
RANGES = (
    ("batch", 2, 65_537),
    ("rate", 0, math.inf),
    ("schedule", 1, math.inf),
    ("warm_up", 0, math.inf),
    ("averaged", 0, 1),
    ("decay", 0, math.inf),
)
"""Least value of each number, and what it lies below."""
WHOLE = ("batch", "warm_up")
"""Numbers that count something."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network learns.

    Args:
        batch: examples of a step.
        rate: of the optimiser at its highest.
        schedule: steps over which the rate falls, along half a cosine.
        warm_up: steps in which the rate rises from zero.
        averaged: share of the average of weights that a step leaves in it, such as 0.995 for the
            last 200 steps; 0 for the weights of the last step alone.
        decay: of weights by AdamW.

    Raises:
        ConfigurationError: a number is out of its range, or counts something and is not whole.
    """

    batch: float
    rate: float
    schedule: float
    warm_up: float = 0
    averaged: float = 0.0
    decay: float = 0.01

    def __post_init__(self) -> None:
        for name, least, below in RANGES:
            value, whole = getattr(self, name), name in WHOLE
            if not least <= value < below or (whole and value != int(value)):
                message = (
                    f"{name} is {'a whole number, ' if whole else ''}at least {least} and below "
                    f"{below}, got {value:g}"
                )
                raise ConfigurationError(message)

    def rate_at(self, step: int) -> float:
        """Rate of a step, counted from zero."""
        turn = math.pi * min(step / self.schedule, 1.0)
        fall = SLOWEST + (1.0 - SLOWEST) * (1.0 + math.cos(turn)) / 2.0
        rise = min((step + 1) / self.warm_up, 1.0) if self.warm_up else 1.0
        return self.rate * fall * rise

    def newest_share(self, steps: int) -> float:
        """Share of the newest weights in the average after so many steps."""
        return max(1.0 - self.averaged, LEAST_PAST / (LEAST_PAST + steps))
