"""Event files, reconstructed as they stream past, or gathered to fit a reconstruction to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from kzcal.classify.corrected import Correction
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.hdf5_writer import write_events
from kzcal.io.source import EventSource
from kzcal.reconstruct.files import Summary
from kzcal_kamnet.light import SeenLight
from kzcal_kamnet.reconstruction import ReconstructionNetwork
from kzcal_kamnet.reconstruction_start import RoughEvents, rough, usable
from kzcal_kamnet.reconstruction_training import Truth

HITS_AT_ONCE = 300_000
TRUTH = ("x", "y", "z", "e_quenched")
"""Columns that a fit needs."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Events whose truth is known.

    Args:
        events: as they are seen from a rough vertex.
        truth: of them.
    """

    events: RoughEvents
    truth: Truth


def labelled(
    source: EventSource,
    correction: Correction,
    detector: Detector,
    device: torch.device,
    most: int | None = None,
) -> Iterator[Labelled]:
    """Usable events of a simulated file, some at a time.

    Args:
        source: the file, open.
        correction: of its run.
        detector: with the PMTs.
        device: where to calculate.
        most: as many of the first ones; None for all.

    Raises:
        ConfigurationError: the file has no truth.
    """
    left = source.n_events if most is None else most
    for chunk in source.chunks(HITS_AT_ONCE):
        missing = [name for name in TRUTH if name not in chunk.truth]
        if missing:
            message = (
                f"a reconstruction is fitted to simulated events, got a file without "
                f"truth/{missing[0]}: give one of `kzcal simulate`"
            )
            raise ConfigurationError(message)
        rows = np.flatnonzero(usable(chunk, correction) & np.isfinite(chunk.t0))[:left]
        if not len(rows):
            continue
        chosen, left = chunk.take(rows), left - len(rows)
        columns = [np.asarray(chosen.truth[name], np.float32) for name in TRUTH]
        truth = Truth(
            torch.from_numpy(np.stack(columns[:3], 1)).to(device),
            torch.from_numpy(chosen.t0).to(device),
            torch.from_numpy(columns[3]).to(device),
        )
        yield Labelled(rough(chosen, correction, detector, device), truth)


def together(parts: Sequence[Labelled]) -> Labelled:
    """Events one after the other.

    Raises:
        ConfigurationError: there is none.
    """
    if not parts:
        message = "a reconstruction is fitted to events with at least 20 hits, got none"
        raise ConfigurationError(message)
    first = np.cumsum([0, *(len(part.events.vertex) for part in parts[:-1])])
    lights = [part.events.light for part in parts]
    light = SeenLight(
        torch.cat([seen.event + int(begin) for seen, begin in zip(lights, first, strict=True)]),
        *(torch.cat([getattr(seen, name) for seen in lights]) for name in SeenLight.__slots__[1:]),
    )
    columns = [
        torch.cat([getattr(part.events, name) for part in parts])
        for name in ("vertex", "emission", "brightness")
    ]
    truth = Truth(
        *(torch.cat([getattr(part.truth, name) for part in parts]) for name in Truth.__slots__)
    )
    return Labelled(RoughEvents(light, *columns), truth)


def reconstruct_file(
    source: EventSource,
    network: ReconstructionNetwork,
    correction: Correction,
    detector: Detector,
    out: Path,
    *,
    device: torch.device,
    advance: Callable[[float], None],
) -> Summary:
    """Write the same events with vertex, energy and t0 of a network; all else stays.

    Args:
        source: the events.
        network: fitted.
        correction: of their run.
        detector: with the PMTs.
        out: the new file, which appears whole or not at all.
        device: where to calculate.
        advance: told the number of events of each part that is done.
    """
    counts = np.zeros(3, np.int64)

    def chunks() -> Iterator[Events]:
        for chunk in source.chunks(HITS_AT_ONCE):
            events = reconstructed(chunk, network, correction, detector, device)
            counts[:] += (len(events), events.physics.sum(), np.isfinite(events.energy).sum())
            yield events
            advance(len(events))

    write_events(out, source.header, chunks(), source.muons)
    return Summary(out, source.header.run, *(int(n) for n in counts))


def reconstructed(
    events: Events,
    network: ReconstructionNetwork,
    correction: Correction,
    detector: Detector,
    device: torch.device,
) -> Events:
    """The events with vertex, energy and t0 of a network; NaN where there are too few hits."""
    rows = np.flatnonzero(usable(events, correction))
    vertex = np.full((len(events), 3), np.nan, np.float32)
    energy, t0 = (np.full(len(events), np.nan, np.float32) for _ in range(2))
    if len(rows):
        with torch.no_grad():
            found = network(rough(events.take(rows), correction, detector, device))
        vertex[rows] = found.vertex.cpu().numpy()
        energy[rows] = found.energy.cpu().numpy()
        t0[rows] = found.emission.cpu().numpy()
    return replace(events, vertex=vertex, energy=energy, t0=t0)
