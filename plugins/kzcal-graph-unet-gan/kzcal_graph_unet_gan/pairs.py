"""Pairs of photoelectrons and reported hits, drawn at random for each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.learning import TranslatorTask
from kzcal.translate.refusals import refuse_other_windows


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The same simulated events, with photoelectrons and with reported hits.

    Args:
        source: with photoelectrons.
        target: with reported hits.
        stream: decides which pairs are drawn.
    """

    source: Events
    target: Events
    stream: torch.Generator

    @classmethod
    def of(cls, task: TranslatorTask, stream: torch.Generator) -> Pairs:
        """The physics triggers of a task.

        Raises:
            ConfigurationError: source and target are no pairs, or without photoelectrons, or the
                target was recorded for longer than translations are.
        """
        if not task.paired or len(task.source) != len(task.target):
            message = (
                f"graph-unet-gan learns from photoelectrons and hits of the same simulated "
                f"events, got {len(task.source)} events and {len(task.target)} of another origin: "
                f"make pairs with kzcal simulate --gtq, or take a translator that needs none"
            )
            raise ConfigurationError(message)
        refuse_other_windows(task.target)
        rows = np.flatnonzero(task.source.physics & (task.source.hits.counts > 0))
        if not len(rows):
            message = (
                f"graph-unet-gan learns from physics triggers with photoelectrons, got none "
                f"among {len(task.source)} events: give another file as source"
            )
            raise ConfigurationError(message)
        return cls(task.source.take(rows), task.target.take(rows), stream)

    def batch(self, n: int) -> tuple[Events, Events]:
        """So many pairs, any of them perhaps more than once."""
        device = self.stream.device
        chosen = torch.randint(len(self.source), (n,), generator=self.stream, device=device)
        rows = chosen.cpu().numpy()
        return self.source.take(rows), self.target.take(rows)
