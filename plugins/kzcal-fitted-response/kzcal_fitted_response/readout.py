"""What the electronics do to all hits alike, read off the data: steps and windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from kzcal.hits import Events
from kzcal_fitted_response.constants import Readout

STEPS = tuple(2.0**-power for power in range(9))
"""Steps that times [ns] or charges [p.e.] may be stored in."""
FEWEST_HITS = 1000
"""Hits of a kind of trigger that tell when its recording begins and ends."""


def read_out(readout: Readout, target: Events) -> Readout:
    """The readout with steps and windows of the data; what they do not tell stays.

    Args:
        readout: nominal.
        target: the data.
    """
    hits, device = target.hits, readout.physics_window.device
    forced = target.forced[hits.event_index]
    return replace(
        readout,
        time_step=torch.tensor(_step(hits.time), device=device),
        charge_step=torch.tensor(_step(hits.charge), device=device),
        physics_window=_window(hits.time, ~forced, readout.physics_window),
        forced_window=_window(hits.time, forced, readout.forced_window),
    )


def _step(values: Float32[np.ndarray, " hit"]) -> float:
    """Largest step whose multiples all values are; 0 if there is none."""
    if len(values) < FEWEST_HITS:
        return 0.0
    fitting = [s for s in STEPS if (np.abs(np.fmod(values, s)) == 0).all()]
    return max(fitting, default=0.0)


def _window(
    time: Float32[np.ndarray, " hit"], rows: Bool[np.ndarray, " hit"], nominal: Tensor
) -> Tensor:
    if np.count_nonzero(rows) < FEWEST_HITS:
        return nominal
    edges = [float(time[rows].min()), float(time[rows].max())]
    return torch.tensor(edges, device=nominal.device)
