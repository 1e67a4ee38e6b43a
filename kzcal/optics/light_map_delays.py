"""Distributions of the delay of light, as quantiles that are close together in both tails."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

N_QUANTILES = 129

QUANTILES: Float64[np.ndarray, " quantile"] = np.sin(np.linspace(0, np.pi / 2, N_QUANTILES)) ** 2
"""Probabilities of the quantiles; between them a delay is linear in arcsin(sqrt(probability))."""


def share_below(
    quantile: Float[Tensor, "*node quantile"], edges: Float[Tensor, " edge"]
) -> Float[Tensor, "*node edge"]:
    """Share of each node's delays below each of ``edges`` [ns]."""
    flat = quantile.reshape(-1, quantile.shape[-1]).contiguous()
    wanted = edges.expand(len(flat), -1).contiguous()
    index = torch.searchsorted(flat, wanted).clamp(1, flat.shape[1] - 1)
    low, high = flat.gather(1, index - 1), flat.gather(1, index)
    share = ((wanted - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    position = (index - 1 + share) * (np.pi / 2 / (flat.shape[1] - 1))
    below = torch.sin(position) ** 2
    return below.reshape(*quantile.shape[:-1], len(edges))


def draw_delay(
    quantile: Float[Tensor, "node quantile"],
    node: Int[Tensor, " point"],
    *,
    generator: torch.Generator,
) -> Float[Tensor, " point"]:
    """Delays [ns] drawn from the distributions of ``node``, by their inverse."""
    n = quantile.shape[1]
    chance = torch.rand(node.shape, generator=generator, device=node.device)
    position = chance.sqrt().asin().mul_((n - 1) * 2 / np.pi)
    below = position.long().clamp_(max=n - 2)
    cell = node * n + below
    flat = quantile.view(-1)
    return torch.lerp(flat.take(cell), flat.take(cell + 1), position - below)
