"""Dense maps: one time and one charge for every PMT, zero where there is no hit."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.translate.maps import HitMaps

SCALE = 20.0
"""Unit of the times, ns."""
HIT = 0.3
"""Least charge of a hit, p.e.

Assumption: the level of the electronics; the generator gives every PMT a charge and does not say
where a hit begins.
"""


def dense_of(
    events: Events, detector: Detector, device: torch.device | str = "cpu"
) -> Float[Tensor, "pmt event 2"]:
    """Time of the first hit, in units of 20 ns after the time of flight, and summed charge."""
    maps = HitMaps.of(events, detector, 1)
    node = events.hits.event_index * detector.n_pmt + events.hits.pmt
    size = len(events) * detector.n_pmt
    charge = np.bincount(node, events.hits.charge, minlength=size).astype(np.float32)
    total = torch.from_numpy(charge).reshape(len(events), detector.n_pmt)
    return torch.stack([maps.time[:, :, 0].T / SCALE, total.T], dim=2).to(device)


def maps_of(dense: Float[Tensor, "pmt event 2"]) -> HitMaps:
    """The hits of dense maps: where the charge is that of a hit."""
    time, charge = dense.detach().cpu().transpose(0, 1)[:, :, None].unbind(dim=3)
    present = charge >= HIT
    return HitMaps(present, charge * present, SCALE * time * present)
