"""How scores hang together inside each class: what a product of their ratios leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import rankdata

SIGNIFICANT = 3.0
"""Standard deviations from which a correlation counts as one."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Rank correlation of two scores within one class.

    Args:
        first: name of one.
        second: name of the other.
        kind: ``signal`` or ``background``.
        value: Spearman's coefficient; zero where a score does not vary.
        error: one standard deviation, events drawn anew.
    """

    first: str
    second: str
    kind: str
    value: float
    error: float

    @property
    def significant(self) -> bool:
        """Whether it is no chance."""
        return abs(self.value) > SIGNIFICANT * self.error


def correlations(
    names: tuple[str, ...],
    scores: Float64[np.ndarray, "score event"],
    signal: Bool[np.ndarray, " event"],
    *,
    draws: int,
    generator: np.random.Generator,
) -> tuple[Correlation, ...]:
    """Of each pair of scores in each class.

    Args:
        names: of the scores.
        scores: of each event.
        signal: whether each event is signal.
        draws: how often events are drawn anew.
        generator: draws them.
    """
    found = []
    for kind, rows in (("signal", signal), ("background", ~signal)):
        ranks = np.array([rankdata(row[rows]) for row in scores])
        for i, j in combinations(range(len(names)), 2):
            value = _correlated(ranks[[i, j]])
            n = ranks.shape[1]
            drawn = [
                _correlated(ranks[[i, j]][:, generator.integers(0, n, n)]) for _ in range(draws)
            ]
            error = float(np.std(drawn, ddof=1))
            found.append(Correlation(names[i], names[j], kind, value, error))
    return tuple(found)


def _correlated(ranks: Float64[np.ndarray, "2 event"]) -> float:
    """Pearson's coefficient of ranks; those drawn anew keep the ranks of the whole."""
    apart = ranks - ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((apart**2).sum(axis=1).prod())
    return float((apart[0] * apart[1]).sum() / spread) if spread > 0 else 0.0
