"""Boosted trees on the residual times alone: what KamNet must beat to need a sphere at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xgboost as xgb
from jaxtyping import Float32, Float64
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.learning import ClassifierTask, CorrectedEvents, Trained
from kzcal.training.boosting import LogisticBoosting
from kzcal_topology.time_bins import time_shares

BOOSTER, ROUND = "booster", "round"
MOST = {"depth": 12, "rate": 1, "part": 1, "leaf": 1e6, "trees": 1e5}
"""Largest value of each option."""
WHOLE = ("depth", "trees")
"""Options that count something."""


class TimeTrees:
    """Trees on the histogram of residual times.

    Args:
        trained: what training left.
    """

    def __init__(self, trained: Trained) -> None:
        self._booster = _loaded(trained.weights[BOOSTER], {})

    def score(self, events: CorrectedEvents) -> Float64[np.ndarray, " event"]:
        """Logit of each event."""
        return _margin(self._booster, time_shares(events))


class TimeTreesLearner:
    """Grows one tree a step on the logistic loss, each on a random part of the events.

    It is alone even where several processes train: each grows the same.

    Args:
        task: what to learn from.
        depth: of each tree.
        rate: how much of its best values each tree takes.
        part: of the events that each tree sees.
        leaf: least sum of p (1 - p) over the events of a leaf.
        trees: after which steps change nothing.

    Raises:
        ConfigurationError: an option is out of its range.

    Source: T. Chen, C. Guestrin (2016), XGBoost, doi:10.1145/2939672.2939785.
    """

    def __init__(
        self,
        task: ClassifierTask,
        *,
        depth: float = 3,
        rate: float = 0.05,
        part: float = 0.5,
        leaf: float = 10,
        trees: float = 300,
    ) -> None:
        check_trees({"depth": depth, "rate": rate, "part": part, "leaf": leaf, "trees": trees})
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
        self._trees = int(trees)
        self._shares = time_shares(task.events)
        self._boosting = LogisticBoosting(task.signal, task.weight, part=part, seed=task.seed)
        self._data = xgb.DMatrix(self._shares)
        self._booster = xgb.Booster(self._parameters, [self._data])
        self._round = 0

    def step(self) -> Mapping[str, float]:
        """One more tree; the loss before it."""
        told = {"loss": self._boosting.loss()}
        if self._round == self._trees:
            return told
        slope, curvature = self._boosting.slopes()
        self._booster.boost(self._data, self._round, grad=slope, hess=curvature)
        self._boosting.add(_margin(self._booster, self._shares, (self._round, self._round + 1)))
        self._round += 1
        return told

    def state(self) -> Mapping[str, Tensor]:
        """Trees, margins, the number of trees and the random state."""
        return {
            **self.weights(),
            **self._boosting.state(),
            ROUND: torch.tensor(self._round),
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._round = int(state[ROUND])
        self._booster = _loaded(state[BOOSTER], self._parameters)
        self._boosting.restore(state)

    def weights(self) -> Mapping[str, Tensor]:
        """The trees, in XGBoost's own format."""
        raw = np.frombuffer(self._booster.save_raw("ubj"), np.uint8)
        return {BOOSTER: torch.from_numpy(raw.copy())}

    def score(self, events: CorrectedEvents) -> Float64[np.ndarray, " event"]:
        """Logit of each event by the trees so far."""
        return _margin(self._booster, time_shares(events))


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


def _loaded(raw: Tensor, parameters: Mapping[str, object]) -> xgb.Booster:
    return xgb.Booster(dict(parameters), model_file=bytearray(raw.cpu().numpy().tobytes()))


def _margin(
    booster: xgb.Booster,
    shares: Float32[np.ndarray, "event bin"],
    trees: tuple[int, int] = (0, 0),
) -> Float64[np.ndarray, " event"]:
    """Sum of the leaves of some trees, of all for (0, 0)."""
    if not booster.num_boosted_rounds() or not len(shares):
        return np.zeros(len(shares))
    found = booster.predict(xgb.DMatrix(shares), output_margin=True, iteration_range=trees)
    return np.asarray(found, np.float64)
