"""Boosted trees that tell antineutrino pairs from accidental ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from kzcal.candidates import IBD
from kzcal.components import Classifier, Command, Option
from kzcal.hookspecs import hookimpl

if TYPE_CHECKING:
    from kzcal.learning import (
        CandidateClassifier,
        CandidateTask,
        LearningCandidateClassifier,
        Trained,
    )


def _learn_trees(task: CandidateTask, **options: float) -> LearningCandidateClassifier:
    from kzcal_bdt.trees import PairTreesLearner

    return PairTreesLearner(task, **options)


def _build_trees(trained: Trained) -> CandidateClassifier:
    from kzcal_bdt.trees import PairTrees

    return PairTrees(trained)


def _check_trees(options: Mapping[str, float]) -> None:
    from kzcal_bdt.trees import check_trees

    check_trees(options)


def _learn_likelihood(task: CandidateTask, **options: float) -> LearningCandidateClassifier:
    from kzcal_bdt.likelihood import PairLikelihoodLearner

    return PairLikelihoodLearner(task, **options)


def _build_likelihood(trained: Trained) -> CandidateClassifier:
    from kzcal_bdt.likelihood import built

    return built(trained)


def _check_likelihood(options: Mapping[str, float]) -> None:
    from kzcal_bdt.likelihood import check_likelihood

    check_likelihood(options)


def _importance() -> click.Command:
    from kzcal_bdt.importance_command import bdt_importance

    return bdt_importance


def _threshold() -> click.Command:
    from kzcal_bdt.threshold_command import bdt_threshold

    return bdt_threshold


_SCORES = Option("scores", 0.0, "1", "1: scores of the prompt event are inputs too")

BDT = Classifier(
    "bdt",
    "Boosted trees on energies, radii, distance and delay of antineutrino pairs.",
    build=_build_trees,
    learn=_learn_trees,
    check=_check_trees,
    takes=IBD,
    options=(
        Option("depth", 4.0, "1", "questions on the way to a leaf"),
        Option("rate", 0.05, "1", "share of its best values that a tree takes"),
        Option("part", 0.5, "1", "share of the pairs that a tree sees"),
        Option("leaf", 10.0, "pairs", "least sum of p (1 - p) over the pairs of a leaf"),
        Option("trees", 400.0, "1", "trees after which steps change nothing"),
        Option("monotone", 1.0, "1", "1: radii, distance and delay only lower a score; 0: free"),
        _SCORES,
    ),
)
PAIR_LIKELIHOOD = Classifier(
    "pair-likelihood",
    "Likelihood ratio of antineutrino pairs as a product of densities of one input each.",
    build=_build_likelihood,
    learn=_learn_likelihood,
    check=_check_likelihood,
    takes=IBD,
    options=(Option("bins", 40.0, "1", "of every input, with as many pairs in each"), _SCORES),
)
IMPORTANCE = Command(
    "bdt-importance",
    "Tell what each input of boosted trees is worth, for a file of pairs.",
    build=_importance,
)
THRESHOLD = Command(
    "bdt-threshold",
    "Find the threshold of a score that suits the rates of antineutrinos and accidentals.",
    build=_threshold,
)


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """Trees, and the likelihood ratio that they are held against."""
    return (BDT, PAIR_LIKELIHOOD)


@hookimpl
def kzcal_commands() -> Iterable[Command]:
    """What inputs are worth, and where to cut."""
    return (IMPORTANCE, THRESHOLD)
