"""Densities with a few Gaussian terms, one set for each type of PMT, drawn and evaluated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Mixture(nn.Module):
    """Gaussian terms of each type of PMT.

    A term's mean is in the unit of what is drawn and its width in units of a scale that each
    draw brings, so that a PMT keeps a resolution of its own.

    Args:
        share: of each term at the start; they sum to 1.
        mean: of each term at the start.
        width: of each term at the start.
    """

    def __init__(
        self, share: Sequence[float], mean: Sequence[float], width: Sequence[float]
    ) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor([share, share]).log())
        self.mean = nn.Parameter(torch.tensor([mean, mean]))
        self.width = nn.Parameter(torch.tensor([width, width]).log())

    def draw(
        self, kind: Int[Tensor, " hit"], scale: Float[Tensor, " hit"], generator: torch.Generator
    ) -> tuple[Float[Tensor, " hit"], Float[Tensor, " hit"]]:
        """One value for each, and the logarithm of the share of the term that it came from."""
        log_share = self.share.log_softmax(1)
        edges = log_share.exp().cumsum(1)
        uniform = torch.rand(kind.shape, generator=generator, device=kind.device)
        term = (uniform[:, None] > edges[kind, :-1]).sum(1)
        noise = torch.randn(kind.shape, generator=generator, device=kind.device)
        width = scale * self.width[kind, term].exp()
        return self.mean[kind, term] + width * noise, log_share[kind, term]

    def log_prob(
        self,
        value: Float[Tensor, " hit"],
        kind: Int[Tensor, " hit"],
        scale: Float[Tensor, " hit"],
    ) -> Float[Tensor, " hit"]:
        """Logarithm of the density of each value."""
        log_width = self.width[kind] + scale.log()[:, None]
        pull = (value[:, None] - self.mean[kind]) * torch.exp(-log_width)
        terms = self.share.log_softmax(1)[kind] - 0.5 * pull**2 - log_width - HALF_LOG_2PI
        return terms.logsumexp(1)

    def above(
        self, level: Float[Tensor, " pmt"], kind: Int[Tensor, " pmt"], scale: Float[Tensor, " pmt"]
    ) -> Float[Tensor, " pmt"]:
        """Probability of a value above the level."""
        width = scale[:, None] * self.width[kind].exp()
        tail = 0.5 * torch.erfc((level[:, None] - self.mean[kind]) / (width * math.sqrt(2.0)))
        return (self.share.softmax(1)[kind] * tail).sum(1)
