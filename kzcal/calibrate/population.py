r"""The population of a quantity over the PMTs of one type, and what it says of one of them.

A quantity that few hits measure badly is better known together with the others of its kind. With
a Gaussian population of mean m and variance v per type, an estimate x of variance
:math:`\sigma^2` becomes :math:`(x/\sigma^2 + m/v) / (1/\sigma^2 + 1/v)`. Mean and variance come
from the estimates themselves, by largest marginal likelihood, so that a PMT with many hits keeps
its own value, and one with few leans on its type with an error that says so.

The variance itself is known to some error only, and where estimates lean hard on it their own
errors would be as uncertain. There the prior is made wider than the population: with a prior of
variance :math:`v' \ge v`, information I of the PMT and :math:`C = (I + 1/v')^{-1}` the estimate
has the variance :math:`C (I + v/v'^2) C`, of which v makes a share that falls with v'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

DEPENDENCE = 0.03
"""Relative error that an error may have because the population's variance is uncertain."""
FAR = 4.0
"""Standard deviations beyond which a PMT is no member of its population."""


@dataclass(frozen=True, slots=True)
class Population:
    """Gaussian population of one quantity.

    Args:
        mean: of each type.
        variance: of each type, measurement errors taken off.
        variance_error: standard deviation of that variance.
    """

    mean: Float[Tensor, " type"]
    variance: Float[Tensor, " type"]
    variance_error: Float[Tensor, " type"]

    @classmethod
    def pinned(cls, mean: Float[Tensor, " type"]) -> Population:
        """A population in which all are alike."""
        return cls(mean, 1e-8 * mean**2, torch.zeros_like(mean))

    @classmethod
    def wide(cls, mean: Float[Tensor, " type"]) -> Population:
        """A population that hardly says anything: half its mean wide."""
        return cls(mean, (0.5 * mean) ** 2, torch.zeros_like(mean))

    def towards(
        self,
        square: Float[Tensor, " pmt"],
        known: Float[Tensor, " pmt"],
        kind: Tensor,
        chosen: Tensor,
        *,
        longest: float = 0.7,
    ) -> Population:
        r"""With a variance nearer to that of the largest marginal likelihood, by one Newton step.

        With q the mean square distance from the population's mean over what is possible for a
        PMT, the slope of its marginal likelihood by log v is :math:`(q/v - 1)/2`, and its
        information :math:`(1 - c/v)^2/2`, c being the variance of its value. PMTs further than
        four standard deviations do not take part.

        Args:
            square: mean square distance from the population's mean.
            known: variance of each value, the population being known.
            kind: type of each PMT.
            chosen: PMTs that make up the population; a type of fewer than ten keeps its own.
            longest: longest step of the log of the variance.
        """
        variance = self.variance.clone()
        for k in range(int(kind.max()) + 1):
            near = square < FAR**2 * (variance[k] + known)
            rows = chosen & (kind == k) & near
            if int(rows.sum()) < 10:
                continue
            slope = 0.5 * (square[rows] / variance[k] - 1).sum()
            information = 0.5 * ((1 - known[rows] / variance[k]).clamp(min=0.02) ** 2).sum()
            variance[k] *= torch.exp((slope / information).clamp(-longest, longest))
        return replace(self, variance=variance)

    def prior(self, information: Float[Tensor, " pmt"], kind: Tensor) -> Prior:
        r"""The prior of each PMT, as narrow as the error of the population's variance allows.

        The error of an estimate depends on v by :math:`\sigma_v / (2 (I v'^2 + v))`; the prior's
        variance is v, or what brings this down to ``DEPENDENCE``.

        Args:
            information: that the PMT itself has of the quantity, all others profiled.
            kind: type of each PMT.
        """
        variance = self.variance[kind]
        excess = (self.variance_error[kind] / (2 * DEPENDENCE) - variance).clamp(min=0)
        wider = (excess / information.clamp(min=1e-12)).sqrt()
        return Prior(self.mean[kind], torch.maximum(variance, wider), variance)


@dataclass(frozen=True, slots=True)
class Prior:
    """Gaussian prior of one quantity of each PMT.

    Args:
        mean: of the population.
        variance: of the prior.
        population: variance of the population, at most that of the prior.
    """

    mean: Float[Tensor, " pmt"]
    variance: Float[Tensor, " pmt"]
    population: Float[Tensor, " pmt"]

    def added(
        self, score: Tensor, information: Tensor, value: Tensor, column: int
    ) -> tuple[Tensor, Tensor]:
        """Score and information with the prior's added to the parameter in ``column``."""
        score, information = score.clone(), information.clone()
        score[:, column] += (self.mean - value) / self.variance
        information[:, column, column] += 1 / self.variance
        return score, information


