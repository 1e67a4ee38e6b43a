"""Distributions of the delay of light, as quantiles that are close together in both tails."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from torch import Tensor

N_QUANTILES = 129

QUANTILES: Float64[np.ndarray, " quantile"] = np.sin(np.linspace(0, np.pi / 2, N_QUANTILES)) ** 2
"""Probabilities of the quantiles; between them a delay is linear in arcsin(sqrt(probability))."""


N_BINS = 192
SHORTEST, LONGEST, FINEST = -6.0, 500.0, 0.25
"""Ends of the bins that delays are counted in [ns]; their width grows with the delay, from this
delay on in proportion to it."""


def delay_bin(delay: Float64[np.ndarray, " count"]) -> Int64[np.ndarray, " count"]:
    """Bin of each delay [ns]."""
    low, high = np.arcsinh(SHORTEST / FINEST), np.arcsinh(LONGEST / FINEST)
    position = (np.arcsinh(delay / FINEST) - low) * (N_BINS / (high - low))
    index: Int64[np.ndarray, " count"] = np.clip(position.astype(np.int64), 0, N_BINS - 1)
    return index


def quantiles_of(
    share: Float64[np.ndarray, "radius cosine bin"],
) -> Float64[np.ndarray, "radius cosine quantile"]:
    """Quantiles of delays [ns] that are spread evenly within each bin."""
    low, high = np.arcsinh(SHORTEST / FINEST), np.arcsinh(LONGEST / FINEST)
    edges = FINEST * np.sinh(np.linspace(low, high, N_BINS + 1))
    table = np.empty((*share.shape[:-1], N_QUANTILES))
    for node in np.ndindex(*share.shape[:-1]):
        below = np.concatenate([[0.0], np.cumsum(share[node])])
        filled = np.concatenate([share[node] > 0, [True]]) | np.concatenate(
            [[True], share[node] > 0]
        )
        table[node] = np.interp(QUANTILES, below[filled] / below[-1], edges[filled])
    return table


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
