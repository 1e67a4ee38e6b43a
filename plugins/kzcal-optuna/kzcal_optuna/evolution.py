"""CMA-ES as a sampler: a normal distribution that evolves towards better points."""

from __future__ import annotations

import cmaes
import numpy as np
from jaxtyping import Float64
from optuna import Study

from kzcal_optuna.jointly import Jointly
from kzcal_optuna.study import Space, tried

RANGES = 1 / 6
"""Where nothing is known of a parameter, the first spread is this share of its range."""


class Evolution(Jointly):
    """CMA-ES from the start of the fit, told all finished trials in generations.

    Which generation a point belongs to follows from its place among the finished trials alone.
    So a resumed study goes on as if it had not been interrupted, nothing is kept beside the
    trials, and points that were drawn from an earlier distribution are told like all others.
    The objective of a pruned point is the part of it that was seen.

    Source: Hansen (2016), arXiv:1604.00772; points from elsewhere: Hansen (2011),
        arXiv:1110.4181.

    Args:
        space: the parameters; the first spread is that of the prior, or a share of the range.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self._start = space.vector(space.start())
        self._scale = np.array(
            [p.prior[1] if p.prior else (p.upper - p.lower) * RANGES for p in space.parameters]
        )
        bounds = np.stack([(end - self._start) / self._scale for end in space.ends()], axis=1)
        self._evolved = cmaes.CMA(np.zeros(len(bounds)), 1.0, bounds=bounds, seed=0)
        self._told = 0

    def seeded(self, seed: int) -> Evolution:
        """The sampler of a trial with that seed."""
        self._evolved.reseed_rng(seed)
        return self

    def propose(self, study: Study) -> dict[str, float]:
        """A point of the newest generation."""
        known = [trial for trial in tried(study) if trial.value is not None]
        size = self._evolved.population_size
        while self._told + size <= len(known):
            generation = known[self._told : self._told + size]
            self._evolved.tell([(self._steps(t.params), t.value) for t in generation])
            self._told += size
        values = self._start + self._evolved.ask() * self._scale
        return self._space.by_name(np.clip(values, *self._space.ends()))

    def _steps(self, values: dict[str, float]) -> Float64[np.ndarray, " parameter"]:
        """A point as first spreads from the start."""
        steps: Float64[np.ndarray, " parameter"]
        steps = (self._space.vector(values) - self._start) / self._scale
        return steps
