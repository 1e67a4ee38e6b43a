"""Cables that are exchanged: whose hits come from events elsewhere than their PMT's light would.

The mean vertex of the events that a PMT sees points to where the PMT is. Two cables of which each
has the mean vertex of the other's place are exchanged.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

SUSPICIOUS = 40.0
"""Chi-square of three numbers above which a PMT may be elsewhere: 1 in 10^8 by chance, with room
for what the light of the simulation gets wrong."""
FITS = 0.25
"""Largest share of the chi-square that may be left when two cables are exchanged."""


def exchanged(
    data: tuple[Int[Tensor, " hit"], Float[Tensor, "hit 3"]],
    light: tuple[Int[Tensor, " pe"], Float[Tensor, "pe 3"]],
    n_pmt: int,
) -> Int[Tensor, " pmt"]:
    """Cable that reads the PMT at each place.

    Args:
        data: cable and vertex [m] of each hit of light.
        light: place and vertex [m] of each photoelectron.
        n_pmt: number of PMTs.
    """
    seen, error = _mean_vertex(*data, n_pmt)
    expected, light_error = _mean_vertex(*light, n_pmt)
    variance = error + light_error
    own = ((seen - expected) ** 2 / variance).sum(1)
    suspects = torch.nonzero(own > SUSPICIOUS)[:, 0]
    off = seen[suspects, None] - expected[None, suspects]
    crossed = (off**2 / (error[suspects, None] + light_error[None, suspects])).sum(2)
    both = (crossed + crossed.T) / (own[suspects, None] + own[None, suspects])
    both.fill_diagonal_(torch.inf)
    cable = torch.arange(n_pmt, device=own.device)
    for row, column in _mutual(both):
        a, b = int(suspects[row]), int(suspects[column])
        cable[a], cable[b] = b, a
    return cable


def _mutual(left: Float[Tensor, "suspect suspect"]) -> list[tuple[int, int]]:
    """Pairs of which each is the other's best, and fits."""
    if len(left) < 2:
        return []
    best = left.argmin(1).tolist()
    return [
        (a, b) for a, b in enumerate(best) if a < b and best[b] == a and float(left[a, b]) < FITS
    ]


def _mean_vertex(pmt: Tensor, vertex: Tensor, n_pmt: int) -> tuple[Tensor, Tensor]:
    """Mean vertex of the rows of each PMT, and the variance of each of its coordinates."""
    count = torch.bincount(pmt, minlength=n_pmt).double().clamp(min=1)[:, None]
    first, second = (
        torch.zeros(n_pmt, 3, dtype=torch.float64, device=pmt.device).index_add_(
            0, pmt, vertex.double() ** power
        )
        for power in (1, 2)
    )
    mean = first / count
    spread = (second.sum(0) / count.sum() - (first.sum(0) / count.sum()) ** 2).clamp(min=1e-6)
    return mean, spread / count
