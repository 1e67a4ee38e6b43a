r"""Heights of components of a spectrum, profiled within its expectation.

A spectrum is :math:`m_b = k_b + \sum_c n_c A_{bc}` with known counts k and heights n that are not
negative. The heights of the largest Poisson likelihood follow from Newton steps in their
logarithms with Fisher's information. All is differentiable: at the end the likelihood has no slope
in the heights, so that derivatives by what A depends on are those of the profile likelihood.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

STEPS = 16
LONGEST = 1.5
"""Of a step in the logarithm of a height."""
LEAST = 1e-3
"""Expected counts of a bin are at least this while heights are sought."""


def profiled(
    counts: Float[Tensor, "spectrum bin"],
    columns: Float[Tensor, "spectrum bin component"],
    known: Float[Tensor, "spectrum bin"],
    start: Float[Tensor, "spectrum component"],
) -> Float[Tensor, "spectrum component"]:
    """Most likely heights.

    Args:
        counts: observed.
        columns: of each component for height one; zero for one that a spectrum has not.
        known: expected counts besides them.
        start: heights to begin with, above zero.
    """
    logs = torch.log(start)
    absent = torch.diag_embed((columns.abs().sum(1) == 0).to(columns.dtype))
    for _ in range(STEPS):
        scaled = columns * torch.exp(logs)[:, None]
        mean = (known + scaled.sum(-1)).clamp(min=LEAST)
        score = torch.einsum("sbc,sb->sc", scaled, counts / mean - 1)
        information = torch.einsum("sbc,sb,sbd->scd", scaled, 1 / mean, scaled)
        ridge = absent + torch.diag_embed(torch.full_like(score, 1e-6))
        step = torch.linalg.solve(information + ridge, score[..., None])[..., 0]
        logs = logs + step.clamp(-LONGEST, LONGEST)
    return torch.exp(logs)


def begun(
    counts: Float[Tensor, "spectrum bin"], columns: Float[Tensor, "spectrum bin component"]
) -> Float[Tensor, "spectrum component"]:
    """Heights to begin with: every component has its share of the counts."""
    size = columns.sum(1)
    present = (size > 0).sum(-1, keepdim=True).clamp(min=1)
    total = counts.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(size > 0, total / present / size.clamp(min=1e-9), 1.0)
