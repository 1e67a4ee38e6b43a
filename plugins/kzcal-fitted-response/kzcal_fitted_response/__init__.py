"""The detector response itself as a translator: constants of every PMT, learned without pairs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kzcal.components import HitTranslator, Option, Translator
from kzcal.hookspecs import hookimpl

if TYPE_CHECKING:
    from kzcal.learning import LearningTranslator, Trained, TranslatorTask


def _build(trained: Trained) -> HitTranslator:
    from kzcal_fitted_response.translator import FittedTranslator

    return FittedTranslator(trained)


def _learn(task: TranslatorTask, **options: float) -> LearningTranslator:
    from kzcal_fitted_response.learner import ResponseLearner

    return ResponseLearner(task, **options)


FITTED_RESPONSE = Translator(
    "fitted-response",
    "The detector response itself: constants of every PMT from unpaired events.",
    build=_build,
    learn=_learn,
    options=(
        Option("merging_time", 12.0, "ns", "Pulses of a PMT closer than this are one hit."),
        Option("densities_from", 3.0, "turns", "Turn from which densities are free."),
    ),
)


@hookimpl
def kzcal_translators() -> Iterable[Translator]:
    """One translator."""
    return (FITTED_RESPONSE,)
