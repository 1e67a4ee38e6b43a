"""The contract of translators that learn, and the small task that it trains them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kzcal.components import Translator
from kzcal.hits import Events
from kzcal.learning import LearningTranslator, Trained, TranslatorTask
from kzcal.parts import HitTranslator
from kzcal.testing.simulation import TranslatorContract
from kzcal.testing.synthetic import Run, synthetic_run

if TYPE_CHECKING:
    from torch import Tensor

DEAD = (3, 700, 1500)
"""PMTs of the task's target that report nothing."""


def translator_task(run: Run, *, seed: int = 1, dead: tuple[int, ...] = DEAD) -> TranslatorTask:
    """A task of pairs: hits of a run taken as photoelectrons, and what nominal PMTs report.

    Args:
        run: whose hits are the photoelectrons; forced triggers have none.
        seed: of the training, and of what the PMTs report.
        dead: PMTs that report nothing.
    """
    import torch

    from kzcal.response.translator import ResponseTranslator

    events, detector = run.events, run.detector
    light = events.hits.where(events.physics[events.hits.event_index])
    light = replace(light, charge=np.ones_like(light.charge))
    source = replace(events, hits=light)
    generator = np.random.default_rng(seed)
    target = ResponseTranslator().translate(source, detector, generator=generator)
    alive = ~np.isin(target.hits.pmt, dead)
    return TranslatorTask(
        source=source,
        target=replace(target, hits=target.hits.where(alive)),
        ceiling=1.0,
        paired=True,
        detector=detector,
        device=torch.device("cpu"),
        seed=seed,
    )


def stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as they come back from a file."""
    from safetensors.torch import load, save

    plain = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
    return dict(load(save(plain)))


class LearnedTranslatorContract(TranslatorContract):
    """Laws of a translator that learns; set ``options`` to what makes it small and quick."""

    component: ClassVar[Translator]
    options: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Options of ``learn`` that differ from their defaults."""
    steps: ClassVar[int] = 2
    """Steps of each training."""
    n_events: ClassVar[int] = 60
    """Events of the run that it is trained on."""

    def run(self) -> Run:
        """The run whose hits are photoelectrons."""
        return synthetic_run(n_events=self.n_events)

    def learner(self, seed: int = 1) -> LearningTranslator:
        """A training that has not begun."""
        learn = self.component.learn
        assert learn is not None, "a translator that learns has learn"
        return learn(translator_task(self.run(), seed=seed), **self.chosen())

    def chosen(self) -> dict[str, float]:
        """Value of every option."""
        defaults = {option.name: option.default for option in self.component.options}
        assert self.options.keys() <= defaults.keys(), "options are among the record's"
        known = {name: value for name, value in defaults.items() if isinstance(value, float | int)}
        assert known.keys() == defaults.keys(), "an option of a translator is one number"
        return {**known, **self.options}

    def trained(self, steps: int | None = None, seed: int = 1) -> LearningTranslator:
        """A training after some steps."""
        learner = self.learner(seed)
        for _ in range(self.steps if steps is None else steps):
            learner.step()
        return learner

    def built(self, weights: Mapping[str, Tensor]) -> HitTranslator:
        """A translator made of weights."""
        import torch

        detector, device = self.run().detector, torch.device("cpu")
        return self.component.build(Trained(stored(weights), self.chosen(), detector, device))

    def translate(self, run: Run, seed: int = 1) -> Events:
        """The translated events."""
        translator = self.built(self.trained().weights())
        generator = np.random.default_rng(seed)
        return translator.translate(run.events, run.detector, generator=generator)

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

    def test_translating_does_not_disturb_the_training(self) -> None:
        """A validation between two steps changes nothing that comes after."""
        quiet, judged, run = self.trained(), self.trained(), self.run()
        judged.translate(run.events, run.detector, generator=np.random.default_rng(1))
        quiet.step()
        judged.step()
        _assert_same(judged.weights(), quiet.weights())

    def test_weights_are_all_that_a_translation_needs(self) -> None:
        """Stored and loaded, they translate as the learner does."""
        learner, run = self.trained(), self.run()
        first, second = (
            t.translate(run.events, run.detector, generator=np.random.default_rng(2)).hits
            for t in (learner, self.built(learner.weights()))
        )
        for column in ("offsets", "pmt", "time", "charge"):
            assert np.array_equal(getattr(first, column), getattr(second, column)), column

    def test_dead_pmts_stay_dead(self) -> None:
        """PMTs without a hit in the target report none."""
        hit = np.unique(self.translate(self.run()).hits.pmt)
        assert not np.isin(DEAD, hit).any(), "a PMT that the target never shows must be silent"


def _assert_same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    """Both hold the same names and bits."""
    import torch

    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
