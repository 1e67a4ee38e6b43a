"""A row of the scorecard, and what all rows together say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

MET, MISSED = "met", "missed"
Group = Literal["events", "pmts", "whole", "classifiers", "scores"]


@dataclass(frozen=True, slots=True)
class Row:
    """One number in both files.

    Args:
        name: of the number.
        group: what it is a number of.
        unit: of the values; "1" for a pure number.
        fake: in the first file.
        data: in the data.
        difference: as ``measure`` says; NaN if there is none.
        error: one standard deviation of the difference; NaN where it is not known.
        measure: what the difference is.
        probability: that one law makes so large a difference; NaN where that is not tested.
        at_reach: whether the probability is an upper limit, the smallest that deals can tell.
        order: orders rows that differ, the smallest first; NaN for the probability.
        corrected: the probability with regard to all rows that are tested (Holm).
        differs: whether that is below the rate of false alarms, or the first file does not have
            what the data have.
        target: what is asked for; NaN for nothing.
        verdict: met, missed, or "" without a target.
    """

    name: str
    group: Group
    unit: str
    fake: float
    data: float
    difference: float
    error: float = float("nan")
    measure: str = "relative"
    probability: float = float("nan")
    at_reach: bool = False
    order: float = float("nan")
    corrected: float = float("nan")
    differs: bool = False
    target: float = float("nan")
    verdict: str = ""

    @property
    def place(self) -> tuple[float, bool]:
        """Where it stands among rows that differ; of equals, plain ones come first."""
        if not np.isfinite(self.probability):
            return -1.0, False
        order = self.order if np.isfinite(self.order) else self.probability
        return order, self.group == "classifiers"

    def aimed(self, target: float, *, figure: float, most: bool = True) -> Row:
        """With a target that a figure must not exceed, or must reach.

        Args:
            target: the limit.
            figure: number that it is about; NaN misses it.
            most: whether the target is the largest value that is good.
        """
        good = figure <= target if most else figure >= target
        return replace(self, target=target, verdict=MET if good else MISSED)


def corrected(rows: Sequence[Row], false_alarm: float) -> tuple[Row, ...]:
    """Rows with probabilities that know of each other.

    The smallest is multiplied by the number of tests, the next by one less, and none falls below
    one before it: two files of one law differ in any row with the rate of false alarms at most,
    however the rows hang together. Source: Holm (1979), Scand. J. Statist. 6, 65.
    """
    chances = np.array([row.probability for row in rows])
    tested = np.flatnonzero(np.isfinite(chances))
    order = tested[np.argsort(chances[tested], kind="stable")]
    factor = len(order) - np.arange(len(order))
    raised = np.minimum(np.maximum.accumulate(chances[order] * factor), 1.0)
    found = list(rows)
    for row, chance in zip(order.tolist(), raised.tolist(), strict=True):
        found[row] = replace(found[row], corrected=chance, differs=chance < false_alarm)
    return tuple(found)
