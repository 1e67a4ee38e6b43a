"""What the networks see of events, as tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents
from kzcal_kamnet.arrival import Arrival
from kzcal_kamnet.light import SeenLight
from kzcal_kamnet.pictures import picture

View = Callable[[CorrectedEvents], Tensor]
"""What a network sees of events."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallView:
    """Pictures about the vertex at which a single site fits an event best.

    Args:
        arrival: of light from single sites.
        detector: with the PMTs.
        device: where to calculate.
    """

    arrival: Arrival
    detector: Detector
    device: torch.device

    def __call__(
        self, events: CorrectedEvents
    ) -> Float[Tensor, "event channel_and_place harmonic"]:
        """The pictures."""
        with torch.no_grad():
            seen = SeenLight.of(events, self.detector, self.device)
            return picture(*self.arrival.located(seen))