@dataclass(frozen=True, slots=True)
class Alone:
    """What the hits of each PMT alone say of its own parameters, no population asked.

    Estimates of several runs may be averaged, since no prior is common to them.

    Args:
        value: one scoring step away from the estimate that the population drew in.
        variance: of each value, the other own parameters being fitted too.
    """

    value: Float[Tensor, "pmt own"]
    variance: Float[Tensor, "pmt own"]

    @classmethod
    def of(
        cls,
        value: Float[Tensor, "pmt own"],
        score: Float[Tensor, "pmt own"],
        information: Float[Tensor, "pmt own own"],
    ) -> Alone:
        """From score and information of the hits, without the prior's, at the given values."""
        inverse = torch.linalg.inv(information)
        moved = value + (inverse @ score[..., None])[..., 0]
        return cls(moved, inverse.diagonal(dim1=1, dim2=2))


def drawn_covariance(
    inverse: Float[Tensor, "pmt own own"], priors: Mapping[int, Prior]
) -> Float[Tensor, "pmt own own"]:
    r"""Covariance of estimates that priors wider than the populations have drawn.

    With P and V the diagonal matrices of the priors' inverse variances and of the populations'
    variances it is :math:`C (I + P V P) C`, and :math:`C - C (P - P V P) C` is the same.

    Args:
        inverse: inverse of the information with that of the priors, :math:`C = (I + P)^{-1}`.
        priors: by column of the parameter.
    """
    covariance = inverse.clone()
    for column, prior in priors.items():
        along = inverse[:, :, column]
        excess = (prior.variance - prior.population) / prior.variance**2
        covariance -= excess[:, None, None] * along[:, :, None] * along[:, None, :]
    return covariance


def unpooled(
    value: Float[Tensor, " pmt"],
    variance: Float[Tensor, " pmt"],
    population: Population,
    kind: Tensor,
) -> Float[Tensor, " pmt"]:
    """What an estimate of this variance alone would be, before the population drew it in."""
    return value + (value - population.mean[kind]) * variance / population.variance[kind]


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
    columns = []
    for k in range(int(kind.max()) + 1):
        rows = chosen & (kind == k) & torch.isfinite(value) & (variance > 0)
        columns.append(_gaussian(value[rows], variance[rows], iterations))
    means, variances, errors = torch.stack(columns, dim=1)
    return Population(means, variances, errors)


def _gaussian(x: Tensor, s: Tensor, iterations: int) -> Float[Tensor, " 3"]:
    """Mean, variance and its error of a Gaussian population; NaN of fewer than ten."""
    if len(x) < 10:
        return x.new_full((3,), float("nan"))
    scatter = 1.4826 * (x - x.median()).abs().median()
    near = (x - x.median()).abs() < FAR * torch.maximum(scatter, s.sqrt())
    x, s = x[near], s[near]
    v = (x.var() - s.mean()).clamp(min=1e-4 * float(x.mean()) ** 2)
    for _ in range(iterations):
        weight = 1 / (s + v)
        m = (weight * x).sum() / weight.sum()
        v = v * ((weight * (x - m)) ** 2).sum() / weight.sum()
        v = v.clamp(min=1e-5 * float(m) ** 2)
    error = (2 / ((s + v) ** -2).sum()).sqrt()
    return torch.stack([m, v, error])


def population_from_scores(
    score: Float[Tensor, "pmt 2"],
    information: Float[Tensor, "pmt 2 2"],
    mean: Float[Tensor, " type"],
    kind: Tensor,
    chosen: Tensor,
) -> Population:
    r"""Population of the second of two parameters, from scores at a common value of it.

    A PMT that differs from the mean by d has, the first parameter being profiled, a score of mean
    I d and variance I. So the scores' squares tell the variance of d without any PMT having to be
    fitted alone, which fails where hits are few. The squares have the variance
    :math:`2 (I + I^2 v)^2`, from which the error of v follows. PMTs further than four standard
    deviations of the population and their own error do not take part.
    """
    along = information[:, 0, 1] / information[:, 0, 0].clamp(min=1e-12)
    own = score[:, 1] - along * score[:, 0]
    known = profiled(information)
    means, variances, errors = mean.clone(), torch.zeros_like(mean), torch.zeros_like(mean)
    for k in range(len(mean)):
        rows = chosen & (kind == k)
        if int(rows.sum()) < 10:
            variances[k] = (0.1 * mean[k]) ** 2
            continue
        s, i = own[rows], known[rows]
        scatter = 1.4826 * (s / i).abs().median()
        near = (s / i).abs() < FAR * torch.maximum(scatter, i**-0.5)
        s, i = s[near], i[near]
        shift = s.sum() / i.sum()
        variance = ((s - i * shift) ** 2 - i).sum() / (i**2).sum()
        means[k] = mean[k] + shift.clamp(-0.2 * mean[k], 0.2 * mean[k])
        variances[k] = variance.clamp(min=1e-4 * float(mean[k]) ** 2)
        errors[k] = (2 * ((i + i**2 * variances[k]) ** 2).sum()).sqrt() / (i**2).sum()
    return Population(means, variances, errors)


def profiled(information: Float[Tensor, "pmt 2 2"]) -> Float[Tensor, " pmt"]:
    """Information of the second of two parameters, the first being profiled."""
    along = information[:, 0, 1] / information[:, 0, 0].clamp(min=1e-12)
    return (information[:, 1, 1] - along * information[:, 0, 1]).clamp(min=1e-12)
