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
    signal: Bool[np.ndarray, " event"],
    group: Int64[np.ndarray, " event"],
    *,
    generator: np.random.Generator,
) -> Int64[np.ndarray, " event"]:
    """A fold for each event, the same for all of one group.

    Groups with signal and those without are dealt in turn, the largest first, so that two folds
    differ by no more events of a class than its largest group has.

    Args:
        signal: whether each event is signal.
        group: that each belongs to.
        generator: decides the order of groups alike in size.
    """
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    holds_signal = np.bincount(place, signal) > 0
    fold = np.zeros(len(size), np.int64)
    for groups in (np.flatnonzero(holds_signal), np.flatnonzero(~holds_signal)):
        mixed = generator.permutation(groups)
        mixed = mixed[np.argsort(-size[mixed], kind="stable")]
        fold[mixed] = np.arange(len(mixed)) % FOLDS
    return fold[place]


def _even(
    values: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"]
) -> tuple[float, float]:
    """Mean of both classes alike, and its standard deviation."""
    parts = [values[signal], values[~signal]]
    variance = sum(part.var(ddof=1) / len(part) for part in parts)
    return float(np.mean([part.mean() for part in parts])), float(np.sqrt(variance) / 2)
