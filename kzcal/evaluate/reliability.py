"""Whether a score is the logit of a probability, and how far that is mended by what it shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.special import expit

SAFE = 1e-12
"""Probabilities this close to 0 or 1 count as that close in the logarithm of a likelihood."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How probabilities compare with what comes true.

    Args:
        stated: mean probability of being signal in each bin; bins hold as many events each.
        found: share of signal in each.
        error: one standard deviation of the share.
        brier: mean squared distance of probability and truth.
        brier_mended: the same of probabilities found from the score by isotonic regression on
            the other half of the events.
        log_loss: mean -log of the probability of what is true.
        calibration_error: mean distance of stated and found over the bins.
        expected: that distance if every probability were right, from chance alone.
        probability: that right probabilities give so large a distance.
    """

    stated: Float64[np.ndarray, " bin"]
    found: Float64[np.ndarray, " bin"]
    error: Float64[np.ndarray, " bin"]
    brier: float
    brier_mended: float
    log_loss: float
    calibration_error: float
    expected: float
    probability: float


def reliability(
    score: Float64[np.ndarray, " event"],
    signal: Bool[np.ndarray, " event"],
    *,
    bins: int,
    draws: int,
    generator: np.random.Generator,
) -> Reliability:
    """Take scores as logits for classes of equal size, and compare with the truth.

    Assumption: training gave both classes the same weight; the shares of the classes among these
    events are then put on top (Bayes).

    Args:
        score: of every event.
        signal: whether each event is signal.
        bins: of probability, with as many events in each.
        draws: how often truths are drawn from the probabilities for ``expected``.
        generator: draws them.
    """
    odds = np.log(signal.sum() / (~signal).sum())
    stated = expit(score + odds)
    order = np.argsort(stated, kind="stable")
    groups = np.array_split(order, min(bins, len(order)))
    size = np.array([len(rows) for rows in groups])
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    mean = np.add.reduceat(stated[order], starts) / size
    share = np.add.reduceat(signal[order].astype(np.float64), starts) / size
    chance = np.array(
        [
            _distance(stated[order], drawn, starts)
            for drawn in (generator.random((draws, len(score))) < stated[order]).astype(np.float64)
        ]
    )
    apart = _distance(stated[order], signal[order].astype(np.float64), starts)
    likely = np.clip(np.where(signal, stated, 1 - stated), SAFE, 1.0)
    return Reliability(
        stated=mean,
        found=share,
        error=np.sqrt(share * (1 - share) / size),
        brier=float(((stated - signal) ** 2).mean()),
        brier_mended=float(((mended(score, signal) - signal) ** 2).mean()),
        log_loss=float(-np.log(likely).mean()),
        calibration_error=apart,
        expected=float(chance.mean()),
        probability=float((1 + (chance >= apart).sum()) / (1 + draws)),
    )


def mended(
    score: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"]
) -> Float64[np.ndarray, " event"]:
    """Probability of being signal by isotonic regression on the other half of the events."""
    from sklearn.isotonic import IsotonicRegression

    half = np.zeros(len(score), bool)
    for rows in (np.flatnonzero(signal), np.flatnonzero(~signal)):
        half[rows[::2]] = True
    probability = np.empty(len(score))
    for learned in (half, ~half):
        fit = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        fit.fit(score[learned], signal[learned].astype(np.float64))
        probability[~learned] = fit.predict(score[~learned])
    return probability


def _distance(
    stated: Float64[np.ndarray, " event"],
    truth: Float64[np.ndarray, " event"],
    starts: np.ndarray,
) -> float:
    """Mean over the events of the distance between their bin's probability and share."""
    return float(np.abs(np.add.reduceat(stated - truth, starts)).sum() / len(stated))
