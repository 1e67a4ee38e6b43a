"""Trials of a study: asked for, evaluated and told."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
from optuna import Study, Trial
from optuna.trial import TrialState

from kzcal.errors import CalibrationError
from kzcal.fit.newton import Box
from kzcal.parts import Effort, Objective
from kzcal_optuna.evaluation import Evaluator, Outcome, ceiling_of
from kzcal_optuna.quadratic import Surroundings
from kzcal_optuna.samplers import Proposals
from kzcal_optuna.study import TRIED, Space, best, tried

MARGIN = 25.0
"""A point is followed to its end while its -2 log L may be this close to the best: 5 sigma."""

DESIGN = "design"
"""User attribute of a trial around the best one: its number among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Asks for points, has them evaluated, and tells what came of them, in their order.

    Results are told in the order in which points were asked for, whichever is ready first, so
    that the trials depend on the number of workers and not on how fast each is.

    Args:
        study: keeps the trials.
        space: the parameters.
        proposals: of the points.
        seed: decides them, together with a trial's number.
        effort: how many.
    """

    study: Study
    space: Space
    proposals: Proposals
    seed: int
    effort: Effort

    def run(self, evaluate: Evaluator, n: int, noise: float, *, designed: bool = False) -> None:
        """Try points until n trials count, or none better is to be expected.

        Args:
            evaluate: begins with a point.
            n: trials, those of earlier runs included.
            noise: of the objective.
            designed: whether points wait in line that are all followed to their end.

        Raises:
            CalibrationError: a worker was killed.
        """
        try:
            self._run(evaluate, n, noise, designed)
        except BrokenProcessPool as error:
            message = (
                "a worker process lives until the fit ends, got one that was killed (out of "
                f"memory?) after {len(tried(self.study))} of {self.effort.trials} trials; "
            )
            kept = self.effort.storage
            message += f"they are kept in {kept}: resume the fit" if kept else "use fewer workers"
            raise CalibrationError(message) from error

    def _run(self, evaluate: Evaluator, n: int, noise: float, designed: bool) -> None:
        running: deque[tuple[Trial, Future[Outcome]]] = deque()
        settled = False
        while True:
            trials = tried(self.study)
            settled = not designed and (settled or self.proposals.settled(self.study))
            free = min(self.effort.workers, n - len(trials)) - len(running)
            for _ in range(0 if settled else free):
                trial = self._asked()
                ceiling, steps = ceiling_of(trials, MARGIN + 5 * noise)
                prunes = self.proposals.prunes and not designed
                ceiling = ceiling if prunes else np.inf
                values = self.space.vector(trial.params)
                running.append((trial, evaluate(values, ceiling, steps)))
            if not running:
                return
            trial, future = running.popleft()
            self._told(trial, future.result())

    def surround(self, objective: Objective, box: Box, size: int) -> Surroundings:
        """Put points around the best trial of the search in line, those that are not yet."""
        trials = self.study.get_trials(deepcopy=False)
        known = {t.user_attrs[DESIGN] for t in trials if DESIGN in t.user_attrs}
        searched = [t for t in trials if DESIGN not in t.user_attrs]
        complete = [t for t in searched if t.state == TrialState.COMPLETE]
        centre = min(complete or [best(self.study)], key=lambda trial: trial.value or 0.0)
        surroundings = Surroundings.of(objective, box, self.space.vector(centre.params))
        generator = np.random.default_rng((self.seed, size))
        for i, point in enumerate(surroundings.drawn(box, size, generator=generator)):
            if i not in known:
                self.study.enqueue_trial(self.space.by_name(point), user_attrs={DESIGN: i})
        return surroundings

    def in_line(self) -> int:
        """Trials that count once all points that wait in line have been tried."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return len(tried(self.study)) + len(waiting)

    def _asked(self) -> Trial:
        """The next trial, with a sampler whose seed follows from how many are before it."""
        before = self.study.get_trials(deepcopy=False, states=(*TRIED, TrialState.RUNNING))
        state = np.random.SeedSequence((self.seed, len(before))).generate_state(1)
        self.study.sampler = self.proposals.sampler(int(state[0]))
        return self.study.ask(self.space.distributions())

    def _told(self, trial: Trial, outcome: Outcome) -> None:
        """Keep what came of a point; one without a finite objective counts as poor."""
        if not outcome.finite:
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        for step, value in enumerate(outcome.partial):
            trial.report(value, step)
        if outcome.pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, outcome.partial[-1])
