r"""The mean of a quantity where the likelihood is a valley that bends.

Several shared parameters together may decide a quantity, such as the share of photoelectrons that
pass a threshold, and be known far worse than it suggests that the likelihood is Gaussian in them:
where one of them is large the valley is narrow, where it is small it is wide. The most likely
values then lie on one side of the mean, and the curvature there is not the width. So the log
posterior is followed along one of the parameters, everything else at its best, as far as it
matters, and the quantity averaged over it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.interpolate import CubicSpline
from torch import Tensor

from kzcal.calibrate.scoring import Sharing

STRIDE = 1.5
"""Between two places, in the parameter's standard deviations where the posterior is largest."""
MOST = 5
"""Places on either side at most."""
DEEP, DEEPEST = 4.0, 12.0
"""Log posterior below its largest value from which on nothing matters, and beyond which all is
alike."""
N_FINE = 1001


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A place of the valley.

    Args:
        state: own and shared values.
        height: log posterior of the parameter, of each type.
        quantity: of each type.
        variance: of the quantity where the parameter is known.
    """

    state: Sharing
    height: Float[Tensor, " type"]
    quantity: Float[Tensor, " type"]
    variance: Float[Tensor, " type"]


Reach = Callable[[Sharing, Float[Tensor, " type"]], Place]
"""The place where the parameter has these values, from a state that is near."""


@dataclass(frozen=True, slots=True, eq=False)
class ValleyMean:
    """Averages along a valley.

    Args:
        parameter: at which the quantity has its mean, of each type.
        sigma: standard deviation of the quantity, along the valley and across it.
        nearest: of each type, the place whose parameter is nearest.
    """

    parameter: Float[Tensor, " type"]
    sigma: Float[Tensor, " type"]
    nearest: Sharing


def valley_mean(
    state: Sharing,
    column: int,
    error: Float[Tensor, " type"],
    bounds: tuple[float, float],
    reach: Reach,
) -> ValleyMean:
    """Mean and width of a quantity along one shared parameter.

    Args:
        state: of the largest posterior.
        column: the parameter, which is positive.
        error: about its standard deviation there, of each type.
        bounds: of it.
        reach: finds places.
    """
    here = reach(state, state.shared[:, column])
    ratio = torch.exp(STRIDE * error / state.shared[:, column])
    sides = [_side(here, column, r, bounds, reach) for r in (1 / ratio, ratio)]
    places = [*reversed(sides[0]), here, *sides[1]]
    columns = [
        torch.stack(rows).double().cpu().numpy()
        for rows in zip(
            *((p.state.shared[:, column], p.height, p.quantity, p.variance) for p in places),
            strict=True,
        )
    ]
    found = [_mean(*(rows[:, t] for rows in columns)) for t in range(len(state.shared))]
    parameter, sigma = torch.tensor(found, dtype=torch.float64, device=state.own.device).T
    return ValleyMean(parameter, sigma, _nearest(places, column, parameter))


def _nearest(places: list[Place], column: int, parameter: Float[Tensor, " type"]) -> Sharing:
    """Each type's own and shared values at the place that is nearest to its parameter."""
    off = torch.stack([(p.state.shared[:, column] / parameter).log().abs() for p in places])
    shared = torch.stack([p.state.shared for p in places])
    own = torch.stack([p.state.own for p in places])
    place, kind = off.argmin(0), places[0].state.kind
    pmts, types = (torch.arange(n, device=own.device) for n in (len(kind), len(parameter)))
    return replace(places[0].state, own=own[place[kind], pmts], shared=shared[place, types])


def _side(
    here: Place,
    column: int,
    ratio: Float[Tensor, " type"],
    bounds: tuple[float, float],
    reach: Reach,
) -> list[Place]:
    """Places on one side, until they matter for no type."""
    places: list[Place] = []
    at = here
    for _ in range(MOST):
        wanted = (at.state.shared[:, column] * ratio).clamp(*bounds)
        if torch.equal(wanted, at.state.shared[:, column]):
            break
        at = reach(at.state, wanted)
        places.append(at)
        if not bool((here.height - at.height < DEEP).any()):
            break
    return places


def _mean(
    parameter: Float64[np.ndarray, " place"],
    height: Float64[np.ndarray, " place"],
    quantity: Float64[np.ndarray, " place"],
    variance: Float64[np.ndarray, " place"],
) -> tuple[float, float]:
    """Where the quantity has its mean, and its standard deviation, of one type."""
    top = int(np.argmax(np.where(np.isfinite(height), height, -np.inf)))
    below = height[top] - height
    deep = ~(below < DEEP)
    first = max(np.flatnonzero(deep[:top]), default=0)
    last = min(top + np.flatnonzero(deep[top:]), default=len(parameter) - 1)
    kept = slice(first, last + 1)
    x, unique = np.unique(np.log(parameter[kept]), return_index=True)
    if len(x) < 2 or not np.isfinite(quantity[kept]).all():
        return float(parameter[top]), float(np.sqrt(np.nan_to_num(variance[top])))
    fine = np.linspace(x[0], x[-1], N_FINE)
    depth = np.nan_to_num(below[kept][unique], nan=DEEPEST).clip(max=DEEPEST)
    chance = np.exp(fine - CubicSpline(x, depth)(fine))
    values = CubicSpline(x, quantity[kept][unique])(fine)
    mean = np.average(values, weights=chance)
    across = np.interp(fine, x, np.nan_to_num(variance[kept][unique]))
    sigma = np.sqrt(np.average((values - mean) ** 2 + across, weights=chance))
    return float(np.exp(fine[np.argmin(np.abs(values - mean))])), float(sigma)
