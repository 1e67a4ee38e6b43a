"""The detector response itself as a translator: constants of every PMT, learned without pairs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from kzcal.components import Command, Option, Translator
from kzcal.hookspecs import hookimpl
from kzcal.parts import HitTranslator

if TYPE_CHECKING:
    from kzcal.learning import LearningTranslator, Trained, TranslatorTask


def _build(trained: Trained) -> HitTranslator:
    from kzcal_fitted_response.translator import FittedTranslator

    return FittedTranslator(trained)


def _learn(task: TranslatorTask, **options: float) -> LearningTranslator:
    from kzcal_fitted_response.learner import ResponseLearner

    return ResponseLearner(task, **options)


def _response_table() -> click.Command:
    from kzcal_fitted_response.command import response_table

    return response_table


RESPONSE_TABLE = Command(
    "response-table",
    "Write the constants that a fitted response has learned as a calibration table.",
    build=_response_table,
)
FITTED_RESPONSE = Translator(
    "fitted-response",
    "The detector response itself: constants of every PMT from unpaired events.",
    build=_build,
    learn=_learn,
    options=(
        Option("merging_time", 12.0, "ns", "Pulses of a PMT closer than this are one hit."),
        Option("densities_from", 5.0, "turns", "Turn from which densities are free."),
    ),
)


@hookimpl
def kzcal_translators() -> Iterable[Translator]:
    """One translator."""
    return (FITTED_RESPONSE,)


@hookimpl
def kzcal_commands() -> Iterable[Command]:
    """One command."""
    return (RESPONSE_TABLE,)
