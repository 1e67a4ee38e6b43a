"""Quantities of every PMT in two files, and how much more they differ than counting explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from kzcal.scorecard.moments import Moments, dark_hits, histogrammed, kurtosis, occupancy
from kzcal.scorecard.peaks import top
from kzcal.scorecard.sphere import smooth_patterns
from kzcal.scorecard.tally import CHARGE, TIME, Tally

FEWEST = 20
"""Hits of a PMT in both files together, below which its charges and times are not compared."""
TIME_WINDOW, CHARGE_WINDOW = (-6.0, 12.0), (0.0, 4.0)
"""About the peak of the data, ns; p.e. What lies far off does not move means and widths."""
SMOOTHEST = 3
"""Degree of the harmonics that are smooth."""
LEAST_ATTAINABLE = 0.2
"""Attainable correlation below which nothing is asked for."""
DEAD, HOT = 0.02, 5.0
"""PMTs below this part of the median occupancy, or above this multiple of the median dark rate,
have no say in the correlation: they would make most of it."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something of every PMT.

    Args:
        name: of its row.
        unit: of its values.
        kind: whether it is the mean or the standard deviation of what was summed.
        tolerance: difference from PMT to PMT that is small, in the unit.
        against: what all PMTs have in common and rows of events judge: "ratio" divides by their
            mean, "difference" takes it off, "" leaves it in.
    """

    name: str
    unit: str
    kind: Literal["mean", "width"]
    tolerance: float
    against: Literal["ratio", "difference", ""] = ""

    def values(self, moments: Moments) -> Float64[np.ndarray, "*rows pmt"]:
        """The quantity of each PMT."""
        own = moments.mean if self.kind == "mean" else moments.width
        if self.against == "difference":
            return np.asarray(own - own.mean(-1, keepdims=True))
        return np.asarray(own / self.common(moments)[..., None])

    def common(self, moments: Moments) -> Float64[np.ndarray, "*rows"]:
        """What values, and their errors, are divided by."""
        mean = moments.mean.mean(-1)
        return np.asarray(np.where((self.against == "ratio") & (mean > 0), mean, 1.0))


QUANTITIES = (
    Quantity("occupancy", "1", "mean", 0.05, "ratio"),
    Quantity("charge_mean", "p.e.", "mean", 0.03),
    Quantity("charge_width", "p.e.", "width", 0.03),
    Quantity("residual_mean", "ns", "mean", 0.15, "difference"),
    Quantity("residual_width", "ns", "width", 0.15),
    Quantity("dark_rate", "1", "mean", 0.10, "ratio"),
)


@dataclass(frozen=True, slots=True, eq=False)
class PmtComparison:
    """A quantity in both files.

    Args:
        quantity: which.
        first: blocks of the first file.
        second: blocks of the data.
        compared: PMTs with enough hits.
        kurtosis: of what was summed, all PMTs together; what the error of a width needs.
        smooth: patterns over the sphere that are not tested: they move with where events happen
            to be, and the row of hit patterns judges them.
    """

    quantity: Quantity
    first: Moments
    second: Moments
    compared: Bool[np.ndarray, " pmt"]
    kurtosis: float = 3.0
    smooth: Float64[np.ndarray, "pmt pattern"] | None = None

    @property
    def values(self) -> tuple[Float64[np.ndarray, " pmt"], Float64[np.ndarray, " pmt"]]:
        """Of each PMT in the first file and in the data; NaN where it is not compared."""
        if not self.compared.any():
            return self._spread_out(np.zeros(0)), self._spread_out(np.zeros(0))
        first, second = (self.quantity.values(part.whole) for part in self._compared)
        return self._spread_out(first), self._spread_out(second)

    @property
    def errors(self) -> tuple[Float64[np.ndarray, " pmt"], Float64[np.ndarray, " pmt"]]:
        """One standard deviation of the values, from counting; the variance is that of both."""
        if not self.compared.any():
            return self._spread_out(np.zeros(0)), self._spread_out(np.zeros(0))
        first, second = (part.whole for part in self._compared)
        both = self._error(first + second)
        number = (first + second).number
        mine, other = (
            both * np.sqrt(number / np.maximum(part.number, 1e-12)) for part in (first, second)
        )
        return self._spread_out(mine), self._spread_out(other)

    @property
    def means(self) -> tuple[float, float]:
        """What the values are on average, before anything common is taken off."""
        if not self.compared.any():
            return float("nan"), float("nan")
        plain = replace(self.quantity, against="")
        first, second = (plain.values(part.whole) for part in self._compared)
        return float(first.mean()), float(second.mean())

    @property
    def _compared(self) -> tuple[Moments, Moments]:
        return self.first.of(self.compared), self.second.of(self.compared)

    def _spread_out(self, column: Float64[np.ndarray, " some"]) -> Float64[np.ndarray, " pmt"]:
        """A row for every PMT."""
        every = np.full(len(self.compared), np.nan)
        every[self.compared] = column
        return every

    @property
    def excess(self) -> float:
        """Mean squared difference of a PMT less what counting makes of it, in squared units.

        PMTs whose counting errors are well above the tolerance weigh little. Negative where PMTs
        are more alike than counting lets expect.
        """
        if not self.compared.any():
            return 0.0
        first, second = (column[self.compared] for column in self.values)
        error, other = (column[self.compared] for column in self.errors)
        counting = error**2 + other**2
        weight = 1 / (self.quantity.tolerance**2 + counting)
        return float(np.average((first - second) ** 2 - counting, weights=weight))

    def statistic(self, dealt: Float64[np.ndarray, "deal block"]) -> Float64[np.ndarray, " deal"]:
        """Squared differences in units of their errors, over all PMTs, of many deals of blocks.

        Both errors are those of all blocks together, so that they do not know the deal.
        """
        mine, other = self._compared
        blocks = mine.with_blocks(other)
        every = blocks.whole
        mine = blocks.dealt(dealt)
        rest = every - mine
        difference = self.quantity.values(mine) - self.quantity.values(rest)
        known = (mine.number > 0) & (rest.number > 0)
        part = np.clip(mine.number / every.number, 1e-12, 1 - 1e-12)
        pull = np.sqrt(part * (1 - part)) / self._error(every) * difference
        pull = np.where(known, pull, 0.0)
        if self.smooth is not None:
            basis = np.linalg.qr(self.smooth[self.compared] / self._error(every)[:, None])[0]
            pull -= (pull @ basis) @ basis.T
        return np.asarray((pull**2).sum(1))

    def _error(self, moments: Moments) -> Float64[np.ndarray, " pmt"]:
        variance = moments.variance / np.maximum(moments.number, 1e-12)
        if self.quantity.kind == "width":
            variance = variance * (self.kurtosis - 1) / 4
        return np.asarray(np.sqrt(np.maximum(variance, 1e-30)) / self.quantity.common(moments))


def compare_pmts(
    first: Tally, second: Tally, directions: Float64[np.ndarray, "pmt 3"]
) -> tuple[PmtComparison, ...]:
    """Every quantity of every PMT, in the order of QUANTITIES."""
    peak = top(second.residual.sum((0, 1)), TIME)
    window = (peak + TIME_WINDOW[0], peak + TIME_WINDOW[1])
    times = [histogrammed(tally.residual, TIME, window) for tally in (first, second)]
    charges = [histogrammed(tally.charge, CHARGE, CHARGE_WINDOW) for tally in (first, second)]
    time_shape = kurtosis(second.residual.sum((0, 1)), TIME, window)
    charge_shape = kurtosis(second.charge.sum((0, 1)), CHARGE, CHARGE_WINDOW)
    lit, charge, width, arrival, spread, dark = QUANTITIES
    return (
        replace(
            _counted(lit, [occupancy(tally) for tally in (first, second)]),
            smooth=smooth_patterns(directions, SMOOTHEST),
        ),
        _measured(charge, charges, charge_shape),
        _measured(width, charges, charge_shape),
        _measured(arrival, times, time_shape),
        _measured(spread, times, time_shape),
        _counted(dark, [dark_hits(tally) for tally in (first, second)]),
    )


def _counted(quantity: Quantity, sums: Sequence[Moments]) -> PmtComparison:
    """Shares and rates, of PMTs that have a count in either file."""
    first, second = sums
    compared = (first.whole + second.whole).total >= 1
    return PmtComparison(quantity, first, second, compared)


def _measured(quantity: Quantity, sums: Sequence[Moments], shape: float) -> PmtComparison:
    """Means and widths, of PMTs that have hits enough."""
    first, second = sums
    mine, other = first.whole, second.whole
    compared = (mine.number + other.number >= FEWEST) & (mine + other).variance.astype(bool)
    compared &= np.minimum(mine.number, other.number) >= 2
    return PmtComparison(quantity, first, second, compared, shape)


@dataclass(frozen=True, slots=True)
class Correlation:
    """How alike two files order the PMTs of a type, and how alike they could.

    Args:
        found: correlation of the occupancy from PMT to PMT, each over the mean of its type.
        attainable: that of two files that differ by counting alone.
    """

    found: float
    attainable: float

    @property
    def ratio(self) -> float:
        """Found over attainable; NaN where PMTs differ by little more than counting."""
        return self.found / self.attainable if self.attainable > LEAST_ATTAINABLE else np.nan


def correlation(
    occupancy: PmtComparison, dark: PmtComparison, diameter: UInt8[np.ndarray, " pmt"]
) -> Correlation:
    """Correlation of the occupancy of PMTs that are neither dead nor hot in the data.

    The variance from PMT to PMT is that found in the data less that of counting, S; with the
    counting variances N of the two files S / sqrt((S + N1) (S + N2)) is attainable, what halves of
    the data give by the formula of Spearman and Brown.
    """
    values, errors = occupancy.values, occupancy.errors
    data, rate = values[1], dark.values[1]
    fair = np.isfinite(data) & (data > DEAD * np.nanmedian(data))
    fair &= ~(rate > HOT * np.nanmedian(rate)) if np.isfinite(rate).any() else fair
    first, second, noise, other = (column.copy() for column in (*values, *errors))
    for size in np.unique(diameter):
        rows = fair & (diameter == size)
        for column, error in ((first, noise), (second, other)):
            mean = column[rows].mean() if rows.any() else 1.0
            error[rows] /= max(mean, 1e-12)
            column[rows] = column[rows] / max(mean, 1e-12) - 1
    first, second, noise, other = (c[fair] for c in (first, second, noise, other))
    counted, others = float((noise**2).mean()), float((other**2).mean())
    signal = max(float(second.var()) - others, 0.0)
    best = signal / np.sqrt((signal + counted) * (signal + others))
    spread = first.std() * second.std()
    mutual = float(((first - first.mean()) * (second - second.mean())).mean())
    return Correlation(mutual / spread if spread > 0 else 0.0, float(best))
