"""What each input of the trees is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from jaxtyping import Float32, Float64

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal_bdt.booster import contributions, inputs

GAIN = "total_gain"
"""XGBoost's name for the loss that the questions about an input have saved."""


@dataclass(frozen=True, slots=True, eq=False)
class Importance:
    """What each input adds to the logits of pairs.

    Args:
        inputs: their names.
        units: of each; empty where it is not known.
        gain: share of the loss saved in training by questions about each input.
        values: inputs of each pair.
        added: what each input adds to the logit of each pair, beside what all have in common.
    """

    inputs: tuple[str, ...]
    units: tuple[str, ...]
    gain: Float64[np.ndarray, " input"]
    values: Float32[np.ndarray, "pair input"]
    added: Float64[np.ndarray, "pair input"]

    @property
    def mean(self) -> Float64[np.ndarray, " input"]:
        """Mean size of what each input adds."""
        return np.asarray(np.abs(self.added).mean(axis=0))

    @property
    def error(self) -> Float64[np.ndarray, " input"]:
        """One standard deviation of the mean."""
        return np.asarray(np.abs(self.added).std(axis=0) / np.sqrt(len(self.added)))

    @property
    def order(self) -> Sequence[int]:
        """Inputs, the one that adds most first."""
        return [int(i) for i in np.argsort(-self.mean, kind="stable")]

    def as_dict(self) -> Mapping[str, Mapping[str, float]]:
        """Numbers by input, the one that adds most first."""
        return {
            self.inputs[i]: {
                "added": float(self.mean[i]),
                "added_error": float(self.error[i]),
                "gain": float(self.gain[i]),
            }
            for i in self.order
        }


def importance(boosters: Sequence[xgb.Booster], candidates: Candidates) -> Importance:
    """What inputs are worth to trees, or to the mean of several instances of them.

    Args:
        boosters: of one training, or of the instances of a bootstrap.
        candidates: pairs, of which there is at least one.

    Raises:
        ConfigurationError: there is no pair or no tree, or an input is missing.
    """
    names = tuple(inputs(boosters[0]))
    if not len(candidates):
        message = "importances need at least one pair, got none: give another file"
        raise ConfigurationError(message)
    gain = np.mean([_shares(booster, names) for booster in boosters], axis=0)
    added = np.mean([contributions(booster, candidates) for booster in boosters], axis=0)
    units = tuple(candidates.units.get(name, "") for name in names)
    return Importance(names, units, gain, candidates.table(names), added)


def _shares(booster: xgb.Booster, names: Sequence[str]) -> Float64[np.ndarray, " input"]:
    """Share of each input in what questions have saved."""
    saved = booster.get_score(importance_type=GAIN)
    if not saved:
        message = "importances need trees that ask something, got none: train for more steps"
        raise ConfigurationError(message)
    each = np.array([float(saved.get(name, 0.0)) for name in names])  # type: ignore[arg-type]
    return np.asarray(each / each.sum())
