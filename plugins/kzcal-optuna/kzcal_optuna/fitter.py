"""Optuna looks for the valley; Minuit, or a quadratic through its floor, tells what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from optuna import Study

from kzcal.errors import ConfigurationError
from kzcal.fit.newton import Box
from kzcal.parts import DEFAULT_EFFORT, Effort, Minimum, Objective, Parameter
from kzcal_optuna.evaluation import Evaluator, evaluator
from kzcal_optuna.minuit import polished
from kzcal_optuna.quadratic import design_size
from kzcal_optuna.samplers import proposals
from kzcal_optuna.search import DESIGN, Search
from kzcal_optuna.storage import opened
from kzcal_optuna.study import Space, begun, best, quiet, take_up, tried

SAME = 1e-6
"""A resumed study's start is found again to this relative precision."""


@dataclass(frozen=True, slots=True)
class OptunaFitter:
    """Fits by trials that one of Optuna's samplers proposes.

    Args:
        kind: of the sampler.
    """

    kind: str

    def minimise(
        self,
        objective: Objective,
        parameters: Sequence[Parameter],
        *,
        seed: int,
        effort: Effort = DEFAULT_EFFORT,
    ) -> Minimum:
        """Minimise within the ranges; trials that the effort's storage keeps already count.

        Trials, the pruned among them, end with the effort's number; Minuit's calls come on top.

        Raises:
            CalibrationError: no minimum is found, or a worker was killed.
            ConfigurationError: storage, study or ranges are not what they should be.
        """
        if effort.trials < 1 or effort.workers < 1:
            message = f"a fit takes a trial and a worker or more, got {effort}"
            raise ConfigurationError(message)
        space, box = Space(parameters), Box.of(parameters)
        with quiet(), opened(effort) as storage:
            study = begun(storage, effort, space)
            again = _same_objective(study, objective, space)
            take_up(study, space)
            search = Search(study, space, proposals(self.kind, objective, space), seed, effort)
            with evaluator(objective, effort.workers) as evaluate:
                found = _concluded(search, objective, box, evaluate)
            n_calls = len(tried(study)) + again + found.n_calls
        return replace(found, n_calls=n_calls)


def _concluded(search: Search, objective: Objective, box: Box, evaluate: Evaluator) -> Minimum:
    """The minimum after all trials; ``n_calls`` is what came on top of them."""
    effort, space = search.effort, search.space
    if objective.noise == 0:
        search.run(evaluate, effort.trials, objective.noise)
        return polished(objective, space, space.vector(best(search.study).params))
    size = design_size(len(space.names), effort.trials)
    search.run(evaluate, effort.trials - size, objective.noise)
    surroundings = search.surround(objective, box, size)
    search.run(evaluate, search.in_line(), objective.noise, designed=True)
    trials = [t for t in tried(search.study) if DESIGN in t.user_attrs and t.value is not None]
    points = np.array([space.vector(t.params) for t in trials])
    values = np.array([t.value for t in trials])
    where, spread, lowest = surroundings.minimum(points, values, objective.noise)
    return Minimum(np.clip(where, box.lower, box.upper), spread, lowest, 0)


def _same_objective(study: Study, objective: Objective, space: Space) -> int:
    """Refuse to go on with trials of another objective; how often this one was called.

    Raises:
        ConfigurationError: where the study began, the objective is not what it was.
    """
    known = [t for t in tried(study) if t.user_attrs.get("role") == "start"]
    if not known or known[0].value is None:
        return 0
    value, now = known[0].value, objective(space.vector(known[0].params))
    if abs(now - value) > SAME * max(1.0, abs(value)) + 5 * objective.noise:
        message = (
            f"a study is resumed with the data and simulation that it began with, got {now:.6g} "
            f"at the first point of {study.study_name!r}, not {value:.6g}: choose another name"
        )
        raise ConfigurationError(message)
    return 1
