"""What a user may choose of a training, as numbers of the right kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kzcal.errors import ConfigurationError

WHOLE = ("faithful", "channels", "depth", "neighbours", "batch")
MAY_BE_ZERO = ("faithful", "adversarial")


@dataclass(frozen=True, slots=True)
class Settings:
    """The translator's options.

    Args:
        faithful: 1 for the dense version with L1 and BCE, 0 for the mended one.
        channels: width of the graph U-Net.
        depth: how often the graph is made coarser.
        neighbours: nearest PMTs of each PMT.
        batch: events of one step.
        learning_rate: of the generator's network at the start.
        halving: steps after which the learning rate is half.
        adversarial: weight of the adversarial loss beside the likelihood.
    """

    faithful: int
    channels: int
    depth: int
    neighbours: int
    batch: int
    learning_rate: float
    halving: float
    adversarial: float

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Settings from numbers by name.

        Raises:
            ConfigurationError: one of them makes no sense.
        """
        for name, value in options.items():
            least = 0 if name in MAY_BE_ZERO else 1 if name in WHOLE else 1e-12
            if not value >= least or (name in WHOLE and value != int(value)):
                kind = "a whole number" if name in WHOLE else "a number"
                message = f"{name} must be {kind} of at least {least:g}, got {value}"
                raise ConfigurationError(message)
        numbers: dict[str, Any] = {k: int(v) if k in WHOLE else v for k, v in options.items()}
        return cls(**numbers)
