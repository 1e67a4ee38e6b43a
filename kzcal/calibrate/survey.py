"""The first look at a run: dark hits, rough time offsets, and when light arrives.

A first pass fills a histogram of time residuals for every PMT and counts the hits of forced
triggers and of the time before the light. A second one, with the rough offsets taken off, finds
how light of each energy class arrives at each distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, Arrivals, arrival_cell
from kzcal.calibrate.stream import HitBatch, RunStream

FIRST, LAST, STEP = -40.0, 200.0, 0.5
N_BINS = round((LAST - FIRST) / STEP)
LIGHT_WINDOW = (-20.0, 200.0)
"""Residuals between which hits count as light, ns."""


@dataclass(frozen=True, slots=True)
class DarkCounts:
    """Hits where no light is.

    Args:
        counts: hits of each PMT.
        livetime: time in which they were counted, the same for all PMTs, s.
    """

    counts: Float[Tensor, " pmt"]
    livetime: float

    @property
    def rate(self) -> Float[Tensor, " pmt"]:
        """Dark rate above threshold, Hz."""
        return self.counts / self.livetime

    @property
    def error(self) -> Float[Tensor, " pmt"]:
        """One standard deviation of the rate, Hz; of one count for a PMT that had none."""
        return self.counts.clamp(min=1).sqrt() / self.livetime


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first pass finds.

    Args:
        dark: hits where no light is.
        n_hits: hits of each PMT in the light window of the used events.
        offset: rough time offset of each PMT against the mean, ns.
        arrivals: when hits come; of light that makes several hits, later ones are rarer here.
        n_events: used events.
    """

    dark: DarkCounts
    n_hits: Float[Tensor, " pmt"]
    offset: Float[Tensor, " pmt"]
    arrivals: Arrivals
    n_events: int


def survey(stream: RunStream) -> Survey:
    """Read the run twice."""
    n_pmt, device = stream.detector.n_pmt, stream.detector.device
    histogram = torch.zeros(n_pmt * N_BINS, device=device)
    dark = torch.zeros(n_pmt, device=device)
    for batch in stream.batches():
        dark += torch.bincount(batch.pmt[_dark_hits(batch, stream)], minlength=n_pmt)
        index = _binned(batch, batch.residual, batch.pmt)
        histogram += torch.bincount(index, minlength=len(histogram))
    dark_counts = DarkCounts(dark, _dark_livetime(stream))
    counts = histogram.reshape(n_pmt, N_BINS)
    n_hits = counts[:, round((LIGHT_WINDOW[0] - FIRST) / STEP) :].sum(1)
    offset = rough_offsets(counts, n_hits > 0)
    return Survey(
        dark=dark_counts,
        n_hits=n_hits,
        offset=offset,
        arrivals=_arrivals(stream, offset),
        n_events=int(stream.events.used.sum()),
    )


def _binned(
    batch: HitBatch, residual: Float[Tensor, " hit"], row: Int[Tensor, " hit"]
) -> Int[Tensor, " light"]:
    """Flat index (row, time bin) of the hits of used events within the histogram."""
    position = ((residual - FIRST) / STEP).floor().long()
    light = batch.used & (position >= 0) & (position < N_BINS)
    return (row * N_BINS + position)[light]


def _dark_hits(batch: HitBatch, stream: RunStream) -> Bool[Tensor, " hit"]:
    return batch.forced | (batch.used & (batch.time < -stream.config.dark_margin))


def _dark_livetime(stream: RunStream) -> float:
    """Time in which dark hits were counted, s."""
    header, events = stream.source.header, stream.events
    livetime = 0.0
    if header.forced_window_ns is not None:
        lower, upper = header.forced_window_ns
        livetime += float(events.forced.sum()) * (upper - lower)
    if header.physics_window_ns is not None:
        before = events.t0[events.used] - stream.config.dark_margin - header.physics_window_ns[0]
        livetime += float(before.double().clamp(min=0).sum())
    return max(livetime, 1e-3) * 1e-9


def rough_offsets(
    histogram: Float[Tensor, "pmt bin"], alive: Bool[Tensor, " pmt"], *, reach: float = 20.0
) -> Float[Tensor, " pmt"]:
    """Shift of each PMT's residuals that fits the mean shape best, ns, by cross-correlation."""
    n_shift = round(reach / STEP)
    shifts = torch.arange(-n_shift, n_shift + 1, device=histogram.device)
    offset = torch.zeros(len(histogram), device=histogram.device)
    for _ in range(3):
        mean = shifted(histogram[alive], -offset[alive] / STEP).sum(0) + 1
        log_shape = torch.log(_smooth(mean / mean.sum()))
        padded = functional.pad(log_shape[None], (n_shift, n_shift), mode="replicate")[0]
        templates = torch.stack(
            [padded[n_shift - int(s) : n_shift - int(s) + N_BINS] for s in shifts]
        )
        offset = _peak(histogram @ templates.T) * STEP - reach
        offset = offset - offset[alive].mean()
    return torch.where(alive, offset, 0.0)


def _smooth(shape: Float[Tensor, " bin"], width: float = 2.0) -> Float[Tensor, " bin"]:
    """A Gaussian mean over bins: without it a row that is much of the mean fits itself best."""
    reach = math.ceil(4 * width)
    bins = torch.arange(-reach, reach + 1, dtype=shape.dtype, device=shape.device)
    kernel = torch.exp(-0.5 * (bins / width) ** 2)
    padded = functional.pad(shape[None, None], (reach, reach), mode="replicate")
    return functional.conv1d(padded, (kernel / kernel.sum())[None, None])[0, 0]


def _peak(values: Float[Tensor, "pmt shift"]) -> Float[Tensor, " pmt"]:
    """Position of the largest value of each row, by a parabola through its neighbours."""
    best = values.argmax(1).clamp(1, values.shape[1] - 2)
    rows = torch.arange(len(values), device=values.device)
    left, top, right = values[rows, best - 1], values[rows, best], values[rows, best + 1]
    curvature = (left - 2 * top + right).clamp(max=-1e-6)
    return best + (0.5 * (left - right) / curvature).clamp(-1, 1)


def shifted(
    histogram: Float[Tensor, "pmt bin"], bins: Float[Tensor, " pmt"]
) -> Float[Tensor, "pmt bin"]:
    """Each row moved to later bins by a fractional number of bins, ends repeated."""
    n_bins = histogram.shape[1]
    position = torch.arange(n_bins, device=histogram.device) - bins[:, None]
    low = position.floor()
    index = low.long().clamp(0, n_bins - 1)
    above = (index + 1).clamp(max=n_bins - 1)
    return torch.lerp(histogram.gather(1, index), histogram.gather(1, above), position - low)


def _arrivals(stream: RunStream, offset: Float[Tensor, " pmt"]) -> Arrivals:
    """Arrival times of hits; the floor under them is that of the time before the light."""
    shape = (N_ENERGY, N_DISTANCE, N_BINS)
    total = torch.zeros(N_ENERGY * N_DISTANCE * N_BINS, device=offset.device)
    for batch in stream.batches():
        residual = batch.residual - offset[batch.pmt]
        index = _binned(batch, residual, arrival_cell(batch, stream))
        total += torch.bincount(index, minlength=len(total))
    counts = total.reshape(shape)
    before = round((LIGHT_WINDOW[0] - FIRST) / STEP)
    floor = counts[..., :before].mean(-1, keepdim=True)
    light = (counts - floor).clamp(min=0)
    light[..., :before] = 0
    return Arrivals.of(light, FIRST, STEP)
