"""A sampler that steps by the objective's own derivatives, as kzcal's fitter newton does."""

from __future__ import annotations

from collections.abc import Iterable

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from kzcal.fit.newton import Box, Damping, Place
from kzcal.parts import Objective
from kzcal_optuna.jointly import Jointly
from kzcal_optuna.study import Space, tried


class Descent(Jointly):
    """Damped Newton steps from the best trial, within the ranges.

    The damping follows from the trials so far: each one that lowers the objective eases it, each
    one that does not raises it. Processes that work at the same time try several dampings.

    Args:
        objective: tells its derivatives.
        space: the parameters.
    """

    def __init__(self, objective: Objective, space: Space) -> None:
        super().__init__(space)
        self._objective = objective
        self._box = Box.of(space.parameters)
        self._place: tuple[int, Place] | None = None

    def propose(self, study: Study) -> dict[str, float]:
        """The best point of the damped quadratic around the best trial."""
        place, damping = self._state(tried(study))
        if place is None:
            return self._space.start()
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for _ in range(len(running) - 1):
            damping = damping.raised().raised()
        return self._space.by_name(self._box.step(place, damping.value)[0])

    def settled(self, study: Study) -> bool:
        """Whether the best trial is the minimum."""
        place, damping = self._state(tried(study))
        if place is None:
            return False
        promised = self._box.step(place, 0.0)[1]
        return damping.over or damping.settled(promised, self._objective.noise)

    def _state(self, trials: Iterable[FrozenTrial]) -> tuple[Place | None, Damping]:
        """Where the best trial is, and the damping after all of them."""
        best: FrozenTrial | None = None
        damping = Damping()
        for trial in trials:
            complete = trial.state == TrialState.COMPLETE and trial.value is not None
            if complete and (best is None or (trial.value or 0.0) < (best.value or 0.0)):
                damping = damping if best is None else damping.eased()
                best = trial
            else:
                damping = damping.raised()
        return (None if best is None else self._around(best)), damping

    def _around(self, trial: FrozenTrial) -> Place:
        """The trial with its derivatives, which are asked for once."""
        if self._place is None or self._place[0] != trial.number:
            values = self._space.vector(trial.params)
            place = Place.of(self._objective, values, trial.value or 0.0)
            self._place = trial.number, place
        return self._place[1]
