"""The laws of whatever learns: translators, classifiers of hits and classifiers of candidates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kzcal.components import Classifier, Translator
from kzcal.testing.contract import ComponentContract

if TYPE_CHECKING:
    from torch import Tensor

    from kzcal.training.loop import Learner


class TrainingContract(ComponentContract):
    """Laws of a training; a contract of one kind says what is learned from.

    Set ``options`` to what makes it small and quick.
    """

    component: ClassVar[Translator | Classifier]
    options: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Options of ``learn`` that differ from their defaults."""
    steps: ClassVar[int] = 2
    """Steps of each training."""

    def task(self, seed: int) -> Any:  # noqa: ANN401, ARG002  what the record's learn takes
        """What is learned from."""
        message = f"{type(self).__name__} says what its trainings learn from"
        raise TypeError(message)

    def chosen(self) -> dict[str, float]:
        """Value of every option."""
        from kzcal.training.config import option_values

        return option_values(self.component, self.options)

    def learner(self, seed: int = 1) -> Any:  # noqa: ANN401  a Learner that does more
        """A training that has not begun."""
        learn = self.component.learn
        assert learn is not None, "what learns has learn"
        return learn(self.task(seed), **self.chosen())

    def trained(self, steps: int | None = None, seed: int = 1) -> Any:  # noqa: ANN401  likewise
        """A training after some steps."""
        learner: Learner = self.learner(seed)
        for _ in range(self.steps if steps is None else steps):
            learner.step()
        return learner

    def test_options_have_words(self) -> None:
        """Each is a keyword with a unit and a summary."""
        for option in self.component.options:
            assert option.name.isidentifier(), "an option's name is a keyword of learn"
            assert option.unit.strip(), f"{option.name} has a unit"
            assert option.summary.strip(), f"{option.name} has a summary"

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
        assert_same(self.trained(seed=5).weights(), self.trained(seed=5).weights())

    def test_resuming_changes_no_bit(self) -> None:
        """A training that was stopped and resumed ends where one without a stop ends."""
        straight, stopped = self.trained(2 * self.steps), self.trained(self.steps)
        resumed = self.learner()
        resumed.restore(stored(stopped.state()))
        for _ in range(self.steps):
            resumed.step()
        assert_same(resumed.weights(), straight.weights())
        assert_same(resumed.state(), straight.state())


def stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as they come back from a file."""
    from safetensors.torch import load, save

    plain = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    return dict(load(save(plain)))


def assert_same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    """Both hold the same names and bits."""
    import torch

    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
