r"""The population of a quantity over the PMTs of one type, and what it says of one of them.

A quantity that few hits measure badly is better known together with the others of its kind. With
a Gaussian population of mean m and variance v per type, an estimate x of variance
:math:`\sigma^2` becomes :math:`(x/\sigma^2 + m/v) / (1/\sigma^2 + 1/v)`. Mean and variance come
from the estimates themselves, by largest marginal likelihood, so that a PMT with many hits keeps
its own value, and one with few leans on its type with an error that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Population:
    """Gaussian population of one quantity.

    Args:
        mean: of each type.
        variance: of each type, measurement errors taken off.
    """

    mean: Float[Tensor, " type"]
    variance: Float[Tensor, " type"]

    @classmethod
    def pinned(cls, mean: Float[Tensor, " type"]) -> Population:
        """A population in which all are alike."""
        return cls(mean, 1e-8 * mean**2)

    @classmethod
    def wide(cls, mean: Float[Tensor, " type"]) -> Population:
        """A population that hardly says anything: half its mean wide."""
        return cls(mean, (0.5 * mean) ** 2)

    def added(
        self, score: Tensor, information: Tensor, value: Tensor, kind: Tensor, column: int
    ) -> tuple[Tensor, Tensor]:
        """Score and information with the population's added to the parameter in ``column``."""
        score, information = score.clone(), information.clone()
        score[:, column] += (self.mean[kind] - value) / self.variance[kind]
        information[:, column, column] += 1 / self.variance[kind]
        return score, information


def unpooled(
    value: Float[Tensor, " pmt"],
    variance: Float[Tensor, " pmt"],
    population: Population,
    kind: Tensor,
) -> Float[Tensor, " pmt"]:
    """What an estimate of this variance alone would be, before the population drew it in."""
    return value + (value - population.mean[kind]) * variance / population.variance[kind]


def recentred(
    population: Population,
    value: Float[Tensor, " pmt"],
    variance: Float[Tensor, " pmt"],
    kind: Tensor,
    chosen: Tensor,
) -> Population:
    """The population about the mean of what the estimates would be alone, of the same width.

    Args:
        population: that the estimates were drawn to.
        value: the estimates.
        variance: of each, alone.
        kind: type of each PMT.
        chosen: PMTs that count.
    """
    alone = unpooled(value, variance, population, kind)
    weight = torch.where(chosen, 1 / (variance + population.variance[kind]), 0.0)
    empty = torch.zeros_like(population.mean)
    total = empty.index_add(0, kind, weight)
    mean = empty.index_add(0, kind, weight * torch.where(chosen, alone, 0.0)) / total.clamp(
        min=1e-12
    )
    return Population(torch.where(total > 0, mean, population.mean), population.variance)


def population_of(
    value: Float[Tensor, " pmt"],
    variance: Float[Tensor, " pmt"],
    kind: Tensor,
    chosen: Tensor,
    *,
    iterations: int = 50,
) -> Population:
    """Population of each type from estimates and their variances, outliers held back.

    Estimates further than four standard deviations from the median do not take part.
    """
    means, variances = [], []
    for k in range(int(kind.max()) + 1):
        rows = chosen & (kind == k) & torch.isfinite(value) & (variance > 0)
        x, s = value[rows], variance[rows]
        if len(x) < 10:
            means.append(value.new_tensor(float("nan")))
            variances.append(value.new_tensor(float("nan")))
            continue
        scatter = 1.4826 * (x - x.median()).abs().median()
        near = (x - x.median()).abs() < 4 * torch.maximum(scatter, s.sqrt())
        x, s = x[near], s[near]
        v = (x.var() - s.mean()).clamp(min=1e-4 * float(x.mean()) ** 2)
        for _ in range(iterations):
            weight = 1 / (s + v)
            m = (weight * x).sum() / weight.sum()
            v = v * ((weight * (x - m)) ** 2).sum() / weight.sum()
            v = v.clamp(min=1e-5 * float(m) ** 2)
        means.append(m)
        variances.append(v)
    return Population(torch.stack(means), torch.stack(variances))


def population_from_scores(
    score: Float[Tensor, "pmt 2"],
    information: Float[Tensor, "pmt 2 2"],
    mean: Float[Tensor, " type"],
    kind: Tensor,
    chosen: Tensor,
) -> Population:
    """Population of the second of two parameters, from scores at a common value of it.

    A PMT that differs from the mean by d has, the first parameter being profiled, a score of mean
    I d and variance I. So the scores' squares tell the variance of d without any PMT having to be
    fitted alone, which fails where hits are few. PMTs further than four standard deviations of
    the population and their own error do not take part.
    """
    along = information[:, 0, 1] / information[:, 0, 0].clamp(min=1e-12)
    own = score[:, 1] - along * score[:, 0]
    known = (information[:, 1, 1] - along * information[:, 0, 1]).clamp(min=1e-12)
    means, variances = mean.clone(), torch.zeros_like(mean)
    for k in range(len(mean)):
        rows = chosen & (kind == k)
        if int(rows.sum()) < 10:
            variances[k] = (0.1 * mean[k]) ** 2
            continue
        s, i = own[rows], known[rows]
        scatter = 1.4826 * (s / i).abs().median()
        near = (s / i).abs() < 4 * torch.maximum(scatter, i**-0.5)
        s, i = s[near], i[near]
        shift = s.sum() / i.sum()
        variance = ((s - i * shift) ** 2 - i).sum() / (i**2).sum()
        means[k] = mean[k] + shift.clamp(-0.2 * mean[k], 0.2 * mean[k])
        variances[k] = variance.clamp(min=1e-4 * float(mean[k]) ** 2)
    return Population(means, variances)
