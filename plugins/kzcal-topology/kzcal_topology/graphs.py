"""Hits as nodes of a graph whose edges join those of PMTs that lie near each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents
from kzcal.response.merging import by_group_then_time

EARLIEST, LATEST = -6.0, 16.0
"""Residuals of the hits that become nodes, ns: later light tells little of where it came from."""
AROUND = 48
"""PMTs around each one among which its neighbours are sought."""
SAME = 10
"""Decimals in which cosines agree that are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class HitGraphs:
    """Graphs of some events, side by side.

    Args:
        event: row of each node's event.
        count: nodes of each event.
        direction: from the event's vertex to the PMT, unit vectors.
        time: residual, ns.
        large: 1 for a 20-inch, 0 for a 17-inch tube.
        neighbour: nodes that each node hears, the nearest first; itself where there are too few.
    """

    event: Int[Tensor, " node"]
    count: Int[Tensor, " event"]
    direction: Float[Tensor, "node 3"]
    time: Float[Tensor, " node"]
    large: Float[Tensor, " node"]
    neighbour: Int[Tensor, "node neighbour"]


@dataclass(frozen=True, slots=True, eq=False)
class GraphMaker:
    """Makes graphs of events.

    Args:
        place: of the PMTs, m.
        large: 1 for a 20-inch, 0 for a 17-inch tube.
        around: the nearest PMTs of each, the nearest first.
        neighbours: of a node.
    """

    place: Float[Tensor, "pmt 3"]
    large: Float[Tensor, " pmt"]
    around: Int[Tensor, "pmt near"]
    neighbours: int

    @classmethod
    def of(cls, detector: Detector, neighbours: int, device: torch.device) -> GraphMaker:
        """For the events of a detector."""
        place = torch.from_numpy(detector.positions.astype(np.float32))
        large = torch.from_numpy((detector.diameter_inch == 20).astype(np.float32))
        around = nearest_pmts(detector.directions, AROUND)
        return cls(place.to(device), large.to(device), around.to(device), neighbours)

    def see(self, events: CorrectedEvents) -> HitGraphs:
        """The graphs of some events."""
        hits = events.hits.where((events.hits.time > EARLIEST) & (events.hits.time < LATEST))
        columns = hits.to_torch(str(self.place.device))
        count = columns["offsets"].diff()
        event = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
        order = by_group_then_time(event, columns["time"])
        pmt, time = columns["pmt"][order], columns["time"][order]
        vertex = torch.from_numpy(np.nan_to_num(events.vertex)).to(self.place.device)
        sight = torch.nn.functional.normalize(self.place[pmt] - vertex[event], dim=1)
        near = neighbours_of(event, pmt, len(count), self.around, self.neighbours)
        return HitGraphs(event, count, sight, time, self.large[pmt], near)


def nearest_pmts(directions: Float64[np.ndarray, "pmt 3"], n: int) -> Int[Tensor, "pmt near"]:
    """The nearest other PMTs of each, the nearest first.

    The layout has many that are equally far; they stand by number, whatever rounding says.
    """
    cosine = torch.from_numpy(directions @ directions.T).round(decimals=SAME)
    cosine.fill_diagonal_(-2.0)
    return cosine.argsort(dim=1, descending=True, stable=True)[:, :n].contiguous()


def neighbours_of(
    event: Int[Tensor, " node"],
    pmt: Int[Tensor, " node"],
    n_events: int,
    around: Int[Tensor, "pmt near"],
    neighbours: int,
) -> Int[Tensor, "node neighbour"]:
    """Nodes of the same event on the nearest PMTs that are hit; a node itself for missing ones.

    Nodes of an event stand in order of time, and of several on one PMT the first is heard.
    """
    own = torch.arange(len(event), device=event.device)
    node = torch.full((n_events, len(around)), len(own), device=own.device)
    node.view(-1).scatter_reduce_(0, event * len(around) + pmt, own, "amin")
    candidate = node[event[:, None], around[pmt]]
    hit = candidate < len(own)
    rank = hit.cumsum(1) - 1
    row, column = torch.nonzero(hit & (rank < neighbours), as_tuple=True)
    found = own[:, None].repeat(1, neighbours)
    found[row, rank[row, column]] = candidate[row, column]
    return found
