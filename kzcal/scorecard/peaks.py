"""The peaks of times and charges: where they are for every PMT, and how wide they are at all.

PMTs differ in time offset and gain; each is first brought to the place of all of them together, so
that the width is that of a PMT and not that of the calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Shaped
from scipy.ndimage import gaussian_filter1d

from kzcal.scorecard.tally import CHARGE, TIME, Bins

Histograms = Shaped[np.ndarray, "pmt bin"]
EDGE, EDGE_WIDTH = (0.1, 0.7), 1.8060
"""Parts of its height between which the rise of a time peak is measured, and how many standard
deviations lie between them in a Gaussian edge."""
TOP_BINS, EDGE_SMOOTHING = 13, 2.0
"""Bins that make the height of a time peak; standard deviation that smooths its rise, bins."""
LARGEST_SHIFT, TIME_ROUNDS = 8.0, 3
"""Time offset that is looked for, ns, either way, and how often."""
TEMPLATE_SMOOTHING = 4.0
"""Of the shape that offsets are found with, bins: else a PMT with many hits fits itself best."""
CHARGE_REACH = (0.45, 0.6)
"""Below and above a charge peak what its place is found from, parts of its charge."""
ROUNDS = 6
FEWEST_HITS = 20
"""A PMT with fewer hits around its peak is left where it is, and left out of widths."""
FLOOR = (-16.0, -8.0)
"""Residuals before all light, ns."""
FIRST_WIDTH, MOST_BELOW, FIT_ROUNDS = 0.4, 0.5, 3
"""The single-p.e. peak is fitted one width to either side, but no further below than this part of
its place: there are the threshold and pulses that skipped a dynode."""


@dataclass(frozen=True, slots=True, eq=False)
class Cumulative:
    """Histograms that can be asked for sums up to any place, even within a bin.

    Args:
        counts: up to each edge.
        moments: the same, weighted by the place.
        bins: their bins.
    """

    counts: Float64[np.ndarray, "pmt edge"]
    moments: Float64[np.ndarray, "pmt edge"]
    bins: Bins

    @classmethod
    def of(cls, histograms: Histograms, bins: Bins) -> Cumulative:
        """From counts."""
        values = histograms.astype(np.float64)
        counts, moments = (
            np.pad(part.cumsum(1), ((0, 0), (1, 0))) for part in (values, values * bins.centres)
        )
        return cls(counts, moments, bins)

    def up_to(
        self, place: Float64[np.ndarray, "pmt place"], which: str = "counts"
    ) -> Float64[np.ndarray, "pmt place"]:
        """Sum up to places of each PMT's own; between edges in proportion."""
        table = getattr(self, which)
        position = np.clip((place - self.bins.first) / self.bins.step, 0, self.bins.n)
        low = np.minimum(position.astype(np.int64), self.bins.n - 1)
        below = np.take_along_axis(table, low, 1)
        above = np.take_along_axis(table, low + 1, 1)
        return np.asarray(below + (position - low) * (above - below))

    def mean(
        self, lower: Float64[np.ndarray, " pmt"], upper: Float64[np.ndarray, " pmt"]
    ) -> tuple[Float64[np.ndarray, " pmt"], Float64[np.ndarray, " pmt"]]:
        """Mean place of what lies between, and how much that is."""
        edges = np.stack([lower, upper], 1)
        number = np.diff(self.up_to(edges))[:, 0]
        return np.diff(self.up_to(edges, "moments"))[:, 0] / np.maximum(number, 1e-9), number


def top(histogram: Shaped[np.ndarray, " bin"], bins: Bins, smoothing: int = 5) -> float:
    """Where a histogram is highest, smoothed over some bins."""
    kernel = np.ones(smoothing) / smoothing
    smooth = np.convolve(histogram, kernel, mode="same")
    return float(bins.centres[np.argmax(smooth)])


def time_shifts(
    histograms: Histograms,
) -> tuple[Float64[np.ndarray, " pmt"], Bool[np.ndarray, " pmt"]]:
    """Most likely shift of each PMT's times, ns, and which PMTs have hits enough."""
    enough = histograms.sum(1) >= FEWEST_HITS
    reach = round(LARGEST_SHIFT / TIME.step)
    places = np.arange(TIME.n) - np.arange(-reach, reach + 1)[:, None]
    cumulative = Cumulative.of(histograms, TIME)
    shift = np.zeros(len(histograms))
    for _ in range(TIME_ROUNDS):
        shape = gaussian_filter1d(_aligned(cumulative, shift, enough) + 1, TEMPLATE_SMOOTHING)
        likelihood = np.log(shape / shape.sum())[np.clip(places, 0, TIME.n - 1)]
        found = _maximum(histograms @ likelihood.T) * TIME.step - LARGEST_SHIFT
        found -= np.average(found, weights=enough) if enough.any() else 0.0
        shift = np.where(enough, found, 0.0)
    return shift, enough


