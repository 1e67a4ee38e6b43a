"""Fits of binned distributions whose bins are a differentiable function of a few values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Prior:
    """Independent Gaussian priors of the values."""

    mean: Float[Tensor, " value"]
    sigma: Float[Tensor, " value"]


def fit_multinomial(
    model: Callable[[Tensor], Tensor],
    counts: Float[Tensor, "*cell bin"],
    start: Float[Tensor, " value"],
    prior: Prior,
    *,
    iterations: int = 25,
    tolerance: float = 0.3,
) -> tuple[Float[Tensor, " value"], Float[Tensor, "value value"]]:
    """Values of largest posterior, and its information matrix there.

    A damped Fisher scoring (Levenberg and Marquardt), its slopes by forward differentiation.

    Args:
        model: share of each cell's counts in each bin.
        counts: hits by cell and bin.
        start: where to start.
        prior: priors of the values.
        iterations: steps at most.
        tolerance: gain in log posterior below which the fit has ended.
    """
    slopes_of = torch.func.jacfwd(model)
    total = counts.sum(-1, keepdim=True)

    def cost(values: Tensor, share: Tensor) -> float:
        pull = (values - prior.mean) / prior.sigma
        return float(0.5 * (pull**2).sum() - (counts * torch.log(share)).sum())

    values, share, damping = start, model(start), 1e-3
    best = cost(values, share)
    for _ in range(iterations):
        slopes = slopes_of(values).reshape(-1, len(values))
        flat = share.reshape(-1)
        score = slopes.T @ (counts.reshape(-1) / flat) - (values - prior.mean) / prior.sigma**2
        weight = total.expand_as(share).reshape(-1) / flat
        information = (slopes * weight[:, None]).T @ slopes + torch.diag(prior.sigma**-2)
        before = best
        for _ in range(8):
            damped = information + damping * torch.diag(information.diagonal())
            trial = values + torch.linalg.solve(damped, score).clamp(-1.0, 1.0)
            trial_share = model(trial)
            trial_cost = cost(trial, trial_share)
            if trial_cost < best:
                values, share, best = trial, trial_share, trial_cost
                damping = max(damping / 5, 1e-9)
                break
            damping *= 8
        if before - best < tolerance:
            break
    return values, information
