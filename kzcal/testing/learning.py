"""The contract of translators that learn, and the small task that it trains them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kzcal.components import Translator
from kzcal.hits import Events
from kzcal.learning import Trained, TranslatorTask
from kzcal.parts import HitTranslator
from kzcal.testing.simulation import TranslatorContract
from kzcal.testing.synthetic import Run, synthetic_run
from kzcal.testing.training import TrainingContract, assert_same, stored

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


class LearnedTranslatorContract(TranslatorContract, TrainingContract):
    """Laws of a translator that learns; set ``options`` to what makes it small and quick."""

    component: ClassVar[Translator]
    n_events: ClassVar[int] = 60
    """Events of the run that it is trained on."""

    def run(self) -> Run:
        """The run whose hits are photoelectrons."""
        return synthetic_run(n_events=self.n_events)

    def task(self, seed: int) -> TranslatorTask:
        """Pairs of photoelectrons and hits."""
        return translator_task(self.run(), seed=seed)

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

    def test_translating_does_not_disturb_the_training(self) -> None:
        """A validation between two steps changes nothing that comes after."""
        quiet, judged, run = self.trained(), self.trained(), self.run()
        judged.translate(run.events, run.detector, generator=np.random.default_rng(1))
        quiet.step()
        judged.step()
        assert_same(judged.weights(), quiet.weights())

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
