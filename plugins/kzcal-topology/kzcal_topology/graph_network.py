"""A graph network of hits that no rotation changes: it hears angles, time differences, moments."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_topology.graphs import HitGraphs

CENTRES = tuple(float(t) for t in range(-5, 16))
"""Centres of the time windows that a node lies in, ns."""
WIDTH = 1.0
"""Half width of a window at its base, ns."""
LATER = 2.5
"""Difference in time that counts as one, ns."""


class Moments(nn.Module):
    """Means and first moments of an event, in learned weights of its nodes.

    Args:
        width: numbers of a node.
        vectors: moments of an event.
    """

    def __init__(self, width: int, vectors: int) -> None:
        super().__init__()
        self.weight = nn.Linear(width, vectors)

    def forward(
        self, nodes: Float[Tensor, "node width"], graphs: HitGraphs
    ) -> tuple[Float[Tensor, "event width"], Float[Tensor, "event vector 3"]]:
        """Mean of the nodes, and sums of weighted directions over the root of their number."""
        count = graphs.count.clamp(min=1)[:, None].to(nodes.dtype)
        pointing = self.weight(nodes)[:, :, None] * graphs.direction[:, None, :]
        total = pointing.new_zeros(len(count), *pointing.shape[1:])
        total = total.index_add(0, graphs.event, pointing)
        return _mean(nodes, graphs), total / count[:, :, None].sqrt()


class Hearing(nn.Module):
    """A layer: each node hears its neighbours, the event's mean, and how it lies to its moments.

    Source: Y. Wang et al. (2019), Dynamic graph CNN, doi:10.1145/3326362 (edge convolution).
    """

    def __init__(self, width: int, vectors: int) -> None:
        super().__init__()
        self.own, self.other = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.apart = nn.Linear(2, width, bias=False)
        self.moments = Moments(width, vectors)
        self.together = nn.Linear(3 * width + vectors, width)

    def forward(
        self,
        nodes: Float[Tensor, "node width"],
        apart: Float[Tensor, "node neighbour 2"],
        graphs: HitGraphs,
    ) -> tuple[Float[Tensor, "node width"], Float[Tensor, "event vector 3"]]:
        """The nodes after the layer, and the moments before it."""
        heard = self.own(nodes)[:, None] + self.other(nodes)[graphs.neighbour] + self.apart(apart)
        mean, moments = self.moments(nodes, graphs)
        along = (moments[graphs.event] * graphs.direction[:, None]).sum(-1)
        parts = [nodes, heard.relu().mean(1), mean[graphs.event], along]
        return self.together(torch.cat(parts, 1)).relu(), moments


class GraphNetwork(nn.Module):
    """Times, two layers of hearing, and a head on what no rotation changes of the whole event.

    Args:
        width: numbers of a node.
        vectors: moments of an event in each layer.
    """

    centre: Tensor

    def __init__(self, width: int, vectors: int = 8) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(CENTRES))
        self.begin = nn.Linear(len(CENTRES) + 1, width)
        self.layers = nn.ModuleList(Hearing(width, vectors) for _ in range(2))
        self.end = Moments(width, vectors)
        pairs = torch.triu_indices(vectors, vectors)
        self._first, self._second = pairs[0].tolist(), pairs[1].tolist()
        size = 3 * len(self._first) + width + len(CENTRES) + 1
        self.head = nn.Sequential(
            nn.BatchNorm1d(size), nn.Linear(size, 64), nn.ReLU(), nn.Linear(64, 1)
        )

    def forward(self, graphs: HitGraphs) -> Float[Tensor, " event"]:
        """Logit of each event."""
        hat = 1.0 - ((graphs.time[:, None] - self.centre) / WIDTH).abs()
        seen = torch.cat([hat.relu(), graphs.large[:, None]], 1)
        near = graphs.neighbour
        cosine = (graphs.direction[near] * graphs.direction[:, None]).sum(-1)
        later = (graphs.time[near] - graphs.time[:, None]) / LATER
        apart = torch.stack([cosine, later], -1)
        nodes, moments = self.begin(seen).relu(), []
        for layer in self.layers:
            nodes, moment = layer(nodes, apart, graphs)
            moments.append(moment)
        mean, moment = self.end(nodes, graphs)
        squares = [self._squares(m) for m in (*moments, moment)]
        logit: Tensor = self.head(torch.cat([_mean(seen, graphs), mean, *squares], 1))[:, 0]
        return logit

    def _squares(self, moments: Float[Tensor, "event vector 3"]) -> Float[Tensor, "event pair"]:
        """Products of all pairs of moments."""
        return (moments @ moments.transpose(1, 2))[:, self._first, self._second]


def _mean(values: Float[Tensor, "node value"], graphs: HitGraphs) -> Float[Tensor, "event value"]:
    total = values.new_zeros(len(graphs.count), values.shape[1])
    total = total.index_add(0, graphs.event, values)
    return total / graphs.count.clamp(min=1)[:, None]
