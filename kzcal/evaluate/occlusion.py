"""What a classifier looks at: how its score changes where hits say nothing any more.

Hits of a time bin are taken away, or trade their PMTs with each other across events; hits of a
patch of the sphere trade their times. A trade leaves every count as it was, so that what is lost
is what the pattern said, and nothing unheard-of is asked of the classifier.
Source: permutation importance, Breiman (2001), doi:10.1023/A:1010933404324.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.evaluate.area import areas
from kzcal.evaluate.axis import axes_of, frames
from kzcal.geometry import Detector
from kzcal.hits import Hits
from kzcal.learning import CorrectedEvents, HitClassifier

TIME_EDGES = (-150, -15, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12, 20, 35, 60, 100, 350)
"""Bins of the residual, ns: fine where light rises, to the ends of the physics window."""
N_BANDS, N_SECTORS = 8, 8
"""Patches of equal area: bands of the height over the axis, sectors around it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What hits that say nothing cost.

    Args:
        lost: area under the curve that is lost.
        error: one standard deviation of it.
        shift: spread of the score's change over that of the score; one change of all is none.
        hits: share of all hits concerned.
    """

    lost: float
    error: float
    shift: float
    hits: float


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A classifier and the events that it is asked about.

    Args:
        classifier: that scores.
        events: with corrected hits.
        signal: whether each is signal.
        detector: whose PMTs the hits belong to.
        score: of the events as they are.
    """

    classifier: HitClassifier
    events: CorrectedEvents
    signal: Bool[np.ndarray, " event"]
    detector: Detector
    score: Float64[np.ndarray, " event"]

    @classmethod
    def of(
        cls,
        classifier: HitClassifier,
        events: CorrectedEvents,
        signal: Bool[np.ndarray, " event"],
        detector: Detector,
    ) -> Probe:
        """Score the events as they are."""
        return cls(classifier, events, signal, detector, classifier.score(events))

    def thinned(self, most: int) -> Probe:
        """The same with at most so many events, evenly over all of them."""
        step = max(len(self.signal) / most, 1.0)
        rows = np.arange(0, len(self.signal), step).astype(np.int64)[:most]
        return replace(
            self,
            events=self.events.take(rows),
            signal=self.signal[rows],
            score=self.score[rows],
        )

    def change(self, hits: Hits, concerned: int) -> Change:
        """What other hits of the same events cost."""
        return self.compared(self.classifier.score(replace(self.events, hits=hits)), concerned)

    def compared(self, other: Float64[np.ndarray, " event"], concerned: int) -> Change:
        """What the same events with other hits cost, by their scores."""
        found = areas(np.stack([self.score, other]), self.signal)
        spread = float(self.score.std())
        return Change(
            *found.difference(0, 1),
            float((other - self.score).std()) / spread if spread else 0.0,
            concerned / max(len(self.events.hits.time), 1),
        )


@dataclass(frozen=True, slots=True)
class TimeBin:
    """What hits of a range of residuals are worth.

    Args:
        low: beginning, ns.
        high: end, ns.
        removed: without these hits.
        traded: with the PMTs of these hits traded across events.
    """

    low: float
    high: float
    removed: Change
    traded: Change


@dataclass(frozen=True, slots=True)
class Patch:
    """What times of hits on a part of the sphere are worth.

    Args:
        low: smallest cosine of the angle to the axis.
        high: largest.
        west: smallest azimuth about the axis, degrees from the side of the vertex.
        east: largest.
        traded: with the times of these hits traded across events.
    """

    low: float
    high: float
    west: float
    east: float
    traded: Change


def time_bins(
    probe: Probe, *, generator: np.random.Generator, advance: Callable[[float], None]
) -> tuple[TimeBin, ...]:
    """What each bin of the residual is worth.

    Args:
        probe: classifier and events.
        generator: of the trades.
        advance: called with the number of scorings done.
    """
    hits, found = probe.events.hits, []
    for low, high in pairwise(TIME_EDGES):
        inside = (hits.time >= low) & (hits.time < high)
        n = int(inside.sum())
        pmt = _traded(hits.pmt, np.where(inside, 0, -1), generator)
        removed = probe.change(hits.where(~inside), n)
        traded = probe.change(replace(hits, pmt=pmt), n)
        found.append(TimeBin(low, high, removed, traded))
        advance(2)
    return tuple(found)


def patches(
    probe: Probe, *, generator: np.random.Generator, advance: Callable[[float], None]
) -> tuple[tuple[Patch, ...], tuple[Patch, ...]]:
    """What times are worth on bands about the axis of early light, and on patches of each band.

    Args:
        probe: classifier and events.
        generator: of the trades.
        advance: called with the number of scorings done.
    """
    events, hits = probe.events, probe.events.hits
    up = axes_of(events, probe.detector)
    turned = frames(up, events.vertex.astype(np.float64))[hits.event_index]
    directions = np.einsum("hij,hj->hi", turned, probe.detector.directions[hits.pmt])
    height = np.clip(((directions[:, 2] + 1) / 2 * N_BANDS).astype(np.int64), 0, N_BANDS - 1)
    azimuth = np.degrees(np.arctan2(directions[:, 1], directions[:, 0]))
    sector = np.clip(((azimuth + 180) / 360 * N_SECTORS).astype(np.int64), 0, N_SECTORS - 1)
    kind = probe.detector.diameter_inch[hits.pmt].astype(np.int64)

    def patch(inside: Bool[np.ndarray, " hit"], band: int, west: float, east: float) -> Patch:
        time = _traded(hits.time, np.where(inside, kind, -1), generator)
        change = probe.change(replace(hits, time=time), int(inside.sum()))
        advance(1)
        low, high = (2 * (band + i) / N_BANDS - 1 for i in (0, 1))
        return Patch(low, high, west, east, change)

    width = 360 / N_SECTORS
    bands = [patch(height == band, band, -180.0, 180.0) for band in range(N_BANDS)]
    parts = [
        patch((height == band) & (sector == s), band, s * width - 180, (s + 1) * width - 180)
        for band in range(N_BANDS)
        for s in range(N_SECTORS)
    ]
    return tuple(bands), tuple(parts)


def n_scorings(shares: int) -> int:
    """How often a whole analysis scores its events, for a progress bar."""
    return 2 * (len(TIME_EDGES) - 1) + N_BANDS * (1 + N_SECTORS) + shares


def _traded(values: np.ndarray, group: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Values permuted among hits of one group; those of group -1 stay."""
    traded = values.copy()
    for one in np.unique(group[group >= 0]):
        rows = np.flatnonzero(group == one)
        traded[rows] = values[generator.permutation(rows)]
    return traded
