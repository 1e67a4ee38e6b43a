"""CycleGAN as a translator: GTQ to DTQ without pairs, on sparse hits or on KamLAND's images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kzcal.components import Option, Translator
from kzcal.hookspecs import hookimpl
from kzcal.parts import HitTranslator

if TYPE_CHECKING:
    from kzcal.learning import LearningTranslator, Trained, TranslatorTask


def _learn(task: TranslatorTask, **options: float) -> LearningTranslator:
    from kzcal_cyclegan.choosing import learner

    return learner(task, options)


def _build(trained: Trained) -> HitTranslator:
    from kzcal_cyclegan.choosing import translator

    return translator(trained)


CYCLEGAN = Translator(
    "cyclegan",
    "CycleGAN on hits of a sphere, unpaired; faithful = 1 for dense images.",
    build=_build,
    learn=_learn,
    options=(
        Option("faithful", 0.0, "1", "1: dense images, as in arXiv:1703.10593; 0: sparse hits"),
        Option("batch", 64.0, "events", "events of each side in a step, sparse hits"),
        Option("rate", 0.01, "1", "step of the optimiser at the start, sparse hits"),
        Option("cycle", 0.02, "1", "weight of the cycle, sparse hits"),
        Option("identity", 0.001, "1", "weight of the identity, sparse hits"),
        Option("sphere", 0.1, "1", "weight of the critic of whole events, sparse hits"),
        Option("warm_start", 1.0, "1", "1: begin at counted efficiencies and dark rates"),
        Option("images", 8.0, "events", "events of each side in a step, images"),
        Option("filters", 64.0, "1", "channels of the first layer, images"),
        Option("blocks", 6.0, "1", "residual blocks of a generator, images"),
        Option("pool", 50.0, "events", "fakes of the past that a critic sees, images"),
    ),
)


@hookimpl
def kzcal_translators() -> Iterable[Translator]:
    """The CycleGAN."""
    return (CYCLEGAN,)
