"""The laws of whatever learns to score: classifiers of hits and classifiers of candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float64, Shaped

from kzcal.components import Classifier
from kzcal.geometry import Detector
from kzcal.learning import Trained
from kzcal.testing.training import TrainingContract, assert_same, stored

if TYPE_CHECKING:
    from torch import Tensor

    from kzcal.classify.material import Scorer

ROUNDING = 1e-6
"""What the rounding of single precision makes of a score, over the largest score."""


class ScoringContract(TrainingContract):
    """Laws of a classifier that learns; a contract of one kind says what it scores."""

    record_type = Classifier
    component: ClassVar[Classifier]
    tolerance: ClassVar[float] = 1e-4
    """By how much a score may hang on other events and on order, over the scores' spread."""

    def examples(self) -> Any:  # noqa: ANN401  CorrectedEvents or Candidates
        """Events or candidates that it learns from and scores, made anew by each call."""
        message = f"{type(self).__name__} says what its classifiers score"
        raise TypeError(message)

    def hard(self) -> Iterable[Any]:
        """Some that say little, and are scored for all that."""
        return ()

    def arrays(self, examples: Any) -> Mapping[str, Shaped[np.ndarray, " row"]]:  # noqa: ANN401
        """All that some of them are made of, by name."""
        message = f"{type(self).__name__} says what {type(examples).__name__} are made of"
        raise TypeError(message)

    def detector(self) -> Detector:
        """That they are of."""
        message = f"{type(self).__name__} says of which detector its events are"
        raise TypeError(message)

    def built(self, weights: Mapping[str, Tensor]) -> Scorer:
        """A classifier made of weights that were stored."""
        import torch

        device = torch.device("cpu")
        trained = Trained(stored(weights), self.chosen(), self.detector(), device)
        return self.component.build(trained)  # type: ignore[return-value]

    def test_presets_choose_among_options(self) -> None:
        """Each names options, and gives numbers that they can have."""
        names = {option.name for option in self.component.options}
        for name, values in self.component.presets.items():
            assert values, f"preset {name} chooses something"
            assert values.keys() <= names, f"preset {name} chooses among options"
            if self.component.check is not None:
                self.component.check({**self.chosen(), **values})

    def test_scoring_does_not_disturb_the_training(self) -> None:
        """A validation between two steps changes nothing that comes after."""
        quiet, judged = self.trained(), self.trained()
        judged.score(self.examples())
        quiet.step()
        judged.step()
        assert_same(judged.weights(), quiet.weights())

    def test_weights_are_all_that_a_score_needs(self) -> None:
        """Stored and loaded, they score as the learner does."""
        learner, examples = self.trained(), self.examples()
        found = self.built(learner.weights()).score(examples)
        assert np.array_equal(found, learner.score(examples))

    def test_everything_has_a_finite_score(self) -> None:
        """In double precision, also what says little, and there is none for nothing."""
        classifier, examples = self.built(self.trained().weights()), self.examples()
        few = (examples.take(np.arange(n)) for n in (1, 0))
        for some in (examples, *self.hard(), *few):
            scores = classifier.score(some)
            assert scores.shape == (len(some),), "one score for each"
            assert scores.dtype == np.float64, f"scores are float64, got {scores.dtype}"
            assert np.isfinite(scores).all(), "scores are finite"

    def test_scores_differ(self) -> None:
        """One score for all is none: the other laws hold of it whatever it is given."""
        scores = self.built(self.trained().weights()).score(self.examples())
        rounding = ROUNDING * float(np.abs(scores).max())
        assert scores.std() > 100 * rounding, f"everything scores about {scores[0]}"

    def test_each_is_scored_by_itself(self) -> None:
        """Neither the others nor their order have a say in a score."""
        classifier, examples = self.built(self.trained().weights()), self.examples()
        whole = classifier.score(examples)
        order = np.random.default_rng(2).permutation(len(examples))
        self.assert_same_scores(classifier.score(examples.take(order)), whole[order], whole)
        half = len(examples) // 2
        first = examples.take(np.arange(half))
        self.assert_same_scores(classifier.score(first), whole[:half], whole)

    def test_what_is_scored_is_left_as_it_was(self) -> None:
        """Scoring changes nothing that it is given."""
        classifier = self.built(self.trained().weights())
        examples, before = self.examples(), self.arrays(self.examples())
        classifier.score(examples)
        for name, array in self.arrays(examples).items():
            numbers = np.issubdtype(array.dtype, np.floating)
            assert np.array_equal(array, before[name], equal_nan=numbers), name

    def assert_same_scores(
        self,
        found: Float64[np.ndarray, " scored"],
        expected: Float64[np.ndarray, " scored"],
        whole: Float64[np.ndarray, " event"],
    ) -> None:
        """Agreement by the spread of all scores, since their scale has no meaning."""
        allowed = self.tolerance * float(whole.std()) + ROUNDING * float(np.abs(whole).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)
