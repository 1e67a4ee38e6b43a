"""The objective of the global fit: the sum of its terms and of the parameters' priors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from kzcal.fit.terms import Term, Values, deviance, information_weight
from kzcal.parts import Parameter

Vector = Float64[np.ndarray, " parameter"]
Matrix = Float64[np.ndarray, "parameter parameter"]


@dataclass(frozen=True, slots=True, eq=False)
class FitObjective:
    """-2 log L of a run; smooth, since all randomness was drawn before.

    Args:
        terms: what is compared, cheapest first.
        parameters: that are fitted.
        fixed: values of all other parameters.
        device: where the terms are.
    """

    terms: Sequence[Term]
    parameters: Sequence[Parameter]
    fixed: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def noise(self) -> float:
        """The same random numbers serve all values, so that differences have none."""
        return 0.0

    def __call__(self, values: Vector) -> float:
        """The objective at values of the parameters."""
        return list(self.partial(values))[-1]

    def partial(self, values: Vector) -> Iterator[float]:
        """Priors and the first term, then one more term at a time."""
        named = self.named(self.vector(values))
        total = self._prior(values)
        for term in self.terms:
            total += float(deviance(term.counts, term.expected(named)).sum())
            yield total

    def slopes(self, values: Vector) -> tuple[Vector, Matrix]:
        """First derivatives, and twice the Fisher information."""
        gradient = torch.zeros(len(self.parameters), dtype=torch.float64)
        information = torch.zeros(len(gradient), len(gradient), dtype=torch.float64)
        for term in self.terms:
            first, second = self._slopes_of(term, self.vector(values))
            gradient += first.cpu()
            information += second.cpu()
        by_prior, of_prior = self._prior_slopes(values)
        return gradient.numpy() + by_prior, information.numpy() + of_prior

    def vector(self, values: Vector) -> Float[Tensor, " parameter"]:
        """Values where the terms are."""
        return torch.as_tensor(np.asarray(values), dtype=torch.float64, device=self.device)

    def named(self, vector: Float[Tensor, " parameter"]) -> Values:
        """Values of all parameters by name; only those that are fitted are differentiable."""
        fixed = {name: vector.new_tensor(value) for name, value in self.fixed.items()}
        return fixed | {p.name: vector[i] for i, p in enumerate(self.parameters)}

    def _slopes_of(self, term: Term, vector: Tensor) -> tuple[Tensor, Tensor]:
        def mean(point: Tensor) -> Tensor:
            return term.expected(self.named(point)).mean

        expected = term.expected(self.named(vector))
        jacobian = torch.func.jacfwd(mean)(vector)
        by_mean = torch.func.grad(
            lambda m: deviance(term.counts, type(expected)(m, expected.variance)).sum()
        )(expected.mean)
        weight = information_weight(expected)
        return by_mean @ jacobian, 2 * (jacobian.T * weight) @ jacobian

    def _prior(self, values: Vector) -> float:
        known = [(v, *p.prior) for v, p in zip(values, self.parameters, strict=True) if p.prior]
        return float(sum(((v - mean) / sigma) ** 2 for v, mean, sigma in known))

    def _prior_slopes(self, values: Vector) -> tuple[Vector, Matrix]:
        rows = [p.prior or (0.0, np.inf) for p in self.parameters]
        mean, sigma = np.array(rows).T
        return 2 * (np.asarray(values) - mean) / sigma**2, np.diag(2 / sigma**2)
