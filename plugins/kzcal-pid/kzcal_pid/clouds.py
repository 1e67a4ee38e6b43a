"""Hits of events as clouds of points: direction from the vertex, time, kind and distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents

KNOTS = (
    -15,
    -10,
    -7,
    -5,
    -4,
    -3,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    14,
    17,
    20,
    25,
    30,
    40,
    60,
)
"""Residual times between which what a hit says goes straight, ns; hits beyond are left out."""
SEVERAL = 1.5
"""Charge above which a pulse counts as one of several photoelectrons, p.e."""
PAGE = 64
"""Hits of a page; an event of 500 leaves few lines empty, a full table of events half."""
N_KIND = 4
"""17-inch and 20-inch PMTs, each with pulses of one and of several photoelectrons."""


@dataclass(frozen=True, slots=True, eq=False)
class Clouds:
    """Hits of some events on pages of equal length, an event on as many as it needs.

    Args:
        event: row of each page's event.
        real: whether a line holds a hit; other lines hold zeros.
        direction: from the event's vertex to the PMT, unit vectors.
        knot: the last knot not after the hit.
        part: how far the hit is on the way to the next knot.
        kind: of PMT and pulse, 0 to 3.
        distance: from the vertex to the PMT, m.
        radius: of the vertex, m.
    """

    event: Int[Tensor, " page"]
    real: Bool[Tensor, "page hit"]
    direction: Float[Tensor, "page hit 3"]
    knot: Int[Tensor, "page hit"]
    part: Float[Tensor, "page hit"]
    kind: Int[Tensor, "page hit"]
    distance: Float[Tensor, "page hit"]
    radius: Float[Tensor, " event"]


@dataclass(frozen=True, slots=True, eq=False)
class CloudView:
    """Makes clouds of events.

    Args:
        place: of the PMTs, m.
        large: 1 for a 20-inch, 0 for a 17-inch tube.
        knots: times, ns.
    """

    place: Float[Tensor, "pmt 3"]
    large: Int[Tensor, " pmt"]
    knots: Float[Tensor, " knot"]

    @classmethod
    def of(cls, detector: Detector, device: torch.device) -> CloudView:
        """For the events of a detector."""
        place = torch.from_numpy(detector.positions.astype(np.float32))
        large = torch.from_numpy((detector.diameter_inch == 20).astype(np.int64))
        knots = torch.tensor(KNOTS, dtype=torch.float32)
        return cls(place.to(device), large.to(device), knots.to(device))

    def __call__(self, events: CorrectedEvents) -> Clouds:
        """The clouds of some events."""
        time = events.hits.time
        hits = events.hits.where((time > KNOTS[0]) & (time < KNOTS[-1]))
        seen = hits.to_torch(str(self.place.device))
        count = seen["offsets"].diff()
        events_seen = torch.arange(len(count), device=count.device)
        row = torch.repeat_interleave(events_seen, count)
        place = torch.arange(len(row), device=row.device) - seen["offsets"][:-1][row]
        pages = (count + PAGE - 1) // PAGE
        page = (pages.cumsum(0) - pages)[row] + place // PAGE
        shape = int(pages.sum()), PAGE
        vertex = torch.from_numpy(np.nan_to_num(events.vertex)).to(self.place.device)
        sight = self.place[seen["pmt"]] - vertex[row]
        distance = sight.norm(dim=1)
        knot = torch.bucketize(seen["time"], self.knots, right=True) - 1
        step = self.knots[knot + 1] - self.knots[knot]

        def laid(values: Tensor) -> Tensor:
            out = values.new_zeros(*shape, *values.shape[1:])
            out[page, place % PAGE] = values
            return out

        return Clouds(
            event=torch.repeat_interleave(events_seen, pages),
            real=laid(torch.ones_like(row, dtype=torch.bool)),
            direction=laid(sight / distance[:, None]),
            knot=laid(knot),
            part=laid((seen["time"] - self.knots[knot]) / step),
            kind=laid(2 * self.large[seen["pmt"]] + (seen["charge"] > SEVERAL)),
            distance=laid(distance),
            radius=vertex.norm(dim=1),
        )
