"""Areas under curves with their covariance, and whether two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import norm, rankdata


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """Areas under the curves of several scores of the same events.

    Args:
        values: chance that a signal event has the larger score; ties count half.
        covariance: of the areas.
    """

    values: Float64[np.ndarray, " score"]
    covariance: Float64[np.ndarray, "score score"]

    @property
    def errors(self) -> Float64[np.ndarray, " score"]:
        """One standard deviation of each area."""
        return np.sqrt(np.diag(self.covariance))

    def difference(self, first: int, second: int) -> tuple[float, float]:
        """Area of the first less that of the second, and one standard deviation."""
        direction = np.zeros(len(self.values))
        direction[first] += 1.0
        direction[second] -= 1.0
        variance = max(float(direction @ self.covariance @ direction), 0.0)
        return float(direction @ self.values), float(np.sqrt(variance))


def areas(scores: Float64[np.ndarray, "score event"], signal: Bool[np.ndarray, " event"]) -> Areas:
    """Areas of several scores of the same events.

    Source: DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595, by the ranks of Sun and
    Xu (2014), doi:10.1109/LSP.2014.2337313.
    """
    above, below = (
        np.array([_placements(row, of, other) for row in scores])
        for of, other in ((signal, ~signal), (~signal, signal))
    )
    covariance = np.zeros((len(scores), len(scores)))
    for places in (above, below):
        n = places.shape[1]
        if n > 1:
            covariance += np.atleast_2d(np.cov(places)) / n
    return Areas(above.mean(axis=1), covariance)


def _placements(
    score: Float64[np.ndarray, " event"],
    of: Bool[np.ndarray, " event"],
    other: Bool[np.ndarray, " event"],
) -> Float64[np.ndarray, " chosen"]:
    """For each of the events, the share of the others with a smaller score; ties count half."""
    both = np.concatenate([score[of], score[other]])
    n = int(of.sum())
    among = rankdata(both)[:n] - rankdata(score[of])
    return np.asarray(among / max(int(other.sum()), 1))


def chance(difference: float, error: float) -> float:
    """Two-sided probability of a difference as large by Gauss's law; one if there is none."""
    if error > 0:
        return float(2 * norm.sf(abs(difference) / error))
    return 1.0 if difference == 0 else 0.0
