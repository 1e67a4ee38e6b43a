"""The contract of classifiers of candidates, and the small task that it trains them on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Shaped

from kzcal.candidates import PURPOSES, Candidates
from kzcal.geometry import Detector, load_detector
from kzcal.learning import CandidateTask
from kzcal.testing.candidates import synthetic_candidates
from kzcal.testing.scoring import ScoringContract

DETECTOR = "kamland-zen-800"


def candidate_task(purpose: str, n: int = 60, *, seed: int = 1) -> CandidateTask:
    """A task on made-up candidates, half of them signal.

    Args:
        purpose: of the candidates.
        n: how many.
        seed: of the training.
    """
    import torch

    candidates, signal = synthetic_candidates(purpose, n)
    weight = np.ones(n, np.float32)
    detector = load_detector(DETECTOR)
    return CandidateTask(candidates, signal, weight, detector, torch.device("cpu"), seed)


class LearnedCandidateContract(ScoringContract):
    """Laws of a classifier of candidates; set ``options`` to what makes it small and quick."""

    n_candidates: ClassVar[int] = 60
    """Candidates that it is trained on."""

    def task(self, seed: int) -> CandidateTask:
        """Made-up candidates of the classifier's purpose."""
        return candidate_task(self.component.takes, self.n_candidates, seed=seed)

    def examples(self) -> Candidates:
        """The same candidates."""
        return synthetic_candidates(self.component.takes, self.n_candidates)[0]

    def detector(self) -> Detector:
        """That of the task."""
        return load_detector(DETECTOR)

    def hard(self) -> Iterable[Candidates]:
        """Candidates of which nothing is known, and those without points."""
        whole = self.examples()
        unknown = {name: np.full_like(c, np.nan) for name, c in whole.columns.items()}
        yield replace(whole, columns=unknown)
        none = {name: column[:0] for name, column in whole.points.items()}
        yield replace(whole, points=none, offsets=np.zeros_like(whole.offsets))

    def arrays(self, examples: Candidates) -> Mapping[str, Shaped[np.ndarray, " row"]]:
        """Columns and points with their names."""
        points = {f"points {name}": column for name, column in examples.points.items()}
        numbers = {"event": examples.event, "run": examples.run, "offsets": examples.offsets}
        return {**numbers, **examples.columns, **points}

    def test_the_record_names_what_it_takes(self) -> None:
        """A purpose that candidates can have."""
        assert self.component.takes in PURPOSES, f"takes is one of {', '.join(PURPOSES)}"

    def test_the_truth_is_not_looked_at(self) -> None:
        """Scores of data, of which no truth is known, are those of simulated candidates."""
        classifier, whole = self.built(self.trained().weights()), self.examples()
        blind = replace(whole, truth={}, members={})
        assert np.array_equal(classifier.score(blind), classifier.score(whole))

    def test_the_order_of_columns_and_of_captures_has_no_meaning(self) -> None:
        """Columns are found by name; the captures after one muon are a set."""
        classifier, whole = self.built(self.trained().weights()), self.examples()
        points, columns = _reversed(whole.points), whole.columns
        if points:
            candidate = np.repeat(np.arange(len(whole)), whole.counts)
            chance = np.random.default_rng(3).random(len(candidate))
            order = np.lexsort((chance, points["muon"], candidate))
            points = {name: column[order] for name, column in points.items()}
        mixed = replace(whole, columns=_reversed(columns), points=points)
        scores = classifier.score(whole)
        self.assert_same_scores(classifier.score(mixed), scores, scores)


def _reversed(
    columns: Mapping[str, Shaped[np.ndarray, " row"]],
) -> dict[str, Shaped[np.ndarray, " row"]]:
    """The same columns, the last one first."""
    return {name: columns[name] for name in reversed(list(columns))}
