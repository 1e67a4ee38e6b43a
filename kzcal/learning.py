"""What a translator learns from, how it is trained step by step, and what training leaves.

kzcal.translate drives the training: it keeps time, judges by the scorecard, writes checkpoints
and stops. A plugin brings the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kzcal.hits import Events

if TYPE_CHECKING:
    import torch

    from kzcal.geometry import Detector


@dataclass(frozen=True, slots=True, eq=False)
class TranslatorTask:
    """Events to learn a translation from.

    Args:
        source: with photoelectrons as hits, GTQ, or simulated hits.
        target: with the hits that the translation should give.
        ceiling: relative efficiency of the PMTs that the source's photoelectrons are drawn for.
        paired: whether both hold the same events in the same order.
        detector: of both.
        device: where to calculate.
        seed: decides every random number of the training.
    """

    source: Events
    target: Events
    ceiling: float
    paired: bool
    detector: Detector
    device: torch.device
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What training leaves of a translator.

    Args:
        weights: tensors by name; all that a translation needs.
        options: value by name of the record's options.
        detector: that it was trained for.
        device: where to calculate.
    """

    weights: Mapping[str, torch.Tensor]
    options: Mapping[str, float]
    detector: Detector
    device: torch.device


class LearningTranslator(Protocol):
    """A translator while it learns."""

    def step(self) -> Mapping[str, float]:
        """One step of training; losses and other numbers worth a curve, by name."""

    def state(self) -> Mapping[str, torch.Tensor]:
        """All that decides what comes next: weights, optimiser, data to come, random state."""

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""

    def weights(self) -> Mapping[str, torch.Tensor]:
        """What a translation needs of it now, for ``Trained``."""

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """Translate with what is learned so far."""
