"""Ways to propose values, by name; each follows from the trials so far and from the seed.

Every trial has a seed of its own, and a sampler keeps nothing that the trials do not tell: a
study that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, TPESampler

from kzcal.errors import PluginError
from kzcal.parts import Objective
from kzcal_optuna.evolution import Evolution
from kzcal_optuna.gradient import Descent
from kzcal_optuna.study import Space, tried

FLAT = 15
"""A Gaussian process is left once so many trials lower the best one by less than 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """How points are proposed.

    Args:
        sampler: for a trial, by its seed.
        prunes: whether it makes sense of points that were not followed to their end.
        settled: whether no better point is to be expected.
    """

    sampler: Callable[[int], BaseSampler]
    prunes: bool
    settled: Callable[[Study], bool] = lambda _study: False


def proposals(kind: str, objective: Objective, space: Space) -> Proposals:
    """The proposals of a kind.

    Raises:
        PluginError: there is no such kind.
    """
    kinds: Mapping[str, Callable[[Objective, Space], Proposals]] = {
        "cmaes": _cmaes,
        "gp": _gp,
        "gradient": _gradient,
        "tpe": _tpe,
    }
    if kind not in kinds:
        choices = ", ".join(f"optuna-{name}" for name in kinds)
        message = f"there is no fitter named 'optuna-{kind}' (choices: {choices})"
        raise PluginError(message)
    return kinds[kind](objective, space)


def _cmaes(_objective: Objective, space: Space) -> Proposals:
    return Proposals(Evolution(space).seeded, prunes=True)


def _gradient(objective: Objective, space: Space) -> Proposals:
    descent = Descent(objective, space)
    return Proposals(lambda _seed: descent, prunes=True, settled=descent.settled)


def _gp(objective: Objective, _space: Space) -> Proposals:
    """Takes scatter of equal points for noise unless the objective has none."""
    exact = objective.noise == 0

    def seeded(seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return GPSampler(seed=seed, deterministic_objective=exact)

    return Proposals(seeded, prunes=False, settled=_flat)


def _flat(study: Study) -> bool:
    """Whether recent trials no longer lower the best objective."""
    values = [t.value for t in tried(study) if t.value is not None]
    return len(values) >= 2 * FLAT and min(values[:-FLAT]) < min(values[-FLAT:]) + 1


def _tpe(_objective: Objective, _space: Space) -> Proposals:
    """Looks at all parameters together, and away from points that are being tried."""

    def seeded(seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return TPESampler(seed=seed, multivariate=True, constant_liar=True)

    return Proposals(seeded, prunes=True)
