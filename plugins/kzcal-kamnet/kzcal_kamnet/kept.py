"""What the small network sees of every event of a training, kept once and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from kzcal.classify.augment import Variation
from kzcal.learning import ClassifierTask
from kzcal.training.network import few_at_a_time
from kzcal_kamnet.views import View


@dataclass(frozen=True, slots=True, eq=False)
class KeptPictures:
    """Batches of pictures.

    Half precision rounds numbers of hits by less than their square root.

    Args:
        pictures: of all events, each without PMTs of its own.
        device: where batches go.
    """

    pictures: Float[Tensor, "event channel_and_place harmonic"]
    device: torch.device

    @classmethod
    def of(cls, task: ClassifierTask, view: View, dead: float) -> KeptPictures:
        """Pictures of all events of a task.

        Args:
            task: with the events.
            view: draws pictures.
            dead: chance of every PMT to be silenced in an event.
        """
        generator, change = np.random.default_rng(task.seed), Variation(dead)
        parts = few_at_a_time(task.events)
        seen = [view(change(some, generator)).half().cpu() for some in parts]
        return cls(torch.cat(seen), task.device)

    def __call__(
        self, rows: Int64[np.ndarray, " row"], _generator: np.random.Generator
    ) -> Float[Tensor, "row channel_and_place harmonic"]:
        """Pictures of some events."""
        return self.pictures[torch.from_numpy(rows)].to(self.device).float()
