"""How well a score tells events that were held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from kzcal.errors import TrainingError
from kzcal.evaluate.curve import Ranking

ACCEPTANCE = 0.9
"""Share of the signal that is accepted where a rejection is quoted."""
DRAWS = 200
"""Sets of events that the error of a rejection is found from."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well a score tells signal from background.

    Args:
        rejection: share of the background that is rejected where 90 % of the signal is accepted.
        rejection_error: one standard deviation of it.
        auc: chance that an event of signal has the larger score.
        n_signal: events of signal.
        n_background: events of background.
    """

    rejection: float
    rejection_error: float
    auc: float
    n_signal: int
    n_background: int


def judge(
    score: Float64[np.ndarray, " event"],
    signal: Bool[np.ndarray, " event"],
    weight: Float32[np.ndarray, " event"],
    *,
    draws: int = 0,
) -> Verdict:
    """Judge a score by events whose class is known.

    Args:
        score: of each event.
        signal: whether it is signal.
        weight: of each.
        draws: sets of events, drawn with replacement, that the error is found from; the same
            events give the same error.

    Raises:
        TrainingError: a score is not finite.
    """
    if not np.isfinite(score).all():
        message = f"a score is a finite number, got {score[~np.isfinite(score)][0]}"
        raise TrainingError(message)
    ranking = Ranking.of(score, signal)
    curve = ranking.curve(weight.astype(np.float64))
    generator = np.random.default_rng(1)
    drawn = []
    for _ in range(draws):
        counts = np.zeros(len(score))
        for mine in (np.flatnonzero(signal), np.flatnonzero(~signal)):
            counts[mine] = generator.multinomial(len(mine), np.full(len(mine), 1 / len(mine)))
        drawn.append(_rejection(ranking, counts * weight))
    return Verdict(
        rejection=float(curve.rejection(np.array([ACCEPTANCE]))[0]),
        rejection_error=float(np.std(drawn, ddof=1)) if draws > 1 else 0.0,
        auc=curve.area,
        n_signal=int(signal.sum()),
        n_background=int((~signal).sum()),
    )


def _rejection(ranking: Ranking, weight: Float64[np.ndarray, " event"]) -> float:
    """Rejection of weighted events."""
    return float(ranking.curve(weight).rejection(np.array([ACCEPTANCE]))[0])
