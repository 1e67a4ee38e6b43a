"""Time bins of KamNet, which every classifier here sees hits in.

Source: A. Li et al. (2023), KamNet, Phys. Rev. C 107, 014323, arXiv:2203.01870: 28 bins of 1.5 ns.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

from kzcal.learning import CorrectedEvents

FIRST, WIDTH, N_BIN = -20.0, 1.5, 28
"""Where the first bin begins and how wide each is, ns; how many there are. Earlier and later hits
count in the first and the last."""


def bin_of(time: Float32[np.ndarray, " hit"]) -> Int64[np.ndarray, " hit"]:
    """Bin of each residual, ns."""
    bins = np.floor((time - FIRST) / WIDTH).astype(np.int64)
    return np.clip(bins, 0, N_BIN - 1)


def time_shares(events: CorrectedEvents) -> Float32[np.ndarray, "event bin"]:
    """Share of each event's hits in each bin; zero for an event without hits."""
    hits = events.hits
    cell = hits.event_index * N_BIN + bin_of(hits.time)
    counts = np.bincount(cell, minlength=len(events) * N_BIN).reshape(len(events), N_BIN)
    return np.asarray(counts / np.maximum(hits.counts, 1)[:, None], np.float32)
