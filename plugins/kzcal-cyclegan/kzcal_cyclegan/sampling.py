"""Translation with a learned generator on sparse hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.response.merging import Pulses, by_group_then_time
from kzcal.response.translator import hits_of
from kzcal.translate.refusals import refuse_other
from kzcal_cyclegan.forward import Forward
from kzcal_cyclegan.runs import Batch, RunTensors, Tubes

EVENTS_AT_ONCE = 1000
"""Events translated at a time, which bounds the memory."""

TIME_STEP = 1 / 8
CHARGE_STEP = 1 / 64
"""Steps in which event files often store times [ns] and charges [p.e.]."""


class SparseTranslator:
    """Photoelectrons to hits.

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
        self._device = device
        tubes = Tubes.of(detector, device)
        self._forward = Forward(tubes, weights["alive"].to(device))
        own = self._forward.state_dict()
        self._forward.load_state_dict({name: weights[name].to(device) for name in own})
        self._steps = (float(weights["time_step"]), float(weights["charge_step"]))

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """The same events with reported hits; the same generator state gives the same hits.

        Raises:
            ConfigurationError: the detector has not as many PMTs as that of the training.
        """
        refuse_other(detector, len(self._forward.alive))
        tubes = Tubes.of(detector, self._device)
        stream = torch.Generator(self._device).manual_seed(int(generator.integers(2**63)))
        run = RunTensors.of(events, tubes)
        parts = [
            self._pulses(run.between(first, first + EVENTS_AT_ONCE), tubes, first, stream)
            for first in range(0, len(events), EVENTS_AT_ONCE)
        ]
        return replace(events, hits=hits_of(together(parts), len(events)))

    @torch.no_grad()
    def _pulses(
        self, light: Batch, tubes: Tubes, first: int, generator: torch.Generator
    ) -> Pulses:
        """Reported hits of consecutive events, the first of which has this row."""
        drawn = self._forward.draw(light, tubes, generator)
        hits = drawn.hits
        chance = torch.rand(hits.pmt.shape, generator=generator, device=hits.pmt.device)
        kept = torch.nonzero(chance < drawn.passing)[:, 0]
        time = hits.time + light.events.expected(hits.event, hits.pmt, tubes)
        time, charge = (
            _in_steps(values, step)
            for values, step in zip((time, hits.charge), self._steps, strict=True)
        )
        kept = kept[by_group_then_time(hits.event[kept], time[kept])]
        return Pulses(hits.event[kept] + first, hits.pmt[kept], time[kept], charge[kept])


def steps_of(events: Events) -> dict[str, Tensor]:
    """Steps in which an event file stores times and charges; 0 for none."""
    return {
        "time_step": torch.tensor(_step(events.hits.time, TIME_STEP)),
        "charge_step": torch.tensor(_step(events.hits.charge, CHARGE_STEP)),
    }


def _step(values: Float32[np.ndarray, " hit"], step: float) -> float:
    """The step if all values are multiples of it, else 0."""
    multiples = values / np.float32(step)
    return step if len(values) and bool((multiples == np.rint(multiples)).all()) else 0.0


def _in_steps(values: Float[Tensor, " hit"], step: float) -> Float[Tensor, " hit"]:
    return torch.round(values / step) * step if step > 0 else values


def together(parts: list[Pulses]) -> Pulses:
    """All pulses of several tables."""
    none = torch.zeros(0)
    empty = [Pulses(none.long(), none.long(), none, none)]
    columns = ("event", "pmt", "time", "charge")
    return Pulses(*(torch.cat([getattr(p, c) for p in parts or empty]) for c in columns))
