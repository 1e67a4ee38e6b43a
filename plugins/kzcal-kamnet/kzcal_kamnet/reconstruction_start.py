"""Where reconstruction begins: a rough vertex and emission time from the hits alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from kzcal.classify.corrected import LIGHT_SPEED, Correction, corrected
from kzcal.geometry import Detector
from kzcal.hits import Events, Hits
from kzcal.learning import CorrectedEvents
from kzcal.reconstruct.likelihood import HitTable
from kzcal.reconstruct.seeds import seeds
from kzcal_kamnet.light import LARGE_INCH, SeenLight

FEWEST_HITS = 20
"""Of an event that is reconstructed."""
PROMPT = (-20.0, 150.0)
"""Residuals of light, ns."""
BEFORE = (-150.0, -20.0)
"""Residuals of dark hits, which are taken off the light in proportion."""
N_MEASURE = 4
"""Measures of brightness."""
FULLEST = 0.999
"""Share of PMTs hit above which their number tells nothing of the light."""
PMTS = 1 << 16
"""More PMTs than a cable number counts."""


@dataclass(frozen=True, slots=True, eq=False)
class RoughEvents:
    """Events as they are seen from a rough vertex.

    Args:
        light: the hits.
        vertex: m.
        emission: time, ns.
        brightness: photoelectrons of light per PMT in use, measured in several ways.
    """

    light: SeenLight
    vertex: Float[Tensor, "event 3"]
    emission: Float[Tensor, " event"]
    brightness: Float[Tensor, "event measure"]


def usable(events: Events, correction: Correction) -> Bool[np.ndarray, " event"]:
    """Which events are physics triggers with enough hits of PMTs in use."""
    seen = events.hits.where(correction.live[correction.place[events.hits.pmt]])
    return np.asarray(events.physics & (seen.counts >= FEWEST_HITS))


def rough(
    events: Events, correction: Correction, detector: Detector, device: torch.device
) -> RoughEvents:
    """Begin with the mean place and the median time of the hits.

    Args:
        events: usable ones; their vertex, energy and emission time are not looked at.
        correction: of their run.
        detector: with the PMTs.
        device: where to calculate.
    """
    vertex, emission = seeds(
        _table(events, correction, device),
        torch.from_numpy(detector.positions.astype(np.float32)).to(device),
        len(events),
        speed=LIGHT_SPEED,
        largest_radius=detector.scintillator_radius,
    )
    begun = replace(
        events,
        vertex=vertex.cpu().numpy(),
        t0=emission.cpu().numpy(),
        energy=np.ones(len(events), np.float32),
    )
    seen = corrected(begun, correction, detector)
    bright = torch.from_numpy(brightness(seen, detector)).to(device)
    return RoughEvents(SeenLight.of(seen, detector, device), vertex, emission, bright)


def brightness(
    events: CorrectedEvents, detector: Detector
) -> Float32[np.ndarray, "event measure"]:
    """Photoelectrons of light per PMT in use, less dark ones, measured in four ways.

    By charge and by how many PMTs are hit, of 17-inch and of 20-inch ones. All four go with the
    energy. The charge has the width of single photoelectrons, the other one has not, but knows
    less of several photoelectrons on a PMT.
    """
    hits, large = events.hits, detector.diameter_inch == LARGE_INCH
    dark = (PROMPT[1] - PROMPT[0]) / (BEFORE[1] - BEFORE[0])
    share = _between(hits.time, PROMPT) - np.float32(dark) * _between(hits.time, BEFORE)
    by_charge, by_hits = [], []
    for kind in (~large, large):
        in_use = np.maximum((events.live & kind).sum(1), 1)[events.run]
        mine = share * kind[hits.pmt]
        by_charge.append(hits.sum_per_event(mine * hits.charge) / in_use)
        struck = hits.sum_per_event(mine * _first(hits)) / in_use
        by_hits.append(-np.log1p(-struck.clip(0.0, FULLEST)))
    return np.stack([*by_charge, *by_hits], 1).astype(np.float32)


def _first(hits: Hits) -> Bool[np.ndarray, " hit"]:
    """Whether a hit is the first one listed of its PMT in its event."""
    _, rows = np.unique(hits.event_index * PMTS + hits.pmt, return_index=True)
    first = np.zeros(len(hits.pmt), bool)
    first[rows] = True
    return first


def _between(
    time: Float32[np.ndarray, " hit"], span: tuple[float, float]
) -> Float32[np.ndarray, " hit"]:
    return ((time >= span[0]) & (time < span[1])).astype(np.float32)


def _table(events: Events, correction: Correction, device: torch.device) -> HitTable:
    """Hits of PMTs in use, by place, less offset and over gain."""
    hits = events.hits.where(correction.live[correction.place[events.hits.pmt]])
    columns = (
        hits.event_index,
        correction.place[hits.pmt].astype(np.int64),
        hits.time - correction.time_offset[hits.pmt],
        hits.charge / correction.gain[hits.pmt],
        np.ones(len(hits.pmt), np.float32),
    )
    return HitTable(*(torch.from_numpy(np.ascontiguousarray(c)).to(device) for c in columns))
