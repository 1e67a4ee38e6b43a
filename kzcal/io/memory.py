"""Events that were read whole, for formats whose files are small."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from kzcal.closing import Closing
from kzcal.hits import Events, Muons, RunHeader
from kzcal.io.cutting import cut_between_events, drop_nonfinite


class MemorySource(Closing):
    """An EventSource from events in memory, which a plugin's reader may return.

    Args:
        path: the file that they were read from.
        events: all of them with their hits, in time order.
        header: what the file says about its run.
        muons: reconstructed muons of the run, if the file holds any.
    """

    def __init__(
        self, path: Path, events: Events, header: RunHeader, muons: Muons | None = None
    ) -> None:
        self.path = path
        self.header = header
        self.muons = Muons.none() if muons is None else muons
        self.n_events = len(events)
        self.n_hits = len(events.hits.pmt)
        hits, self.dropped = drop_nonfinite(events.hits)
        self._events = replace(events, hits=hits)

    def table(self) -> Events:
        """Every event without its hits."""
        hits = self._events.hits
        return replace(self._events, hits=hits.where(np.zeros(len(hits.pmt), bool)))

    def chunks(self, hits_per_chunk: int = 2_000_000) -> Iterator[Events]:
        """All events from the start, cut between events into chunks of about so many hits."""
        for rows in cut_between_events(self._events.hits.offsets, hits_per_chunk):
            yield self._events[rows]

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
