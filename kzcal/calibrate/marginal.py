r"""Slopes by what PMTs share, with each PMT's own parameters integrated over.

The shared values at which the likelihood is largest over thousands of pairs of own parameters are
biased where a pair rests on a few hundred hits. Those of the largest marginal likelihood are not.
Its slope by the shared parameters is that of the likelihood averaged over what is possible for
the own ones,

.. math:: \partial \log M = \langle \partial \log L \rangle .

The average is taken over seven points about the best own values, weighted by their likelihood over
that of the Gaussian that the points stand for; it is exact where the one over the other is a
polynomial of degree five.

Source: points and weights, A. H. Stroud, Approximate Calculation of Multiple Integrals (1971),
formula E2r2 5-1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.scoring import SharedScoring, Sharing, own_inverse, profiled_score, within

Scored = Callable[[Float[Tensor, "pmt 2"]], SharedScoring]
"""Score, information and log likelihood, priors included, at some own values of all PMTs."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """Averages over what is possible for two own parameters of each PMT.

    Args:
        slope: what they add to the slope of the likelihood at the best own values.
        mean: of each own parameter.
        square: mean square distance of each own parameter from a centre.
        variance: of each own parameter, near the best values.
    """

    slope: Float[Tensor, "type shared"]
    mean: Float[Tensor, "pmt 2"]
    square: Float[Tensor, "pmt 2"]
    variance: Float[Tensor, "pmt 2"]


def marginal(
    state: Sharing,
    scored: Scored,
    centre: Float[Tensor, "pmt 2"],
    bounds: tuple[tuple[float, float], ...],
) -> Marginal:
    """Average over the own parameters, which are near their best values.

    Args:
        state: own and shared values.
        scored: scoring at other own values and the same shared ones.
        centre: that squares are taken about.
        bounds: of the own parameters.
    """
    here = scored(state.own)
    inverse = own_inverse(here)
    root = torch.linalg.cholesky(inverse)
    logs, slopes, owns = [], [], []
    for point, weight in hexagon(state.own.device):
        own = within(state.own + root @ point, bounds)
        there = here if not bool(point.any()) else scored(own)
        logs.append(there.value + 0.5 * (point @ point) + weight.log())
        slopes.append(there.score[:, 2:])
        owns.append(own)
    share, owned = torch.softmax(torch.stack(logs), dim=0)[..., None], torch.stack(owns)
    excess = (share * torch.stack(slopes)).sum(0) - profiled_score(here, inverse)
    counted = state.fitted & state.counting
    slope = torch.zeros_like(state.shared)
    slope.index_add_(0, state.kind[counted], excess[counted])
    square = (share * (owned - centre) ** 2).sum(0)
    return Marginal(slope, (share * owned).sum(0), square, inverse.diagonal(dim1=1, dim2=2))


def marginal_value(
    state: Sharing,
    inverse: Float[Tensor, "pmt 2 2"],
    valued: Callable[[Float[Tensor, "pmt 2"]], Float[Tensor, " pmt"]],
    bounds: tuple[tuple[float, float], ...],
) -> Float[Tensor, " pmt"]:
    """Logarithm of each PMT's marginal likelihood, but for a constant.

    Args:
        state: own and shared values; the own ones near their best.
        inverse: covariance of the own values.
        valued: log likelihood at other own values and the same shared ones, priors included.
        bounds: of the own parameters.
    """
    root = torch.linalg.cholesky(inverse)
    logs = [
        valued(within(state.own + root @ point, bounds)) + 0.5 * (point @ point) + weight.log()
        for point, weight in hexagon(state.own.device)
    ]
    volume = root.diagonal(dim1=1, dim2=2).log().sum(1)
    found: Tensor = torch.logsumexp(torch.stack(logs), dim=0) + volume
    return found


def hexagon(device: torch.device) -> list[tuple[Float[Tensor, " 2"], Float[Tensor, ""]]]:
    """Seven points, and weights that average polynomials of degree five over a unit Gaussian."""
    angle = torch.arange(6, dtype=torch.float64, device=device) * (math.pi / 3)
    corners = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    points = torch.cat([torch.zeros_like(corners[:1]), corners])
    weights = torch.full_like(points[:, 0], 1 / 12)
    weights[0] = 1 / 2
    return list(zip(points, weights, strict=True))
