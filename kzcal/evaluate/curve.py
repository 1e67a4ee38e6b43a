"""The curve of a score: signal accepted against background rejected, for every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

SLACK = 1e-9
"""Share of the weight by which sums of weights may miss a threshold through rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A receiver operating characteristic.

    Args:
        accepted: share of the signal above each threshold, from 0 to 1, ascending.
        passed: share of the background above it.
    """

    accepted: Float64[np.ndarray, " threshold"]
    passed: Float64[np.ndarray, " threshold"]

    @property
    def area(self) -> float:
        """Area under the curve: chance that a signal event has the larger score, ties half."""
        middle = (self.accepted[1:] + self.accepted[:-1]) / 2
        return float(middle @ np.diff(self.passed))

    def rejection(self, acceptance: Float64[np.ndarray, " cut"]) -> Float64[np.ndarray, " cut"]:
        """Share of the background below the tightest threshold that accepts so much signal.

        Between two thresholds, as among equal scores, the curve is a straight line.
        """
        above = np.searchsorted(self.accepted, acceptance - SLACK)
        above = np.clip(above, 1, len(self.accepted) - 1)
        low, high = self.accepted[above - 1], self.accepted[above]
        step = np.where(high > low, high - low, 1.0)
        part = np.clip((acceptance - low) / step, 0.0, 1.0)
        passed = self.passed[above - 1] + part * (self.passed[above] - self.passed[above - 1])
        return np.asarray(1.0 - passed)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Events in the order of their scores, so that curves of other weights cost no sorting.

    Args:
        order: rows of the events, the largest score first.
        ends: places of the last of each run of equal scores.
        signal: whether the event at each place is signal.
    """

    order: Int64[np.ndarray, " event"]
    ends: Int64[np.ndarray, " threshold"]
    signal: Bool[np.ndarray, " event"]

    @classmethod
    def of(
        cls, score: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"]
    ) -> Ranking:
        """The ranking by a score."""
        order = np.argsort(-score, kind="stable")
        falls = np.diff(score[order]) != 0
        return cls(order, np.flatnonzero(np.append(falls, True)), signal[order])

    def curve(self, weight: Float64[np.ndarray, " event"] | None = None) -> Curve:
        """The curve of the events, each counted with its weight."""
        ordered = np.ones(len(self.order)) if weight is None else weight[self.order]
        above = np.cumsum(np.where(self.signal, ordered, 0.0))[self.ends]
        passed = np.cumsum(np.where(self.signal, 0.0, ordered))[self.ends]
        return Curve(
            np.concatenate([[0.0], above / above[-1]]),
            np.concatenate([[0.0], passed / passed[-1]]),
        )


def shares_above(
    score: Float64[np.ndarray, " event"], signal: Bool[np.ndarray, " event"], acceptance: float
) -> Float64[np.ndarray, " event"]:
    """How much of each event lies above the tightest threshold that accepts so much signal.

    One or zero, or between them for scores at the threshold of which only some are needed.
    """
    ordered = np.sort(score[signal])[::-1]
    needed = acceptance * len(ordered)
    cut = ordered[max(int(np.ceil(needed * (1 - SLACK))) - 1, 0)]
    above, at = int((ordered > cut).sum()), int((ordered == cut).sum())
    part = min(max((needed - above) / at, 0.0), 1.0)
    return np.where(score > cut, 1.0, np.where(score == cut, part, 0.0))
