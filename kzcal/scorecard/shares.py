"""Features of events in two files: how far their distributions lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.scorecard.moments import Moments, of_events
from kzcal.scorecard.tally import Tally

N_BINS = 50


@dataclass(frozen=True, slots=True, eq=False)
class ShareComparison:
    """The distribution of a number per event in both files.

    Args:
        edges: of bins of equal shares of both files together; there may be fewer than N_BINS.
        first: events by block and bin.
        second: the same of the data.
    """

    edges: Float64[np.ndarray, " edge"]
    first: Int64[np.ndarray, "block bin"]
    second: Int64[np.ndarray, "block bin"]

    @classmethod
    def of(
        cls,
        values: tuple[Float64[np.ndarray, " event"], Float64[np.ndarray, " event"]],
        blocks: tuple[Int64[np.ndarray, " event"], Int64[np.ndarray, " event"]],
        n_blocks: tuple[int, int],
    ) -> ShareComparison:
        """From values of the events of both files and their blocks."""
        both = np.concatenate(values)
        edges = np.unique(np.quantile(both, np.linspace(0, 1, N_BINS + 1))) if len(both) else both
        counts = []
        for value, block, number in zip(values, blocks, n_blocks, strict=True):
            place = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, None)
            width = max(len(edges), 1)
            flat = np.bincount(block * width + place, minlength=number * width)
            counts.append(flat.reshape(number, width))
        return cls(edges, *counts)

    @property
    def distance(self) -> float:
        """Largest difference of the two cumulative distributions at the edges."""
        truth = np.repeat([1.0, 0.0], [len(self.first), len(self.second)])
        return float(np.sqrt(self.statistic(truth[None])[0]))

    @property
    def excess(self) -> float:
        """Mean squared difference of the cumulative distributions, less what counting makes."""
        gap, variance = self._gap()
        return float((gap**2 - variance).mean())

    def statistic(self, dealt: Float64[np.ndarray, "deal block"]) -> Float64[np.ndarray, " deal"]:
        """The square of the largest difference, of many deals of blocks."""
        blocks = np.concatenate([self.first, self.second]).astype(np.float64)
        mine = (dealt @ blocks).cumsum(1)
        rest = blocks.sum(0).cumsum() - mine
        gap = mine / np.maximum(mine[:, -1:], 1) - rest / np.maximum(rest[:, -1:], 1)
        return np.asarray((gap**2).max(1))

    def _gap(self) -> tuple[Float64[np.ndarray, " bin"], Float64[np.ndarray, " bin"]]:
        first, second = (np.cumsum(c.sum(0)).astype(np.float64) for c in (self.first, self.second))
        n, m = max(first[-1], 1), max(second[-1], 1)
        share = (first + second) / (n + m)
        return first / n - second / m, share * (1 - share) * (1 / n + 1 / m)


@dataclass(frozen=True, slots=True, eq=False)
class MeanComparison:
    """Means of several numbers per event in both files.

    Args:
        first: blocks of the first file.
        second: of the data.
    """

    first: Moments
    second: Moments

    def statistic(self, dealt: Float64[np.ndarray, "deal block"]) -> Float64[np.ndarray, " deal"]:
        """Squared differences of the means in units of their errors, of many deals."""
        blocks = self.first.with_blocks(self.second)
        every = blocks.whole
        mine = blocks.dealt(dealt)
        rest = every - mine
        known = (mine.number > 0) & (rest.number > 0) & (every.variance > 0)
        inverse = mine.number * rest.number / np.maximum(every.number * every.variance, 1e-30)
        return np.asarray(np.where(known, inverse * (mine.mean - rest.mean) ** 2, 0.0).sum(1))

    @property
    def differences(self) -> Float64[np.ndarray, " column"]:
        """Differences of the means in standard deviations of an event of the data."""
        first, second = self.first.whole, self.second.whole
        width = np.where(second.width > 0, second.width, 1.0)
        known = (first.number > 0) & (second.number > 0)
        return np.asarray(np.where(known, (first.mean - second.mean) / width, 0.0))

    @property
    def excess(self) -> float:
        """Their mean square less what counting makes."""
        first, second = self.first.whole, self.second.whole
        counting = 1 / np.maximum(first.number, 1) + 1 / np.maximum(second.number, 1)
        known = (first.number > 0) & (second.number > 0)
        return float((self.differences**2 - counting)[known].mean()) if known.any() else 0.0


def by_class(tally: Tally, feature: int, n_classes: int, n_blocks: int) -> Moments:
    """A feature of events by energy class."""
    values = np.full((len(tally.row), n_classes), np.nan)
    values[np.arange(len(tally.row)), tally.energy_class] = tally.features[:, feature]
    return of_events(values, tally.event_block, n_blocks)
