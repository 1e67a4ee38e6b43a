"""The detector response as a change of hits: photoelectrons in, reported hits out."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Shaped
from torch import Tensor

from kzcal.baseline import baseline_directory
from kzcal.conditions.baseline_text import read_baseline
from kzcal.conditions.nominal import nominal_columns
from kzcal.conditions.payload import Lineage, Payload
from kzcal.conditions.quantities import RESPONSE
from kzcal.geometry import Detector
from kzcal.hits import FORCED, Events, Hits
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.constants import response_from
from kzcal.response.detector import DetectorResponse, Pulses
from kzcal.response.nominal import read_nominal

PHYSICS_WINDOW = (-150.0, 350.0)
FORCED_WINDOW = (0.0, 10_000.0)


class ResponseTranslator:
    """Reports hits of nominal PMTs for photoelectrons given as hits, whatever their charge.

    Physics triggers are recorded from -150 to 350 ns, forced ones for 10 us.
    """

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """The same events with reported hits; the same generator state gives the same hits."""
        stream = torch.Generator().manual_seed(int(generator.integers(2**63)))
        forced = events.trigger == FORCED
        lower, upper = (
            _tensor(np.where(forced, *edges))
            for edges in zip(FORCED_WINDOW, PHYSICS_WINDOW, strict=True)
        )
        light = Photoelectrons(
            torch.from_numpy(events.hits.event_index),
            torch.from_numpy(events.hits.pmt.astype(np.int64)),
            _tensor(events.hits.time),
        )
        pulses = nominal_response(detector).sample(light, (lower, upper), generator=stream)
        return Events(
            events.event,
            events.timestamp,
            events.trigger,
            events.vertex,
            events.energy,
            events.t0,
            hits_of(pulses, len(events)),
            events.truth,
        )


def nominal_response(detector: Detector) -> DetectorResponse:
    """The response with the constants of the baseline text, before any calibration."""
    constants = read_baseline(baseline_directory()).constants
    columns = nominal_columns(detector, constants)
    payload = Payload(RESPONSE, columns, None, Lineage())
    return response_from(payload, detector, read_nominal())


def hits_of(pulses: Pulses, n_events: int) -> Hits:
    """Reported hits as columns of an event file."""
    return Hits.from_counts(
        torch.bincount(pulses.event, minlength=n_events).cpu().numpy(),
        pulses.pmt.cpu().numpy().astype(np.uint16),
        pulses.time.cpu().numpy().astype(np.float32),
        pulses.charge.cpu().numpy().astype(np.float32),
    )


def _tensor(values: Shaped[np.ndarray, " row"] | Float64[np.ndarray, " row"]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
