"""Translation with a generator of dense images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.response.merging import Pulses, by_group_then_time
from kzcal.response.translator import hits_of
from kzcal.translate.refusals import refuse_other
from kzcal_cyclegan.images import Panel
from kzcal_cyclegan.networks import image_generator
from kzcal_cyclegan.runs import Batch, RunTensors, Tubes
from kzcal_cyclegan.sampling import together

EVENTS_AT_ONCE = 32
"""Images translated at a time, which bounds the memory."""


class ImageTranslator:
    """Photoelectrons to hits through images; at most one hit of a PMT in an event.

    Args:
        weights: what training left.
        detector: that it was trained for.
        device: where to calculate.

    Raises:
        ConfigurationError: the detector has not as many PMTs as that of the training.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], detector: Detector, device: torch.device
    ) -> None:
        refuse_other(detector, len(weights["alive"]))
        self._tubes = Tubes.of(detector, device)
        self._panel = Panel(weights["pixel"].to(device), weights["alive"].to(device))
        filters, blocks = (int(size) for size in weights["sizes"])
        network = image_generator(filters, blocks).to(device)
        network.load_state_dict({name: weights[name].to(device) for name in network.state_dict()})
        self._network = network.eval()

    def translate(
        self,
        events: Events,
        detector: Detector,
        *,
        generator: np.random.Generator,  # noqa: ARG002  nothing here is random
    ) -> Events:
        """The same events with hits where the image is bright enough.

        Raises:
            ConfigurationError: the detector has not as many PMTs as that of the training.
        """
        refuse_other(detector, len(self._tubes))
        run = RunTensors.of(events, self._tubes)
        parts = [
            self._pulses(run.between(first, first + EVENTS_AT_ONCE), first)
            for first in range(0, len(events), EVENTS_AT_ONCE)
        ]
        return replace(events, hits=hits_of(together(parts), len(events)))

    @torch.no_grad()
    def _pulses(self, light: Batch, first: int) -> Pulses:
        """Hits of consecutive events, the first of which has this row."""
        images = self._network(self._panel.images(light))
        event, pmt, time, charge = self._panel.hits(images)
        time = time + light.events.expected(event, pmt, self._tubes)
        order = by_group_then_time(event, time)
        return Pulses(event[order] + first, pmt[order], time[order], charge[order])
