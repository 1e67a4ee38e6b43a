"""XGBoost's trees: made, stored as a tensor with the names of their inputs, and asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xgboost as xgb
from jaxtyping import Float32, Float64
from torch import Tensor

from kzcal.candidates import Candidates
from kzcal_bdt.inputs import values_of


def stored(booster: xgb.Booster) -> Tensor:
    """The trees, in XGBoost's own format, and the names of their inputs."""
    return torch.from_numpy(np.frombuffer(booster.save_raw("ubj"), np.uint8).copy())


def loaded(raw: Tensor, parameters: Mapping[str, object]) -> xgb.Booster:
    """Trees that were stored; with parameters they grow on."""
    return xgb.Booster(dict(parameters), model_file=bytearray(raw.cpu().numpy().tobytes()))


def inputs(booster: xgb.Booster) -> Sequence[str]:
    """Names of the inputs, in their order; none before the first tree."""
    return list(booster.feature_names or ())


def matrix(table: Float32[np.ndarray, "candidate input"], names: Sequence[str]) -> xgb.DMatrix:
    """Inputs as XGBoost takes them; NaN is a number that is not known."""
    return xgb.DMatrix(table, feature_names=list(names))


def logits(booster: xgb.Booster, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
    """Logit of each pair; zero before the first tree.

    Raises:
        ConfigurationError: an input is missing.
    """
    names = inputs(booster)
    if not names:
        return np.zeros(len(candidates))
    return margins(booster, values_of(candidates, names), names)


def margins(
    booster: xgb.Booster,
    table: Float32[np.ndarray, "candidate input"],
    names: Sequence[str],
    trees: tuple[int, int] = (0, 0),
) -> Float64[np.ndarray, " candidate"]:
    """Sum of the leaves of some trees, of all for (0, 0)."""
    if not booster.num_boosted_rounds() or not len(table):
        return np.zeros(len(table))
    found = booster.predict(matrix(table, names), output_margin=True, iteration_range=trees)
    return np.asarray(found, np.float64)


def contributions(
    booster: xgb.Booster, candidates: Candidates
) -> Float64[np.ndarray, "candidate input"]:
    """What each input adds to the logit of each pair, beside what all pairs have in common.

    Args:
        booster: of at least one tree.
        candidates: at least one pair.

    Source: S. Lundberg et al. (2020), doi:10.1038/s42256-019-0138-9 (TreeSHAP), as XGBoost has it.
    """
    names = inputs(booster)
    table = values_of(candidates, names)
    found = booster.predict(matrix(table, names), pred_contribs=True)
    return np.asarray(found, np.float64)[:, :-1]
