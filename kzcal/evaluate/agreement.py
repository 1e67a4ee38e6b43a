"""Whether a score has the same law in tagged data and in simulation.

Data and simulation may differ in energy and place, which says nothing of the score. Events are
therefore compared in classes of both: the simulation is weighted to the data's share of each
class, and chance is found by dealing events anew between data and simulation within each class.
If scores follow one law in each class, the true deal is one of many, whatever that law is.
Source: Kolmogorov's distance; permutations with the true one among them: Phipson and Smyth
(2010), doi:10.2202/1544-6115.1585.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from kzcal.errors import CalibrationError

AT_ONCE = 200
"""Deals calculated at a time."""
FEWEST = 20
"""Events of the data that a comparison takes."""
LEVELS = (0.32, 0.1, 0.05, 0.01)
"""Probabilities at which false alarms are counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Classed:
    """Events of data and simulation, those of each class of energy and place side by side.

    Args:
        score: of every event.
        data: whether each is of the data.
        starts: where each class begins.
    """

    score: Float64[np.ndarray, " event"]
    data: Bool[np.ndarray, " event"]
    starts: Int64[np.ndarray, " class"]

    @classmethod
    def of(
        cls,
        score: Float64[np.ndarray, " event"],
        data: Bool[np.ndarray, " event"],
        place: Int64[np.ndarray, " event"],
    ) -> Classed:
        """Those events whose class has some of both.

        Raises:
            CalibrationError: these are too few.
        """
        n = int(place.max(initial=0)) + 1
        both = np.bincount(place[data], minlength=n) * np.bincount(place[~data], minlength=n)
        rows = np.flatnonzero(both[place] > 0)
        if int(data[rows].sum()) < FEWEST:
            message = (
                f"a comparison needs {FEWEST} events of the data that simulated ones resemble in "
                f"energy and radius, got {int(data[rows].sum())}: simulate the data's volume"
            )
            raise CalibrationError(message)
        rows = rows[np.argsort(place[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(place[rows], prepend=-1))
        return cls(score[rows], data[rows], starts)

    def weights(self) -> Float64[np.ndarray, " event"]:
        """What each event adds to the cumulative share of data less that of simulation."""
        counts = np.add.reduceat(np.stack([self.data, ~self.data]), self.starts, 1, np.float64)
        total = counts[0].sum()
        of_simulated = np.repeat(counts[0] / counts[1], counts.sum(0).astype(np.int64))
        return np.asarray(np.where(self.data, 1.0, -of_simulated) / total)

    def distance(self) -> float:
        """Largest difference of the cumulative shares below a score."""
        return float(self._distances(self.weights()[None])[0])

    def dealt(self, deals: int, *, generator: np.random.Generator) -> Float64[np.ndarray, " deal"]:
        """The distance when events are dealt anew within their classes."""
        return np.concatenate(list(self._dealt(deals, generator)))

    def _dealt(
        self, deals: int, generator: np.random.Generator
    ) -> Iterator[Float64[np.ndarray, " deal"]]:
        weight = self.weights()
        edges = [*self.starts.tolist(), len(weight)]
        for first in range(0, deals, AT_ONCE):
            dealt = np.repeat(weight[None], min(AT_ONCE, deals - first), 0)
            for begin, end in pairwise(edges):
                generator.permuted(dealt[:, begin:end], axis=1, out=dealt[:, begin:end])
            yield self._distances(dealt)

    def _distances(
        self, weight: Float64[np.ndarray, "deal event"]
    ) -> Float64[np.ndarray, " deal"]:
        order = np.argsort(self.score, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(self.score[order]) != 0, True))
        apart = np.abs(np.cumsum(weight[:, order], axis=1)[:, ends])
        return np.asarray(apart.max(axis=1))

    def split(self, *, generator: np.random.Generator) -> Classed:
        """Simulated events alone, some of which stand for the data, as many in each class.

        Where there are fewer than twice as many simulated as data events, half of them do.

        Raises:
            CalibrationError: there are too few to split.
        """
        parts, marks, starts, begun = [], [], [], 0
        edges = [*self.starts.tolist(), len(self.score)]
        for begin, end in pairwise(edges):
            data = self.data[begin:end]
            simulated = generator.permutation(self.score[begin:end][~data])
            taken = min(int(data.sum()), len(simulated) // 2)
            if taken:
                parts.append(simulated)
                marks.append(np.arange(len(simulated)) < taken)
                starts.append(begun)
                begun += len(simulated)
        if not parts:
            message = (
                "the rate of false alarms needs two simulated events or more in a class of energy "
                f"and radius, got one in each of {len(self.starts)}: simulate more events"
            )
            raise CalibrationError(message)
        return Classed(np.concatenate(parts), np.concatenate(marks), np.array(starts))


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Data against simulation.

    Args:
        distance: Kolmogorov's, of the data from the simulation weighted to them.
        probability: that one law gives so large a distance.
        seen: distance that one law exceeds in 5 % of comparisons.
        n_data: tagged events that were compared.
        n_simulated: simulated events that were compared.
        left_out: tagged events where nothing was simulated.
        purity: of the tag, and one standard deviation.
        alarms: share of comparisons of simulation with simulation whose probability is below each
            level, by level.
        splits: number of these comparisons.
        score: of the events that were compared.
        weight: share of each, data positive and simulation negative.
    """

    distance: float
    probability: float
    seen: float
    n_data: int
    n_simulated: int
    left_out: int
    purity: tuple[float, float]
    alarms: tuple[tuple[float, float], ...]
    splits: int
    score: Float64[np.ndarray, " event"]
    weight: Float64[np.ndarray, " event"]

    @property
    def impurity(self) -> float:
        """Events of another kind change the distance by this much at most, at one deviation."""
        return 1.0 - self.purity[0] + self.purity[1]


def agree(
    classed: Classed,
    *,
    left_out: int,
    purity: tuple[float, float],
    deals: int,
    splits: int,
    generator: np.random.Generator,
) -> Agreement:
    """Compare data with simulation, and simulation with itself.

    Args:
        classed: the events.
        left_out: events of the data in none of the classes.
        purity: of the data, and one standard deviation.
        deals: of events between data and simulation.
        splits: of the simulation, for the rate of false alarms.
        generator: deals and splits.
    """
    distance, dealt = classed.distance(), classed.dealt(deals, generator=generator)
    chances = np.array([_probability(classed, deals, generator) for _ in range(splits)])
    return Agreement(
        distance=distance,
        probability=_beyond(dealt, distance),
        seen=float(np.quantile(dealt, 0.95)),
        n_data=int(classed.data.sum()),
        n_simulated=int((~classed.data).sum()),
        left_out=left_out,
        purity=purity,
        alarms=tuple((level, float((chances <= level).mean())) for level in LEVELS),
        splits=splits,
        score=classed.score,
        weight=classed.weights(),
    )


def _probability(classed: Classed, deals: int, generator: np.random.Generator) -> float:
    """What the test says of the simulation against itself."""
    half = classed.split(generator=generator)
    return _beyond(half.dealt(min(deals, AT_ONCE - 1), generator=generator), half.distance())


def _beyond(dealt: Float64[np.ndarray, " deal"], distance: float) -> float:
    """Share of the deals, the true one among them, that are as far."""
    return float((1 + (dealt >= distance * (1 - 1e-12)).sum()) / (1 + len(dealt)))


def classes(
    energy: Float[np.ndarray, " event"],
    radius: Float[np.ndarray, " event"],
    data: Bool[np.ndarray, " event"],
    bins: tuple[int, int],
) -> tuple[Int64[np.ndarray, " event"], Bool[np.ndarray, " event"]]:
    """Which class of energy and radius each event is in, by quantiles of the data.

    Returns:
        The class of each event, and whether it lies within the data's range.
    """
    place, inside = np.zeros(len(data), np.int64), np.ones(len(data), bool)
    for column, n in zip((energy, radius), bins, strict=True):
        edges = np.quantile(column[data], np.linspace(0, 1, n + 1))
        inside &= (column >= edges[0]) & (column <= edges[-1])
        place = place * n + np.clip(np.searchsorted(edges, column, side="right") - 1, 0, n - 1)
    return place, inside
