"""Likelihood ratio of a pair as a product of densities of one input each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError
from kzcal.learning import CandidateTask, Trained
from kzcal_bdt.inputs import inputs_of, values_of

MIDDLE, RATIO = "middle.", "ratio."
"""Begin the names of tensors; that of the input follows."""
MOST_BINS = 1000
DOUBT = 0.5
"""Pairs that are added to every bin of either class, so that an empty one is no certainty."""


class PairLikelihood:
    """Sum over the inputs of the logarithm of the ratio of their densities.

    Args:
        weights: middle of each bin and the logarithm there, by input.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._tables = {
            name.removeprefix(RATIO): (
                weights[MIDDLE + name.removeprefix(RATIO)].cpu().numpy(),
                ratio.cpu().numpy(),
            )
            for name, ratio in sorted(weights.items())
            if name.startswith(RATIO)
        }

    def score(self, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
        """Logit of each pair, for classes of one size; an input that is not known adds nothing.

        Raises:
            ConfigurationError: an input is missing.
        """
        total = np.zeros(len(candidates))
        for name, (middle, ratio) in self._tables.items():
            values = values_of(candidates, [name])[:, 0].astype(np.float64)
            total += np.nan_to_num(np.interp(values, middle, ratio))
        return total


class PairLikelihoodLearner:
    """Counts pairs of either class in bins of every input; the first step does all.

    Args:
        task: what to learn from.
        bins: of every input, with as many pairs in each.
        scores: 1: scores of the prompt event are inputs too; 0: the six numbers alone.

    Raises:
        ConfigurationError: an option is out of its range, or an input is missing.

    Assumption: inputs are independent within each class, which energies, radii and distances are
    not; what that costs is measured against trees. Between middles of bins the logarithm of the
    ratio is a straight line.
    """

    def __init__(self, task: CandidateTask, *, bins: float = 40, scores: float = 0) -> None:
        check_likelihood({"bins": bins, "scores": scores})
        self._task, self._bins = task, int(bins)
        self._names = inputs_of(task.candidates, scores=bool(scores))
        self._weights: Mapping[str, Tensor] = {}

    def step(self) -> Mapping[str, float]:
        """Count the pairs, if that is not done; the loss after it."""
        if not self._weights:
            self._weights = self._counted()
        logit = self.score(self._task.candidates)
        loss = np.logaddexp(0.0, logit) - self._task.signal * logit
        return {"loss": float(np.average(loss, weights=self._task.weight))}

    def _counted(self) -> Mapping[str, Tensor]:
        weights = {}
        for name in self._names:
            values = values_of(self._task.candidates, [name])[:, 0].astype(np.float64)
            middle, ratio = log_ratio(values, self._task.signal, self._task.weight, self._bins)
            weights[MIDDLE + name] = torch.from_numpy(middle)
            weights[RATIO + name] = torch.from_numpy(ratio)
        return weights

    def state(self) -> Mapping[str, Tensor]:
        """The tables, empty before the first step."""
        return self.weights()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on exactly where ``state`` was taken."""
        self._weights = {name: tensor.cpu() for name, tensor in state.items()}

    def weights(self) -> Mapping[str, Tensor]:
        """The tables."""
        return dict(self._weights)

    def score(self, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
        """Logit of each pair by what is counted so far."""
        return PairLikelihood(self._weights).score(candidates)


def built(trained: Trained) -> PairLikelihood:
    """The ratio that training left."""
    return PairLikelihood(trained.weights)


def log_ratio(
    values: Float64[np.ndarray, " pair"],
    signal: Bool[np.ndarray, " pair"],
    weight: Float32[np.ndarray, " pair"],
    bins: int,
) -> tuple[Float64[np.ndarray, " bin"], Float64[np.ndarray, " bin"]]:
    """Logarithm of the ratio of the densities of one input.

    Args:
        values: of each pair; those that are not finite are left out.
        signal: whether each pair is signal.
        weight: of each pair.
        bins: with as many pairs in each; fewer where values repeat.

    Returns:
        Middle of each bin, and the logarithm there.
    """
    known = np.isfinite(values)
    values, signal, weight = values[known], signal[known], weight[known].astype(np.float64)
    if not len(values):
        return np.zeros(1), np.zeros(1)
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)))
    inner = edges[1:-1]
    which, n = np.searchsorted(inner, values, side="right"), len(inner) + 1
    shares = []
    for chosen in (signal, ~signal):
        counts = np.bincount(which[chosen], weight[chosen], minlength=n) + DOUBT
        shares.append(counts / counts.sum())
    middle = (edges[1:] + edges[:-1]) / 2 if len(edges) > 1 else edges
    return middle, np.log(shares[0] / shares[1])


def check_likelihood(options: Mapping[str, float]) -> None:
    """Refuse options of the likelihood ratio.

    Raises:
        ConfigurationError: one is out of its range.
    """
    bins, scores = options["bins"], options["scores"]
    if not 2 <= bins <= MOST_BINS or bins != int(bins):
        message = f"bins is a whole number from 2 to {MOST_BINS}, got {bins:g}"
        raise ConfigurationError(message)
    if scores not in (0, 1):
        message = f"scores is 0 or 1, got {scores:g}"
        raise ConfigurationError(message)
