"""The discriminator: whether the hits of an event are reported or made up, given its light."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from kzcal_graph_unet_gan.light import FEATURES, Light
from kzcal_graph_unet_gan.mixtures import stretched
from kzcal_graph_unet_gan.sphere import Level
from kzcal_graph_unet_gan.unet import GraphLayer

WIDTH = 16


class Discriminator(nn.Module):
    """A graph network over PMTs, then over clusters, then one number for the event.

    It sees the hits beside the photoelectrons, as the generator does: hits that are possible but
    do not belong to this light are not good enough.

    Args:
        levels: graphs from fine to coarse; three at most are used.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        levels = levels[:3]
        widths = [6 + FEATURES, *(WIDTH * (1 + i) for i in range(len(levels)))]
        self.layers = nn.ModuleList(
            GraphLayer((widths[i], widths[i + 1]), level) for i, level in enumerate(levels)
        )
        self.pools = nn.ModuleList(level.pool for level in levels[:-1] if level.pool is not None)
        self.last = nn.Linear(widths[-1], 1)

    def forward(
        self,
        light: Light,
        n_pmt: int,
        present: Float[Tensor, "lit 2"] | Bool[Tensor, "lit 2"],
        charge: Float[Tensor, "lit 2"],
        time: Float[Tensor, "lit 2"],
    ) -> Float[Tensor, " event"]:
        """Log odds that the hits were reported.

        Args:
            light: photoelectrons of the batch.
            n_pmt: number of PMTs.
            present: whether there are so many hits.
            charge: p.e.
            time: residual, ns.
        """
        there = present.float()
        value = there * torch.clamp(stretched(charge), -3, 10)
        moment = there * torch.tanh(time / 20)
        rows = torch.cat([there, value, moment, light.features], dim=1)
        flat = torch.zeros(n_pmt * light.n_events, rows.shape[1], device=rows.device)
        found = flat.index_copy(0, light.node, rows).reshape(n_pmt, light.n_events, -1)
        for i, layer in enumerate(self.layers):
            found = functional.leaky_relu(layer(found), 0.2)
            found = self.pools[i](found) if i < len(self.pools) else found
        return torch.as_tensor(self.last(found.mean(dim=0))[:, 0])
