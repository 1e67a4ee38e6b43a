"""Sums by block from which means and widths of every PMT follow, for any choice of blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.scorecard.tally import Bins, Tally

Columns = Float64[np.ndarray, "*rows column"]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums of powers of something; a row per block and a column per PMT, or whatever it is of.

    Args:
        number: of measurements.
        total: of their values.
        squares: of their values.
    """

    number: Columns
    total: Columns
    squares: Columns

    def __add__(self, other: Moments) -> Moments:
        """Both together."""
        return Moments(
            self.number + other.number, self.total + other.total, self.squares + other.squares
        )

    def __sub__(self, other: Moments) -> Moments:
        """Without the other."""
        return Moments(
            self.number - other.number, self.total - other.total, self.squares - other.squares
        )

    def dealt(self, weight: Float64[np.ndarray, "deal block"]) -> Moments:
        """Sums over blocks, each taken so many times; a row for each row of weights."""
        return Moments(weight @ self.number, weight @ self.total, weight @ self.squares)

    def with_blocks(self, other: Moments) -> Moments:
        """The blocks of both, those of the other after these."""
        pairs = zip(self._parts(), other._parts(), strict=True)
        return Moments(*(np.concatenate(pair) for pair in pairs))

    def of(self, columns: np.ndarray) -> Moments:
        """Some of the columns."""
        return Moments(*(part[..., columns] for part in self._parts()))

    @property
    def whole(self) -> Moments:
        """All blocks together."""
        return Moments(*(part.sum(0) for part in self._parts()))

    @property
    def mean(self) -> Columns:
        """Mean; zero where there is no measurement."""
        return np.asarray(self.total / np.maximum(self.number, 1e-12))

    @property
    def variance(self) -> Columns:
        """Variance of one measurement."""
        square = self.squares / np.maximum(self.number, 1e-12)
        return np.asarray(np.maximum(square - self.mean**2, 0.0))

    @property
    def width(self) -> Columns:
        """Standard deviation of one measurement."""
        return np.asarray(np.sqrt(self.variance))

    def _parts(self) -> tuple[Columns, Columns, Columns]:
        return self.number, self.total, self.squares


def occupancy(tally: Tally) -> Moments:
    """Whether a PMT has light in a physics event."""
    return _counted(tally.occupied, tally.n_events.astype(np.float64))


def dark_hits(tally: Tally) -> Moments:
    """Whether a PMT has a dark hit in a nanosecond: the mean is its rate per ns."""
    return _counted(tally.dark, 1e9 * tally.dark_time)


def histogrammed(counts: np.ndarray, bins: Bins, window: tuple[float, float]) -> Moments:
    """Values in a window, such as around a peak, from histograms by block and PMT."""
    inside = (bins.centres > window[0]) & (bins.centres < window[1])
    values = bins.centres[inside]
    chosen = counts[..., inside].astype(np.float64)
    return Moments(chosen.sum(-1), chosen @ values, chosen @ values**2)


def kurtosis(counts: np.ndarray, bins: Bins, window: tuple[float, float]) -> float:
    """Fourth central moment over the squared variance; three for a Gaussian, or without counts."""
    inside = (bins.centres > window[0]) & (bins.centres < window[1])
    values, weight = bins.centres[inside], counts[inside].astype(np.float64)
    if not weight.sum():
        return 3.0
    off = values - np.average(values, weights=weight)
    variance = np.average(off**2, weights=weight)
    return float(np.average(off**4, weights=weight) / variance**2) if variance > 0 else 3.0


def of_events(
    values: Float64[np.ndarray, "event column"],
    block: np.ndarray,
    n_blocks: int,
) -> Moments:
    """Values of events; those that are NaN do not count."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    parts = []
    for part in (known.astype(np.float64), filled, filled**2):
        sums = np.zeros((n_blocks, values.shape[1]))
        np.add.at(sums, block, part)
        parts.append(sums)
    return Moments(*parts)


def _counted(counts: np.ndarray, trials: Float64[np.ndarray, " block"]) -> Moments:
    """Of zeros and ones, so many of them."""
    ones = counts.astype(np.float64)
    return Moments(np.repeat(trials[:, None], ones.shape[1], 1), ones, ones)
