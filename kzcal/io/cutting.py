"""Cutting a long table of events into chunks, and leaving out hits that are not numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64

from kzcal.hits import Hits


def cut_between_events(
    offsets: Int64[np.ndarray, " event_plus_1"], hits_per_chunk: int
) -> Iterator[slice]:
    """Consecutive events with no more hits and no more events than asked, but at least one."""
    n_events, start = len(offsets) - 1, 0
    while start < n_events:
        full = int(np.searchsorted(offsets, offsets[start] + hits_per_chunk, side="right")) - 1
        stop = min(max(full, start + 1), start + max(hits_per_chunk, 1), n_events)
        yield slice(start, stop)
        start = stop


def drop_nonfinite(hits: Hits) -> tuple[Hits, int]:
    """The hits whose time and charge are numbers, and how many were not."""
    finite = np.isfinite(hits.time) & np.isfinite(hits.charge)
    dropped = int(np.count_nonzero(~finite))
    return (hits.where(finite), dropped) if dropped else (hits, 0)
