"""Methods judged by events that they did not learn from, and the best of them chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.rejection.methods import METHODS, applicable

FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A method on events that it did not see.

    Args:
        name: of the method.
        score: of each event, by what was learned from the other folds.
        loss: of each event, nat: minus the logarithm of the probability of its class.
        signal: whether each event is signal.
    """

    name: str
    score: Float64[np.ndarray, " event"]
    loss: Float64[np.ndarray, " event"]
    signal: Bool[np.ndarray, " event"]

    @property
    def mean(self) -> float:
        """Mean of the loss, of both classes alike."""
        return _even(self.loss, self.signal)[0]

    def worse(self, other: Judged) -> tuple[float, float]:
        """How much larger its mean loss is on the same events, and one standard deviation."""
        return _even(self.loss - other.loss, self.signal)


def judged(
    name: str,
    scores: Float64[np.ndarray, "score event"],
    signal: Bool[np.ndarray, " event"],
    fold: Int64[np.ndarray, " event"],
) -> Judged:
    """Score each fold by what is learned from the others.

    Args:
        name: of the method.
        scores: of labelled events.
        signal: whether each is signal.
        fold: that each belongs to.
    """
    score = np.zeros(len(signal))
    for one in np.unique(fold):
        learned = METHODS[name](scores[:, fold != one], signal[fold != one])
        score[fold == one] = learned(scores[:, fold == one])
    loss = np.logaddexp(0.0, np.where(signal, -score, score))
    return Judged(name, score, loss, signal)


def chosen(
    scores: Float64[np.ndarray, "score event"],
    signal: Bool[np.ndarray, " event"],
    fold: Int64[np.ndarray, " event"],
) -> tuple[Judged, ...]:
    """All methods, the one of the smallest loss first."""
    found = [judged(name, scores, signal, fold) for name in applicable(len(scores))]
    return tuple(sorted(found, key=lambda one: one.mean))


def folds(
    signal: Bool[np.ndarray, " event"], *, generator: np.random.Generator
) -> Int64[np.ndarray, " event"]:
    """A fold for each event, with as many of either class in each as can be."""
    fold = np.zeros(len(signal), np.int64)
    for rows in (np.flatnonzero(signal), np.flatnonzero(~signal)):
        fold[generator.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return fold


def _even(
    values: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"]
) -> tuple[float, float]:
    """Mean of both classes alike, and its standard deviation."""
    parts = [values[signal], values[~signal]]
    variance = sum(part.var(ddof=1) / len(part) for part in parts)
    return float(np.mean([part.mean() for part in parts])), float(np.sqrt(variance) / 2)
