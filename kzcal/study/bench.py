"""Where the decays of a study are simulated and scored."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from kzcal.classify.corrected import Correction, corrected
from kzcal.classify.score import scores_of
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import CorrectedEvents, HitClassifier
from kzcal.parts import ParticleSource
from kzcal.simulate.energy_window import EnergyWindow, Thinning
from kzcal.simulate.order import joined
from kzcal.simulate.timeline import Series, Thinned
from kzcal.simulate.volumes import Volume
from kzcal.simulate.workers import Simulation

MOST_DECAYS = 50
"""Decays that are drawn for each event wanted, at most."""
FEWEST = 20
"""Events of which a share is told."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Simulated events of one kind with their scores.

    Args:
        name: of the kind.
        events: with their truth.
        score: of each.
    """

    name: str
    events: Events
    score: Float64[np.ndarray, " event"]

    @property
    def energy(self) -> Float64[np.ndarray, " event"]:
        """Quenched energy, MeV."""
        return np.asarray(self.events.truth["e_quenched"], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """A detector, what corrects its hits, and a classifier.

    Args:
        classifier: that scores.
        detector: whose PMTs the hits belong to.
        simulation: of the detector, without components.
        correction: of hits.
        window: of quenched energy.
        volume: in which decays happen.
    """

    classifier: HitClassifier
    detector: Detector
    simulation: Simulation
    correction: Correction
    window: EnergyWindow
    volume: Volume

    def sample(self, name: str, source: ParticleSource, n: int) -> Sample:
        """Simulate and score so many events of a source in the window.

        The name decides the random numbers, together with the seed of the simulation.

        Raises:
            ConfigurationError: hardly any decay has such an energy.
        """
        events = self.events(name, source, n)
        if len(events) < FEWEST:
            message = (
                f"a study needs {FEWEST} events of each kind, got {len(events)} of {name} with "
                f"{self.window.lower:g} to {self.window.upper:g} MeV in {MOST_DECAYS * n} decays: "
                "widen --quenched, or leave it out"
            )
            raise ConfigurationError(message)
        return Sample(name, events, self.score(events))

    def events(self, name: str, source: ParticleSource, n: int) -> Events:
        """Events of a source in the window, not scored; fewer if they are rare."""
        decays = Series(name, name, source, self.volume, MOST_DECAYS * n)
        component = Thinned(decays, Thinning.none(self.window))
        simulation = replace(self.simulation, components=(component,))
        parts: list[Events] = []
        for block in range(component.n_blocks):
            parts.append(simulation.block(0, block).reported)
            if sum(map(len, parts)) >= n:
                break
        return joined(parts)[:n]

    def score(self, events: Events) -> Float64[np.ndarray, " event"]:
        """Scores of events."""
        return scores_of(self.classifier, events, self.correction, self.detector)

    def corrected(self, events: Events) -> CorrectedEvents:
        """Events as the classifier sees them."""
        return corrected(events, self.correction, self.detector)
