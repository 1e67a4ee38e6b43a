"""What a user may choose of a training, as numbers of the right kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kzcal.errors import ConfigurationError

WHOLE = {
    "faithful": (0, 1),
    "channels": (1, 100_000),
    "depth": (1, 10),
    "neighbours": (1, 100_000),
    "batch": (1, 1_000_000),
}
"""Least and greatest of the options that are whole numbers."""
REAL = {"learning_rate": (1e-12, 1.0), "halving": (1e-12, 1e12), "adversarial": (0.0, 1e6)}
"""Least and greatest of the others."""


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
            ConfigurationError: one of them is out of its range, infinite or no number.
        """
        for name, value in options.items():
            least, most = {**WHOLE, **REAL}[name]
            if not least <= value <= most or (name in WHOLE and value % 1):
                kind = "a whole number" if name in WHOLE else "a number"
                message = (
                    f"{name} of graph-unet-gan must be {kind} from {least:g} to {most:g}, "
                    f"got {value:g}: choose another value"
                )
                raise ConfigurationError(message)
        numbers: dict[str, Any] = {k: int(v) if k in WHOLE else v for k, v in options.items()}
        return cls(**numbers)
