"""Tagged and simulated events with their scores, and the comparison of the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.evaluate.agreement import Agreement, Classed, agree, classes
from kzcal.evaluate.config import EvaluationConfig
from kzcal.hits import Events


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Events of one kind with their scores, tagged in data or simulated."""

    events: Events
    score: Float64[np.ndarray, " event"]

    def within(self, rows: Bool[np.ndarray, " event"]) -> Population:
        """Those of the rows that have a vertex and an energy."""
        known = rows & np.isfinite(self.events.energy) & np.isfinite(self.events.vertex).all(1)
        return Population(self.events.take(known), self.score[known])


def compare(
    data: Population,
    simulated: Population,
    purity: tuple[float, float],
    config: EvaluationConfig,
) -> Agreement:
    """Compare the score in data with that in simulation.

    Args:
        data: tagged events.
        simulated: events of the same kind.
        purity: of the tag, and one standard deviation.
        config: the settings.

    Raises:
        CalibrationError: too few events of the data resemble simulated ones.
    """
    both = (data.events, simulated.events)
    of_data = np.repeat([True, False], [len(events) for events in both])
    energy = np.concatenate([events.energy for events in both])
    radius = np.concatenate([np.linalg.norm(events.vertex, axis=1) for events in both])
    score = np.concatenate([data.score, simulated.score])
    bins = (config.energy_classes, config.radius_classes)
    place, inside = classes(energy, radius, of_data, bins)
    classed = Classed.of(score[inside], of_data[inside], place[inside])
    return agree(
        classed,
        left_out=len(data.score) - int(classed.data.sum()),
        purity=purity,
        deals=config.deals,
        splits=config.splits,
        generator=np.random.default_rng([config.seed, 3]),
    )
