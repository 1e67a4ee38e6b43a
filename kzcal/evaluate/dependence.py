"""What a score depends on beside the class: energy, radius, hits, run, PMTs in use.

A score that estimates the energy separates classes of different spectra and nothing else. Within
narrow bins of the energy such a score separates no more, and it correlates with it in each class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.stats import chi2, spearmanr

from kzcal.evaluate.area import areas
from kzcal.evaluate.curve import shares_above
from kzcal.evaluate.resampling import rejections

FEWEST = 20
"""Events of either class that a bin needs for numbers of its own."""
DRAWS = 100
"""Draws of a bin's events for the error of its rejection."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A number of every event that a score might depend on.

    Args:
        name: of the number.
        unit: of it.
        values: of every event; NaN where it is not known.
    """

    name: str
    unit: str
    values: Float64[np.ndarray, " event"]

    def tells(self, signal: Bool[np.ndarray, " event"]) -> bool:
        """Whether it is known of events of both classes."""
        known = np.isfinite(self.values)
        return bool((known & signal).any() and (known & ~signal).any())


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its standard deviation."""

    value: float
    error: float

    @classmethod
    def of(cls, parts: Float64[np.ndarray, " event"]) -> Share:
        """Mean of parts between 0 and 1; the error of a share of none or all is that of one."""
        n = len(parts)
        if n == 0:
            return cls(float("nan"), float("nan"))
        mean = float(parts.mean())
        spread = min(max(mean, 1 / (n + 2)), 1 - 1 / (n + 2))
        return cls(mean, float(np.sqrt(spread * (1 - spread) / n)))


@dataclass(frozen=True, slots=True)
class Bin:
    """Events in a range of a column.

    Args:
        low: smallest value.
        middle: the median.
        high: largest.
        signal: number of signal events.
        background: number of the others.
        accepted: share of the signal above the threshold that all events share.
        rejected: share of the background below it.
        within: background rejected where the threshold accepts as much of the bin's own signal,
            with the error of events drawn anew; NaN in a bin of few events.
        area: under the curve of the bin's own events; NaN likewise.
    """

    low: float
    middle: float
    high: float
    signal: int
    background: int
    accepted: Share
    rejected: Share
    within: Share
    area: Share


@dataclass(frozen=True, slots=True)
class Dependence:
    """A score against one column.

    Args:
        name: of the column.
        unit: of it.
        bins: ascending.
        alone: area under the curve of the column itself: how far it tells the classes apart.
        inside: mean area over the bins, weighted by their errors: what the score separates where
            the column is alike.
        correlation: Spearman's, of score and column, in signal and background.
        even: probability that one acceptance in all bins scatters as much as those found.
    """

    name: str
    unit: str
    bins: tuple[Bin, ...]
    alone: Share
    inside: Share
    correlation: tuple[Share, Share]
    even: float


def dependence(
    column: Column,
    score: Float64[np.ndarray, " event"],
    signal: Bool[np.ndarray, " event"],
    *,
    acceptance: float,
    bins: int,
    generator: np.random.Generator,
) -> Dependence:
    """How a score does in bins of a column, by the events of which it is known.

    Args:
        column: of every event; it must be known of some of both classes.
        score: of every event.
        signal: whether each event is signal.
        acceptance: share of all signal that the common threshold accepts.
        bins: of about as many events each; a column of as few values has one for each.
        generator: draws events anew.
    """
    known, part = np.isfinite(column.values), shares_above(score, signal, acceptance)
    column = Column(column.name, column.unit, column.values[known])
    score, signal, part = score[known], signal[known], part[known]
    parted = Parted(score, signal, part, column.values)
    found = tuple(
        parted.bin(rows, acceptance, generator=generator) for rows in rows_of(column.values, bins)
    )
    areas_found = [b.area for b in found if np.isfinite(b.area.value) and b.area.error > 0]
    alone = areas(column.values[None], signal)
    return Dependence(
        name=column.name,
        unit=column.unit,
        bins=found,
        alone=Share(float(alone.values[0]), float(alone.errors[0])),
        inside=_mean(areas_found),
        correlation=(
            correlation(score[signal], column.values[signal]),
            correlation(score[~signal], column.values[~signal]),
        ),
        even=_even(found, acceptance),
    )


def rows_of(values: Float64[np.ndarray, " event"], bins: int) -> list[Int64[np.ndarray, " row"]]:
    """Rows in ascending bins of about as many events; equal values share a bin."""
    different = np.unique(values)
    edges = different
    if len(different) > bins:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[:-1]))
    place = np.searchsorted(edges, values, side="right") - 1
    return [np.flatnonzero(place == i) for i in range(len(edges)) if (place == i).any()]


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """Events as bins see them: score, class, share above the common threshold, and column."""

    score: Float64[np.ndarray, " event"]
    signal: Bool[np.ndarray, " event"]
    above: Float64[np.ndarray, " event"]
    values: Float64[np.ndarray, " event"]

    def bin(
        self,
        rows: Int64[np.ndarray, " row"],
        acceptance: float,
        *,
        generator: np.random.Generator,
    ) -> Bin:
        """What the events of one bin give."""
        signal, above = self.signal[rows], self.above[rows]
        n_signal, n_background = int(signal.sum()), int((~signal).sum())
        within = area = Share(float("nan"), float("nan"))
        if min(n_signal, n_background) >= FEWEST:
            score = self.score[rows][None]
            cut = rejections(score, signal, [acceptance], draws=DRAWS, generator=generator)
            within = Share(float(cut.values[0, 0]), float(cut.errors[0, 0]))
            own = areas(score, signal)
            area = Share(float(own.values[0]), float(own.errors[0]))
        return Bin(
            low=float(self.values[rows].min()),
            middle=float(np.median(self.values[rows])),
            high=float(self.values[rows].max()),
            signal=n_signal,
            background=n_background,
            accepted=Share.of(above[signal]),
            rejected=Share.of(1 - above[~signal]),
            within=within,
            area=area,
        )


def correlation(
    first: Float64[np.ndarray, " event"], second: Float64[np.ndarray, " event"]
) -> Share:
    """Spearman's rank correlation; NaN where one of them is the same everywhere.

    Source: its error, Bonett and Wright (2000), doi:10.1007/BF02294183.
    """
    n = len(first)
    if n < 4 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Share(float("nan"), float("nan"))
    value = float(spearmanr(first, second).statistic)
    return Share(value, float(np.sqrt((1 + value**2 / 2) / (n - 3)) * (1 - value**2)))


def _mean(found: list[Share]) -> Share:
    """Mean weighted by the errors."""
    if not found:
        return Share(float("nan"), float("nan"))
    weight = np.array([1 / share.error**2 for share in found])
    values = np.array([share.value for share in found])
    return Share(float(weight @ values / weight.sum()), float(1 / np.sqrt(weight.sum())))


def _even(bins: tuple[Bin, ...], acceptance: float) -> float:
    """Probability of so uneven acceptances by chi-square; NaN for one bin."""
    filled = [b for b in bins if b.signal > 0]
    if len(filled) < 2:
        return float("nan")
    variance = acceptance * (1 - acceptance)
    pulls = (b.signal * (b.accepted.value - acceptance) ** 2 / variance for b in filled)
    return float(chi2.sf(sum(pulls), len(filled) - 1))
