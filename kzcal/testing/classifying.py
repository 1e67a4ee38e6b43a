"""The contract of classifiers that learn, and the small task that it trains them on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Shaped

from kzcal.classify.corrected import Correction, corrected, together
from kzcal.geometry import Detector
from kzcal.learning import ClassifierTask, CorrectedEvents
from kzcal.simulate.constants import Constants
from kzcal.testing.scoring import ScoringContract
from kzcal.testing.synthetic import Run, synthetic_run

WIDER_NS = 4.0
"""Spread of times that events of background have on top."""
DEAD = (3, 700, 1500)
"""PMTs that are not in use in the second half of the events."""


def classifier_events(
    run: Run, *, seed: int = 1
) -> tuple[CorrectedEvents, Bool[np.ndarray, " event"]]:
    """Events of two runs, and which are signal: every other one; the rest have wider times.

    Args:
        run: with the events; those without a vertex are left out.
        seed: of the additional spread.
    """
    whole = run.events.take(run.events.reconstructed)
    payload = Constants().payload(run.detector)
    events = corrected(whole, Correction.of(payload, run.detector), run.detector)
    signal = np.arange(len(events)) % 2 == 0
    noise = np.random.default_rng(seed).normal(0.0, WIDER_NS, len(events.hits.time))
    added = np.where(signal[events.hits.event_index], 0.0, noise).astype(np.float32)
    events = replace(events, hits=replace(events.hits, time=events.hits.time + added))
    half = len(events) // 2
    first, second = events.take(np.arange(half)), events.take(np.arange(half, len(events)))
    live = second.live.copy()
    live[:, list(DEAD)] = False
    seen = second.hits.where(live[0, second.hits.pmt])
    return together([first, replace(second, hits=seen, live=live)]), signal


def classifier_task(run: Run, *, seed: int = 1) -> ClassifierTask:
    """A task on events of two runs, half of them signal.

    Args:
        run: with the events.
        seed: of the training.
    """
    import torch

    events, signal = classifier_events(run)
    weight = np.ones(len(events), np.float32)
    return ClassifierTask(events, signal, weight, run.detector, torch.device("cpu"), seed)


class LearnedClassifierContract(ScoringContract):
    """Laws of a classifier that learns; set ``options`` to what makes it small and quick."""

    n_events: ClassVar[int] = 60
    """Events of the run that it is trained on, a quarter of which have no vertex."""

    def run(self) -> Run:
        """The run that the events are taken from."""
        return synthetic_run(n_events=self.n_events)

    def task(self, seed: int) -> ClassifierTask:
        """Events of two runs."""
        return classifier_task(self.run(), seed=seed)

    def examples(self) -> CorrectedEvents:
        """The events that it learns from."""
        return classifier_events(self.run())[0]

    def detector(self) -> Detector:
        """That of the run."""
        return self.run().detector

    def hard(self) -> Iterable[CorrectedEvents]:
        """Events without hits."""
        events = self.examples()
        yield replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))

    def arrays(self, examples: CorrectedEvents) -> Mapping[str, Shaped[np.ndarray, " row"]]:
        """Columns of events and of hits."""
        columns = {name: getattr(examples, name) for name in ("vertex", "energy", "run", "live")}
        names = ("offsets", "pmt", "time", "charge")
        return columns | {name: getattr(examples.hits, name) for name in names}

    def test_the_order_of_hits_has_no_meaning(self) -> None:
        """Hits of an event are a set."""
        classifier, events = self.built(self.trained().weights()), self.examples()
        hits, generator = events.hits, np.random.default_rng(3)
        order = np.lexsort((generator.random(len(hits.pmt)), hits.event_index))
        mixed = replace(
            hits, pmt=hits.pmt[order], time=hits.time[order], charge=hits.charge[order]
        )
        whole = classifier.score(events)
        self.assert_same_scores(classifier.score(replace(events, hits=mixed)), whole, whole)

    def test_other_runs_have_no_say(self) -> None:
        """Events of one run score alike, whichever PMTs other runs have in use.

        A PMT that is not in use has no hits in ``CorrectedEvents``; it is there as a mask alone.
        """
        classifier, events = self.built(self.trained().weights()), self.examples()
        rows = np.flatnonzero(events.run == events.run[0])
        alone = events.take(rows)
        alone = replace(alone, run=np.zeros(len(rows), np.int64), live=events.live[events.run[:1]])
        whole = classifier.score(events)
        self.assert_same_scores(classifier.score(alone), whole[rows], whole)
