"""A U-Net on graphs of PMTs: down through ever coarser clusters and up again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from kzcal_graph_unet_gan.sphere import Level


class GraphLayer(nn.Module):
    """What a node makes of itself and of the mean of its neighbours.

    The narrower of the two sides is carried to the neighbours.

    Args:
        width: channels before and after.
        level: the graph.
    """

    def __init__(self, width: tuple[int, int], level: Level) -> None:
        super().__init__()
        self.own = nn.Linear(*width)
        self.others = nn.Linear(*width, bias=False)
        self.near = level.near

    def forward(
        self, features: Float[Tensor, "node event before"]
    ) -> Float[Tensor, "node event after"]:
        """Before the nonlinearity."""
        own: Tensor = self.own(features)
        if self.own.out_features < self.own.in_features:
            return own.add(self.near(self.others(features)))
        return own.add(self.others(self.near(features)))


class GraphUNet(nn.Module):
    """Features of PMTs from those of all others, near and far.

    Source: Gao and Ji (2019), arXiv:1905.05178, for the U shape with sums of what each level knew
    on the way down. Instead of the best-scored nodes of each event, all nodes go on, in clusters
    of neighbours that never change: pooling loses no PMT and costs one product.

    Args:
        width: channels of the input, inside, and of the output.
        levels: graphs from fine to coarse.
    """

    def __init__(self, width: tuple[int, int, int], levels: Sequence[Level]) -> None:
        super().__init__()
        first, inside, last = width
        fine = levels[:-1]
        self.enter = GraphLayer((first, inside), levels[0])
        self.down = nn.ModuleList(GraphLayer((inside, inside), level) for level in levels[1:])
        self.up = nn.ModuleList(
            GraphLayer((inside, inside if i else last), level) for i, level in enumerate(fine)
        )
        self.pools = nn.ModuleList(level.pool for level in fine if level.pool is not None)
        self.unpools = nn.ModuleList(level.unpool for level in fine if level.unpool is not None)

    def forward(
        self, features: Float[Tensor, "pmt event before"]
    ) -> Float[Tensor, "pmt event after"]:
        """Features of every PMT in every event."""
        known = [functional.relu(self.enter(features))]
        for pool, layer in zip(self.pools, self.down, strict=True):
            known.append(functional.relu(layer(pool(known[-1]))))
        found = known.pop()
        for i in reversed(range(len(self.up))):
            found = self.up[i](self.unpools[i](found) + known.pop())
            found = functional.relu(found) if i else found
        return torch.as_tensor(found)
