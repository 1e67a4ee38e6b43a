"""A whole event file, reconstructed as it streams past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kzcal.hits import Events
from kzcal.io.hdf5_writer import write_events
from kzcal.io.source import EventSource
from kzcal.reconstruct.fit import Reconstructed, Reconstruction

HITS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a file.

    Args:
        out: the new file.
        run: its run.
        n_events: events in it.
        n_physics: physics triggers among them.
        n_fitted: physics triggers with a vertex.
    """

    out: Path
    run: int
    n_events: int
    n_physics: int
    n_fitted: int


def reconstruct_file(
    source: EventSource,
    reconstruction: Reconstruction,
    out: Path,
    *,
    advance: Callable[[float], None],
) -> Summary:
    """Write the same events with vertex, energy and t0 from a fit; all else stays.

    Args:
        source: the events.
        reconstruction: the fit.
        out: the new file, which appears whole or not at all.
        advance: told the number of events of each part that is done.
    """
    counts = np.zeros(3, np.int64)

    def chunks() -> Iterator[Events]:
        for chunk in source.chunks(HITS_AT_ONCE):
            events = reconstructed(chunk, reconstruction.fit(chunk))
            fitted = np.isfinite(events.energy)
            counts[:] += (len(events), events.physics.sum(), fitted.sum())
            yield events
            advance(len(events))

    write_events(out, source.header, chunks(), source.muons)
    return Summary(out, source.header.run, *(int(n) for n in counts))


def reconstructed(events: Events, found: Reconstructed) -> Events:
    """The events with vertex, energy and t0 of a fit."""
    return replace(events, vertex=found.vertex, energy=found.energy, t0=found.t0)
