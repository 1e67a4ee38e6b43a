"""The contract of classifiers that learn, and the small task that it trains them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.classify.corrected import Correction, corrected, together
from kzcal.components import Classifier
from kzcal.learning import (
    ClassifierTask,
    CorrectedEvents,
    HitClassifier,
    LearningClassifier,
    Trained,
)
from kzcal.simulate.constants import Constants
from kzcal.testing.contract import ComponentContract
from kzcal.testing.learning import stored
from kzcal.testing.synthetic import Run, synthetic_run

if TYPE_CHECKING:
    from torch import Tensor

WIDER_NS = 4.0
"""Spread of times that events of background have on top."""
DEAD = (3, 700, 1500)
"""PMTs that are not in use in the second half of the events."""
ROUNDING = 1e-6
"""What the rounding of single precision makes of a score, over the largest score."""


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


class LearnedClassifierContract(ComponentContract):
    """Laws of a classifier that learns; set ``options`` to what makes it small and quick."""

    record_type = Classifier
    component: ClassVar[Classifier]
    options: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Options of ``learn`` that differ from their defaults."""
    steps: ClassVar[int] = 2
    """Steps of each training."""
    n_events: ClassVar[int] = 60
    """Events of the run that it is trained on, a quarter of which have no vertex."""
    tolerance: ClassVar[float] = 1e-4
    """By how much a score may hang on other events and on order, over the scores' spread."""

    def run(self) -> Run:
        """The run that the events are taken from."""
        return synthetic_run(n_events=self.n_events)

    def events(self) -> CorrectedEvents:
        """The events that it learns from."""
        return classifier_events(self.run())[0]

    def chosen(self) -> dict[str, float]:
        """Value of every option."""
        from kzcal.training.config import option_values

        return option_values(self.component, self.options)

    def learner(self, seed: int = 1) -> LearningClassifier:
        """A training that has not begun."""
        learn = self.component.learn
        assert learn is not None, "a classifier that learns has learn"
        return learn(classifier_task(self.run(), seed=seed), **self.chosen())

    def trained(self, steps: int | None = None, seed: int = 1) -> LearningClassifier:
        """A training after some steps."""
        learner = self.learner(seed)
        for _ in range(self.steps if steps is None else steps):
            learner.step()
        return learner

    def built(self, weights: Mapping[str, Tensor]) -> HitClassifier:
        """A classifier made of weights that were stored."""
        import torch

        trained = Trained(stored(weights), self.chosen(), self.run().detector, torch.device("cpu"))
        return cast("HitClassifier", self.component.build(trained))

    def test_options_and_presets_have_words_and_numbers(self) -> None:
        """Options are keywords with unit and summary; presets choose among them."""
        from kzcal.training.config import option_values

        for option in self.component.options:
            assert option.name.isidentifier(), "an option's name is a keyword of learn"
            assert option.unit.strip(), f"{option.name} has a unit"
            assert option.summary.strip(), f"{option.name} has a summary"
        for name, values in self.component.presets.items():
            assert option_values(self.component, values), f"preset {name} gives options"

    def test_a_step_tells_finite_numbers(self) -> None:
        """Losses are there to be drawn as curves, the same ones in every step."""
        learner = self.learner()
        first, second = dict(learner.step()), dict(learner.step())
        assert first, "a step tells at least one number"
        assert first.keys() == second.keys(), "the same numbers in every step"
        for told in (first, second):
            assert np.isfinite(list(told.values())).all(), f"a loss is not finite: {told}"

    def test_the_same_seed_gives_the_same_weights(self) -> None:
        """Randomness comes from the seed alone."""
        _assert_same(self.trained(seed=5).weights(), self.trained(seed=5).weights())

    def test_resuming_changes_no_bit(self) -> None:
        """A training that was stopped and resumed ends where one without a stop ends."""
        straight, stopped = self.trained(2 * self.steps), self.trained(self.steps)
        resumed = self.learner()
        resumed.restore(stored(stopped.state()))
        for _ in range(self.steps):
            resumed.step()
        _assert_same(resumed.weights(), straight.weights())
        _assert_same(resumed.state(), straight.state())

    def test_scoring_does_not_disturb_the_training(self) -> None:
        """A validation between two steps changes nothing that comes after."""
        quiet, judged = self.trained(), self.trained()
        judged.score(self.events())
        quiet.step()
        judged.step()
        _assert_same(judged.weights(), quiet.weights())

    def test_weights_are_all_that_a_score_needs(self) -> None:
        """Stored and loaded, they score as the learner does."""
        learner, events = self.trained(), self.events()
        found = self.built(learner.weights()).score(events)
        assert np.array_equal(found, learner.score(events))

    def test_every_event_has_a_finite_score(self) -> None:
        """In double precision, also for an event without hits, and none for no event."""
        classifier, events = self.built(self.trained().weights()), self.events()
        dark = replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))
        for some in (events, dark, events.take(np.arange(1)), events.take(np.arange(0))):
            scores = classifier.score(some)
            assert scores.shape == (len(some),), "one score for each event"
            assert scores.dtype == np.float64, f"scores are float64, got {scores.dtype}"
            assert np.isfinite(scores).all(), "scores are finite"

    def test_scores_of_different_events_differ(self) -> None:
        """One score for all is none: the other laws hold of it whatever the events are."""
        classifier, events = self.built(self.trained().weights()), self.events()
        scores = classifier.score(events)
        rounding = ROUNDING * float(np.abs(scores).max())
        assert scores.std() > 100 * rounding, f"every event scores about {scores[0]}"

    def test_events_are_scored_one_by_one(self) -> None:
        """Neither the others nor their order have a say in an event's score."""
        classifier, events = self.built(self.trained().weights()), self.events()
        whole = classifier.score(events)
        order = np.random.default_rng(2).permutation(len(events))
        self._assert_same_scores(classifier.score(events.take(order)), whole[order], whole)
        half = len(events) // 2
        first = events.take(np.arange(half))
        self._assert_same_scores(classifier.score(first), whole[:half], whole)

    def test_the_order_of_hits_has_no_meaning(self) -> None:
        """Hits of an event are a set."""
        classifier, events = self.built(self.trained().weights()), self.events()
        hits, generator = events.hits, np.random.default_rng(3)
        order = np.lexsort((generator.random(len(hits.pmt)), hits.event_index))
        mixed = replace(
            hits, pmt=hits.pmt[order], time=hits.time[order], charge=hits.charge[order]
        )
        whole = classifier.score(events)
        self._assert_same_scores(classifier.score(replace(events, hits=mixed)), whole, whole)

    def test_other_runs_have_no_say(self) -> None:
        """Events of one run score alike, whichever PMTs other runs have in use.

        A PMT that is not in use has no hits in ``CorrectedEvents``; it is there as a mask alone.
        """
        classifier, events = self.built(self.trained().weights()), self.events()
        rows = np.flatnonzero(events.run == events.run[0])
        alone = events.take(rows)
        alone = replace(alone, run=np.zeros(len(rows), np.int64), live=events.live[events.run[:1]])
        whole = classifier.score(events)
        self._assert_same_scores(classifier.score(alone), whole[rows], whole)

    def test_events_are_left_as_they_were(self) -> None:
        """Scoring changes nothing that it is given."""
        classifier, events, before = (
            self.built(self.trained().weights()),
            self.events(),
            self.events(),
        )
        classifier.score(events)
        for name in ("vertex", "energy", "run", "live"):
            assert np.array_equal(getattr(events, name), getattr(before, name)), name
        for name in ("offsets", "pmt", "time", "charge"):
            assert np.array_equal(getattr(events.hits, name), getattr(before.hits, name)), name

    def _assert_same_scores(
        self,
        found: Float64[np.ndarray, " scored"],
        expected: Float64[np.ndarray, " scored"],
        whole: Float64[np.ndarray, " event"],
    ) -> None:
        """Agreement by the spread of all scores, since their scale has no meaning."""
        allowed = self.tolerance * float(whole.std()) + ROUNDING * float(np.abs(whole).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)


def _assert_same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    """Both hold the same names and bits."""
    import torch

    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
