"""Grids of the shapes that PMTs of a type share, and how numbers are drawn from them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

CORE_HALF_WIDTH = 5.0
N_CORE = 80
"""Bins of a standardised density, from -5 to 5 standard deviations."""
PEAK_STEPS = 40
"""Steps in which location and width of a peak are found."""
DELAY_EDGES = (
    *(-40.0, -25.0, -15.0, -10.0, -7.0, -5.0, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 38.0),
    *(50.0, 65.0, 85.0, 110.0, 150.0, 200.0),
)
"""Edges of the bins of a further delay, ns; the one about zero stands for none at all."""
NO_DELAY = 5
"""Bin that stands for no further delay."""
N_DELAY = len(DELAY_EDGES) - 1
WALK_NODES = tuple(0.15 * 1.25**i for i in range(20))
"""Charges at which the time walk is known, p.e."""
SIGHT_NODES = tuple(1.5 + 1.0 * i for i in range(15))
"""Distances from vertex to PMT at which the factor on the efficiency is known, m."""


def normal_density(n_types: int) -> Float[Tensor, "type bin"]:
    """Chance of each bin of a standardised density for a normal distribution."""
    edges = torch.linspace(-CORE_HALF_WIDTH, CORE_HALF_WIDTH, N_CORE + 1, dtype=torch.float64)
    below = 0.5 * (1 + torch.erf(edges / math.sqrt(2.0)))
    density = below.diff() / (below[-1] - below[0])
    return density.float().expand(n_types, -1).contiguous()


def drawn(
    density: Float[Tensor, "type bin"],
    edges: Float[Tensor, " edge"],
    kind: Int[Tensor, " draw"],
    uniform: Float[Tensor, " draw"],
) -> Float[Tensor, " draw"]:
    """Numbers of a density that is flat within bins: its quantiles at ``uniform``.

    Args:
        density: chance of each bin, by type.
        edges: of the bins.
        kind: type of each number.
        uniform: between 0 and 1.
    """
    values = torch.empty_like(uniform)
    for k, chances in enumerate(density):
        rows = kind == k
        below = torch.cat([chances.new_zeros(1), chances.cumsum(0)])
        level = uniform[rows] * below[-1]
        row = (torch.searchsorted(below, level, right=True) - 1).clamp(0, len(chances) - 1)
        inside = (level - below[row]) / chances[row].clamp(min=1e-12)
        values[rows] = torch.lerp(edges[row], edges[row + 1], inside.clamp(0, 1))
    return values


def share_below(
    density: Float[Tensor, "type bin"],
    edges: Float[Tensor, " edge"],
    kind: Int[Tensor, " row"],
    value: Float[Tensor, " row"],
) -> Float[Tensor, " row"]:
    """Share of a density below a value."""
    below = torch.nn.functional.pad(density.cumsum(1), (1, 0))
    return interpolated(below / below[:, -1:], edges, kind, value)


def interpolated(
    table: Float[Tensor, "type node"],
    nodes: Float[Tensor, " node"],
    kind: Int[Tensor, " row"],
    value: Float[Tensor, " row"],
) -> Float[Tensor, " row"]:
    """Value of each type's table between its nodes, and beyond them that of the last."""
    right = torch.searchsorted(nodes, value.contiguous()).clamp(1, len(nodes) - 1)
    share = (value - nodes[right - 1]) / (nodes[right] - nodes[right - 1])
    flat, row = table.reshape(-1), kind * table.shape[1] + right
    return torch.lerp(flat[row - 1], flat[row], share.clamp(0, 1))


def core_edges(device: torch.device) -> Float[Tensor, " edge"]:
    """Edges of a standardised density."""
    return torch.linspace(-CORE_HALF_WIDTH, CORE_HALF_WIDTH, N_CORE + 1, device=device)


def standardised(density: Float[Tensor, "type bin"]) -> Float[Tensor, "type bin"]:
    """The density stretched and moved so that its peak has the location and width of a normal's.

    What a standardised shape says of location and width would otherwise be said twice, by it and
    by the constants of each PMT. With weights exp(-x^2 / 2) the mean is zero and the mean square
    one half, as those of a normal distribution are; tails hardly count.
    """
    edges = core_edges(density.device).double()
    rows = []
    for chances in density.double():
        location, width = _peak(chances / chances.sum(), (edges[1:] + edges[:-1]) / 2)
        below = torch.cat([chances.new_zeros(1), chances.cumsum(0)])[None]
        first = torch.zeros(len(edges), dtype=torch.long, device=edges.device)
        rows.append(interpolated(below, edges, first, edges * width + location).diff())
    found = torch.stack(rows)
    return (found / found.sum(1, keepdim=True)).to(density.dtype)


def _peak(share: Float[Tensor, " bin"], centre: Float[Tensor, " bin"]) -> tuple[float, float]:
    """Location and width of a peak."""
    location, width = 0.0, 1.0
    for _ in range(PEAK_STEPS):
        off = (centre - location) / width
        weight = share * torch.exp(-(off**2) / 2)
        total = float(weight.sum())
        location += 2 * width * float((weight * off).sum()) / total
        width *= (2 * float((weight * off**2).sum()) / total) ** 0.5
    return location, width
