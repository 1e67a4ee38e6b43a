"""What networks see of one hit: its time and its charge, each as a row of smooth bumps."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

TIMES = (
    *(-60.0, -20.0, -10.0, -6.0, -4.0, -2.5, -1.0, 0.5, 2.0, 3.5, 5.0, 7.0, 10.0),
    *(15.0, 24.0, 40.0, 80.0, 160.0),
)
"""Centres in residual, ns; dense where light comes."""

CHARGES = (0.2, 0.27, 0.34, 0.42, 0.55, 0.7, 0.9, 1.1, 1.4, 1.9, 2.8, 5.0)
"""Centres in charge, p.e."""


class Features(nn.Module):
    """Hat functions of time and charge, which add up to 1, and the type of the PMT."""

    times: Tensor
    charges: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("times", torch.tensor(TIMES))
        self.register_buffer("charges", torch.tensor(CHARGES))

    @property
    def size(self) -> int:
        """Numbers per hit."""
        return len(TIMES) + len(CHARGES) + 1

    def forward(
        self,
        time: Float[Tensor, " hit"],
        charge: Float[Tensor, " hit"],
        kind: Int[Tensor, " hit"],
    ) -> Float[Tensor, "hit feature"]:
        """One row per hit; ``time`` is a residual in ns and ``charge`` in p.e."""
        columns = (hats(time, self.times), hats(charge, self.charges), kind[:, None].float())
        return torch.cat(columns, 1)


def hats(
    value: Float[Tensor, " hit"], centres: Float[Tensor, " centre"]
) -> Float[Tensor, "hit centre"]:
    """Piecewise linear bumps: each is 1 at its centre and 0 at the centres beside it."""
    inside = value.clamp(centres[0], centres[-1])
    right = torch.searchsorted(centres, inside.detach()).clamp(1, len(centres) - 1)
    low, high = centres[right - 1], centres[right]
    share = (inside - low) / (high - low)
    rows = torch.zeros((len(value), len(centres)), dtype=value.dtype, device=value.device)
    rows = rows.scatter(1, right[:, None] - 1, (1.0 - share)[:, None])
    return rows.scatter(1, right[:, None], share[:, None])
