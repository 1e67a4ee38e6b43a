"""Boosted trees on what is told of a pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xgboost as xgb
from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal.learning import CandidateTask, Trained
from kzcal.training.boosting import LogisticBoosting
from kzcal_bdt.booster import loaded, logits, margins, matrix, stored
from kzcal_bdt.inputs import constraints, inputs_of, values_of

BOOSTER, ROUND = "booster", "round"
MOST = {"depth": 12, "rate": 1, "part": 1, "leaf": 1e6, "trees": 1e5}
"""Largest value of each option that is a number above zero."""
WHOLE = ("depth", "trees")
"""Options that count something."""
SWITCHES = ("monotone", "scores")
"""Options that are 0 or 1."""


class PairTrees:
    """Trees that training left.

    Args:
        trained: what training left.
    """

    def __init__(self, trained: Trained) -> None:
        self._booster = loaded(trained.weights[BOOSTER], {})

    def score(self, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
        """Logit of each pair."""
        return logits(self._booster, candidates)


class PairTreesLearner:
    """Grows one tree a step on the logistic loss, each on a random part of the pairs.

    It is alone even where several processes train: each grows the same.

    Args:
        task: what to learn from.
        depth: of each tree.
        rate: how much of its best values each tree takes.
        part: of the pairs that each tree sees.
        leaf: least sum of p (1 - p) over the pairs of a leaf.
        trees: after which steps change nothing.
        monotone: 1: more radius, distance or delay never raises a score, and more of another
            classifier's score never lowers it; 0: they may.
        scores: 1: scores of the prompt event are inputs too; 0: the six numbers alone.

    Raises:
        ConfigurationError: an option is out of its range, or an input is missing.

    Source: T. Chen, C. Guestrin (2016), XGBoost, doi:10.1145/2939672.2939785.
    """

    def __init__(
        self,
        task: CandidateTask,
        *,
        depth: float = 4,
        rate: float = 0.05,
        part: float = 0.5,
        leaf: float = 10,
        trees: float = 400,
        monotone: float = 1,
        scores: float = 0,
    ) -> None:
        given = {"depth": depth, "rate": rate, "part": part, "leaf": leaf, "trees": trees}
        check_trees(given | {"monotone": monotone, "scores": scores})
        self._names = inputs_of(task.candidates, scores=bool(scores))
        self._parameters = {
            "objective": "binary:logistic",
            "base_score": 0.5,
            "max_depth": int(depth),
            "eta": rate,
            "min_child_weight": leaf,
            "tree_method": "hist",
            "device": task.device.type,
            "nthread": torch.get_num_threads(),
        }
        if monotone:
            self._parameters["monotone_constraints"] = constraints(self._names)
        self._trees = int(trees)
        self._table = values_of(task.candidates, self._names)
        weight = even(task.weight, task.signal)
        self._boosting = LogisticBoosting(task.signal, weight, part=part, seed=task.seed)
        self._data = matrix(self._table, self._names)
        self._booster = xgb.Booster(self._parameters, [self._data])
        self._round = 0

    def step(self) -> Mapping[str, float]:
        """One more tree; the loss before it."""
        told = {"loss": self._boosting.loss()}
        if self._round == self._trees:
            return told
        slope, curvature = self._boosting.slopes()
        self._booster.boost(self._data, self._round, grad=slope, hess=curvature)
        newest = (self._round, self._round + 1)
        self._boosting.add(margins(self._booster, self._table, self._names, newest))
        self._round += 1
        return told

    def state(self) -> Mapping[str, Tensor]:
        """Trees, logits, the number of trees and the random state."""
        counted = {ROUND: torch.tensor(self._round)}
        return {**self.weights(), **self._boosting.state(), **counted}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._round = int(state[ROUND])
        self._booster = loaded(state[BOOSTER], self._parameters)
        self._boosting.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The trees, with the names of their inputs."""
        return {BOOSTER: stored(self._booster)}

    def score(self, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
        """Logit of each pair by the trees so far."""
        return logits(self._booster, candidates)


def even(
    weight: Float32[np.ndarray, " candidate"], signal: Bool[np.ndarray, " candidate"]
) -> Float32[np.ndarray, " candidate"]:
    """Weights of which both classes have half, so that scores are logits for equal classes."""
    half = weight.sum(dtype=np.float64) / 2
    even = weight.astype(np.float64)
    for chosen in (signal, ~signal):
        total = even[chosen].sum()
        even[chosen] *= half / total if total else 1.0
    return even.astype(np.float32)


def check_trees(options: Mapping[str, float]) -> None:
    """Refuse options of the trees.

    Raises:
        ConfigurationError: one is out of its range, or counts something and is not whole.
    """
    for name, most in MOST.items():
        value, whole = options[name], name in WHOLE
        if not 0 < value <= most or (whole and value != int(value)):
            message = (
                f"{name} is {'a whole number ' if whole else ''}above 0 and at most {most:g}, "
                f"got {value:g}"
            )
            raise ConfigurationError(message)
    for name in SWITCHES:
        if options[name] not in (0, 1):
            message = f"{name} is 0 or 1, got {options[name]:g}"
            raise ConfigurationError(message)