def _maximum(values: Float64[np.ndarray, "pmt shift"]) -> Float64[np.ndarray, " pmt"]:
    """Position of the largest of each row, by a parabola through its neighbours."""
    best = np.clip(values.argmax(1), 1, values.shape[1] - 2)
    left, highest, right = np.take_along_axis(values, best[:, None] + np.array([-1, 0, 1]), 1).T
    bend = np.minimum(left - 2 * highest + right, -1e-6)
    return np.asarray(best + np.clip(0.5 * (left - right) / bend, -1, 1))


def _aligned(
    cumulative: Cumulative, shift: Float64[np.ndarray, " pmt"], chosen: Bool[np.ndarray, " pmt"]
) -> Float64[np.ndarray, " bin"]:
    """Times of the chosen PMTs together, each less its shift."""
    edges = TIME.first + TIME.step * np.arange(TIME.n + 1)
    counts = np.diff(cumulative.up_to(edges + shift[:, None]))
    return np.asarray(counts[chosen].sum(0))


def charge_scales(
    histograms: Histograms,
) -> tuple[Float64[np.ndarray, " pmt"], Bool[np.ndarray, " pmt"]]:
    """Place of each PMT's single-p.e. peak over that of all, and which have hits enough."""
    peak = _charge_peak(histograms.sum(0))
    cumulative = Cumulative.of(histograms, CHARGE)
    everything = Cumulative.of(histograms.sum(0, keepdims=True), CHARGE)
    below, above = 1 - CHARGE_REACH[0], 1 + CHARGE_REACH[1]
    reference = everything.mean(np.array([peak * below]), np.array([peak * above]))[0]
    scale = np.ones(len(histograms))
    for _ in range(ROUNDS):
        mean, number = cumulative.mean(peak * scale * below, peak * scale * above)
        enough = number >= FEWEST_HITS
        scale = np.where(enough, mean / np.maximum(reference, CHARGE.step), 1.0)
    return scale, enough


def aligned_times(histograms: Histograms) -> Float64[np.ndarray, " bin"]:
    """Times of the PMTs that have hits enough, each brought to the place of all."""
    shift, enough = time_shifts(histograms)
    return _aligned(Cumulative.of(histograms, TIME), shift, enough)


def aligned_charges(histograms: Histograms) -> Float64[np.ndarray, " bin"]:
    """Charges of the PMTs that have hits enough, each brought to the scale of all."""
    scale, enough = charge_scales(histograms)
    edges = CHARGE.first + CHARGE.step * np.arange(CHARGE.n + 1)
    cumulative = Cumulative.of(histograms[enough], CHARGE)
    return np.asarray(np.diff(cumulative.up_to(edges * scale[enough, None])).sum(0))


def time_width(histograms: Histograms) -> float:
    """Width of the rise of light, as the standard deviation of a Gaussian edge, ns.

    The rise holds transit times, the scintillator's own rise and what the reconstruction adds; the
    fall after it is that of the scintillator alone. NaN without a peak.
    """
    counts = aligned_times(histograms)
    early = (FLOOR[0] < TIME.centres) & (TIME.centres < FLOOR[1])
    return _rise(counts - counts[early].mean())


def charge_width(histograms: Histograms) -> float:
    """Standard deviation of the single-p.e. peak over its place, by a parabola to its log.

    NaN without a peak.
    """
    counts = aligned_charges(histograms)
    if not counts.any():
        return float("nan")
    peak, width = _charge_peak(counts), FIRST_WIDTH
    for _ in range(FIT_ROUNDS):
        lower, upper = peak * (1 - min(width, MOST_BELOW)), peak * (1 + width)
        near = (CHARGE.centres > lower) & (CHARGE.centres < upper) & (counts > 0)
        if near.sum() < 4:
            return float("nan")
        weight = np.sqrt(counts[near])
        bend, slope, _ = np.polyfit(CHARGE.centres[near], np.log(counts[near]), 2, w=weight)
        if bend >= 0:
            return float("nan")
        peak = float(np.clip(-slope / (2 * bend), 0.5 * peak, 1.5 * peak))
        width = float(np.clip(np.sqrt(-0.5 / bend) / peak, 0.1, 1.0))
    return width


def _charge_peak(counts: Shaped[np.ndarray, " bin"]) -> float:
    """The peak of single photoelectrons: the top above a third of the mean charge, 5 bins."""
    mean = float((counts * CHARGE.centres).sum() / max(counts.sum(), 1))
    return top(np.where(CHARGE.centres > 0.5 * mean, counts, 0), CHARGE)


def _rise(counts: Float64[np.ndarray, " bin"]) -> float:
    """Time between two heights of the rise, over that of a unit Gaussian; NaN without a peak."""
    heights = np.convolve(counts, np.ones(TOP_BINS) / TOP_BINS, mode="same")
    best = int(np.argmax(heights))
    smooth = gaussian_filter1d(counts, EDGE_SMOOTHING)
    places = []
    for part in EDGE:
        level = part * heights[best]
        below = np.flatnonzero(smooth[:best] < level)
        if level <= 0 or not len(below):
            return float("nan")
        last = below[-1]
        places.append(last + (level - smooth[last]) / max(smooth[last + 1] - smooth[last], 1e-9))
    return float(TIME.step * (places[1] - places[0]) / EDGE_WIDTH)
