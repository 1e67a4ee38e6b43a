"""Rejections with errors: the same events drawn again for every score.

Source: Efron (1979), doi:10.1214/aos/1176344552. Signal and background are drawn by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.evaluate.curve import Ranking

CENTRAL = (0.15865525393145707, 0.8413447460685429)
"""Quantiles that hold 68 % between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Rejections:
    """Background rejected by several scores at several acceptances of signal.

    Args:
        acceptance: shares of the signal.
        values: share of the background below the threshold, of the events as they are.
        draws: the same of events drawn anew, the same ones for every score.
    """

    acceptance: Float64[np.ndarray, " cut"]
    values: Float64[np.ndarray, "score cut"]
    draws: Float64[np.ndarray, "draw score cut"]

    @property
    def errors(self) -> Float64[np.ndarray, "score cut"]:
        """One standard deviation of each."""
        return np.asarray(self.draws.std(axis=0, ddof=1))

    @property
    def bounds(self) -> Float64[np.ndarray, "2 score cut"]:
        """Ends of the central 68 %."""
        return np.asarray(np.quantile(self.draws, CENTRAL, axis=0))

    def difference(self, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
        """Rejections of the first less those of the second, and their standard deviations."""
        apart = self.draws[:, first] - self.draws[:, second]
        return self.values[first] - self.values[second], apart.std(axis=0, ddof=1)


def rejections(
    scores: Float64[np.ndarray, "score event"],
    signal: Bool[np.ndarray, " event"],
    acceptance: Sequence[float],
    *,
    draws: int,
    generator: np.random.Generator,
) -> Rejections:
    """Rejections of several scores of the same events, with what chance does to them.

    Args:
        scores: of every event, the larger the more signal-like.
        signal: whether each event is signal.
        acceptance: shares of the signal.
        draws: how often events are drawn anew.
        generator: draws them.
    """
    cuts = np.asarray(acceptance, np.float64)
    rankings = [Ranking.of(score, signal) for score in scores]
    drawn = [
        [ranking.curve(weight).rejection(cuts) for ranking in rankings]
        for weight in weights(signal, draws, generator=generator)
    ]
    found = [ranking.curve().rejection(cuts) for ranking in rankings]
    return Rejections(cuts, np.array(found), np.array(drawn))


def weights(
    signal: Bool[np.ndarray, " event"], draws: int, *, generator: np.random.Generator
) -> Iterator[Float64[np.ndarray, " event"]]:
    """How often each event is drawn, as many of either class as there are."""
    classes = [np.flatnonzero(signal), np.flatnonzero(~signal)]
    for _ in range(draws):
        weight = np.zeros(len(signal))
        for rows in classes:
            taken = generator.integers(0, len(rows), len(rows))
            weight[rows] = np.bincount(taken, minlength=len(rows))
        yield weight
