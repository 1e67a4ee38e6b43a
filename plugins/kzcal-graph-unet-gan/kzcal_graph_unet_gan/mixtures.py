"""Densities of charge and time: sums of normal distributions, evaluated and sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

LEAST_WIDTH = 0.02
"""Smallest width of a component, so that no density grows without bound."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Normal distributions with weights, a row each.

    Args:
        log_weight: natural logarithm of the weights, which sum to 1.
        mean: of the components.
        width: their standard deviations.
    """

    log_weight: Float[Tensor, "row component"]
    mean: Float[Tensor, "row component"]
    width: Float[Tensor, "row component"]

    @classmethod
    def of(cls, numbers: Float[Tensor, "row numbers"]) -> Mixture:
        """From as many logits as means and logarithms of widths."""
        logits, mean, log_width = numbers.chunk(3, dim=-1)
        width = LEAST_WIDTH + torch.exp(log_width.clamp(-8, 8))
        return cls(functional.log_softmax(logits, dim=-1), mean, width)

    def __getitem__(self, rows: Int[Tensor, " taken"] | Bool[Tensor, " row"]) -> Mixture:
        """Some of the rows."""
        return Mixture(self.log_weight[rows], self.mean[rows], self.width[rows])

    def log_prob(self, value: Float[Tensor, " row"]) -> Float[Tensor, " row"]:
        """Natural logarithm of the density."""
        z = (value[:, None] - self.mean) / self.width
        log_normal = -0.5 * z**2 - torch.log(self.width) - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(self.log_weight + log_normal, dim=-1)

    def log_beyond(self, value: Float[Tensor, " row"]) -> Float[Tensor, " row"]:
        """Natural logarithm of the probability of more than this."""
        z = (value[:, None] - self.mean) / self.width
        return torch.logsumexp(self.log_weight + torch.special.log_ndtr(-z), dim=-1)

    def sample(self, *, generator: torch.Generator) -> Float[Tensor, " row"]:
        """One value a row; gradients reach mean and width of the component that it is from."""
        uniform = torch.rand(len(self.mean), 1, generator=generator, device=self.mean.device)
        summed = self.log_weight.detach().exp().cumsum(dim=-1)
        choice = (uniform > summed).sum(dim=-1, keepdim=True)
        choice = choice.clamp(max=self.mean.shape[-1] - 1)
        noise = torch.randn(len(self.mean), 1, generator=generator, device=self.mean.device)
        value = self.mean.gather(1, choice) + self.width.gather(1, choice) * noise
        return value[:, 0]

    def sample_beyond(
        self, value: Float[Tensor, " row"], *, generator: torch.Generator, tries: int = 30
    ) -> Float[Tensor, " row"]:
        """One value a row that is more than this; the limit itself where none comes up."""
        found = value.clone()
        todo = torch.arange(len(value), device=value.device)
        for _ in range(tries):
            drawn = self[todo].sample(generator=generator)
            reached = drawn > value[todo]
            found = found.index_copy(0, todo[reached], drawn[reached])
            todo = todo[~reached]
            if not len(todo):
                break
        return found


def stretched(charge: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Charge on a scale that ends at no charge and is even for large ones."""
    safe = charge.clamp(min=1e-3)
    return safe + torch.log(-torch.expm1(-safe))


def log_stretch(charge: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Logarithm of the scale's slope: what makes a density per step one per p.e."""
    safe = charge.clamp(min=1e-3)
    return -torch.log(-torch.expm1(-safe))


def charge_of(value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The charge at a place of the scale."""
    return functional.softplus(value)
