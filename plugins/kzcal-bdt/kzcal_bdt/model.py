"""A model of boosted trees opened for its trees, and the classes of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import xgboost as xgb
from jaxtyping import Bool, Int64

from kzcal.candidates import Candidates
from kzcal.classify.model import ClassifierManifest, instances
from kzcal.errors import ConfigurationError
from kzcal.evaluate.kinds import KIND, last_of_each_kind
from kzcal.training.directory import WEIGHTS
from kzcal.training.tensors import read_tensors
from kzcal_bdt.booster import loaded
from kzcal_bdt.trees import BOOSTER

NAME = "bdt"
"""Of the classifier that is made of trees."""


def opened_trees(path: Path) -> tuple[Sequence[xgb.Booster], ClassifierManifest]:
    """The trees of a model, or of the instances of a bootstrap, and what the first one is.

    Raises:
        ConfigurationError: there is no model, or one of another classifier.
        FileFormatError: its weights cannot be read.
    """
    directories = instances(path)
    manifest = directories[0].manifest()
    if manifest.classifier != NAME:
        message = (
            f"importances are of a model of {NAME}, got one of {manifest.classifier} in {path}: "
            f"train one by `kzcal train {NAME}`"
        )
        raise ConfigurationError(message)
    weights = [read_tensors(d.path / WEIGHTS, torch.device("cpu"))[0] for d in directories]
    return [loaded(each[BOOSTER], {}) for each in weights], manifest


def signal_of(
    candidates: Candidates, manifest: ClassifierManifest
) -> Bool[np.ndarray, " pair"] | None:
    """Whether each pair is of a kind that the model takes for signal; None for pairs of data."""
    if KIND not in candidates.truth:
        return None
    return np.isin(candidates.truth[KIND].astype(str), manifest.signal)


def lasts(files: Sequence[Candidates], share: float) -> Bool[np.ndarray, " pair"]:
    """The last pairs of each kind of each file, one file after the other.

    Args:
        files: their pairs; all of a file that does not tell kinds.
        share: of each kind.
    """
    found = []
    for candidates in files:
        every = np.ones(len(candidates), bool)
        known = KIND in candidates.truth
        found.append(last_of_each_kind(every, candidates.truth[KIND], share) if known else every)
    return np.concatenate(found)


def kinds_of(
    candidates: Candidates,
    signal: Sequence[str],
    background: Sequence[str],
    judging: Bool[np.ndarray, " pair"],
) -> tuple[Int64[np.ndarray, " chosen"], Bool[np.ndarray, " chosen"]]:
    """Rows of the pairs of the kinds asked for, and whether each is signal.

    Args:
        candidates: pairs of all files.
        signal: kinds that are antineutrinos.
        background: kinds that are accidental.
        judging: whether each pair is to judge.

    Raises:
        ConfigurationError: kinds are not known, or there is no pair of a class.
    """
    if KIND not in candidates.truth:
        message = (
            f"a threshold needs to know the class of each pair, got candidates without "
            f"truth/{KIND}: give simulated ones"
        )
        raise ConfigurationError(message)
    kinds = candidates.truth[KIND].astype(str)
    rows = np.flatnonzero(judging & np.isin(kinds, [*signal, *background]))
    chosen = np.isin(kinds[rows], signal)
    for what, names, n in (
        ("signal", signal, int(chosen.sum())),
        ("background", background, int((~chosen).sum())),
    ):
        if n < FEWEST:
            message = (
                f"a threshold needs at least {FEWEST} pairs of {what}, got {n} of kind "
                f"{', '.join(names)} (choices: {', '.join(sorted(set(kinds)))})"
            )
            raise ConfigurationError(message)
    return rows, chosen


FEWEST = 4
"""Pairs of either class that a threshold is found by."""
