"""The first look at a run: dark hits, rough time offsets, and when light arrives.

One pass fills a histogram of time residuals for every PMT and energy class, and counts the hits
of forced triggers and of the time before the light.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.calibrate.stream import HitBatch, RunStream

ENERGY_CLASSES = (0.3, 0.48, 0.72, 1.0, 1.75)
"""Upper edges of the energy classes in MeV; the last class has none. Below 0.72 MeV light comes
from one point (alphas and betas); above, gammas spread it over some decimetres."""
POINT_LIKE = 3
FIRST, LAST, STEP = -40.0, 200.0, 0.5
N_BINS = round((LAST - FIRST) / STEP)
LIGHT_WINDOW = (-20.0, 200.0)
"""Residuals between which hits count as light, ns."""


def energy_class(energy: Float[Tensor, " event"]) -> Int[Tensor, " event"]:
    """Energy class of each event, 0 to ``len(ENERGY_CLASSES)``."""
    edges = torch.tensor(ENERGY_CLASSES, dtype=energy.dtype, device=energy.device)
    return torch.bucketize(energy, edges)


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
        arrival: share of each energy class's light that has arrived at the edges of the
            histogram's bins, dark hits taken off.
        n_events: used events.
    """

    dark: DarkCounts
    n_hits: Float[Tensor, " pmt"]
    offset: Float[Tensor, " pmt"]
    arrival: Float[Tensor, "energy_class edge"]
    n_events: int

    def arriving_within(
        self, residual: Float[Tensor, " hit"], kind: Int[Tensor, " hit"], duration: float
    ) -> Float[Tensor, " hit"]:
        """Share of the light of an energy class that arrives in ``duration`` ns after a hit."""
        return self._arrived(residual + duration, kind) - self._arrived(residual, kind)

    def _arrived(self, time: Float[Tensor, " hit"], kind: Int[Tensor, " hit"]) -> Tensor:
        position = ((time - FIRST) / STEP).clamp(0, N_BINS - 1e-3)
        low = position.long()
        index = kind * (N_BINS + 1) + low
        flat = self.arrival.reshape(-1)
        return torch.lerp(flat[index], flat[index + 1], position - low)


def survey(stream: RunStream) -> Survey:
    """Read the run once."""
    n_pmt, n_class = stream.detector.n_pmt, len(ENERGY_CLASSES) + 1
    device = stream.detector.device
    histogram = torch.zeros(n_pmt * n_class * N_BINS, device=device)
    dark = torch.zeros(n_pmt, device=device)
    kind = energy_class(stream.events.energy)
    for batch in stream.batches():
        dark += torch.bincount(batch.pmt[_dark_hits(batch, stream)], minlength=n_pmt)
        position = ((batch.residual - FIRST) / STEP).floor().long()
        light = batch.used & (position >= 0) & (position < N_BINS)
        cell = batch.pmt * n_class + kind[batch.rows][batch.event]
        index = (cell * N_BINS + position)[light]
        histogram += torch.bincount(index, minlength=len(histogram))
    dark_counts = DarkCounts(dark, _dark_livetime(stream))
    counts = histogram.reshape(n_pmt, n_class, N_BINS)
    first = round((LIGHT_WINDOW[0] - FIRST) / STEP)
    per_class = torch.bincount(kind[stream.events.used], minlength=n_class)
    n_hits = counts[:, :, first:].sum((1, 2))
    offset = rough_offsets(counts.sum(1), n_hits > 0)
    return Survey(
        dark=dark_counts,
        n_hits=n_hits,
        offset=offset,
        arrival=_arrival(counts, offset, dark_counts, per_class),
        n_events=int(stream.events.used.sum()),
    )


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
        log_shape = torch.log(mean / mean.sum())
        padded = functional.pad(log_shape[None], (n_shift, n_shift), mode="replicate")[0]
        templates = torch.stack(
            [padded[n_shift - int(s) : n_shift - int(s) + N_BINS] for s in shifts]
        )
        offset = _peak(histogram @ templates.T) * STEP - reach
        offset = offset - offset[alive].mean()
    return torch.where(alive, offset, 0.0)


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


def _arrival(
    counts: Float[Tensor, "pmt energy_class bin"],
    offset: Float[Tensor, " pmt"],
    dark: DarkCounts,
    events_per_class: Int[Tensor, " energy_class"],
) -> Float[Tensor, "energy_class edge"]:
    n_pmt, n_class, _ = counts.shape
    rows = counts.reshape(n_pmt * n_class, N_BINS)
    moved = shifted(rows, (-offset / STEP).repeat_interleave(n_class))
    total = moved.reshape(n_pmt, n_class, N_BINS).sum(0)
    floor = dark.rate.sum() * STEP * 1e-9 * events_per_class
    light = (total - floor[:, None]).clamp(min=0)
    light[:, : round((LIGHT_WINDOW[0] - FIRST) / STEP)] = 0
    cumulated = functional.pad(light.cumsum(1), (1, 0))
    return cumulated / cumulated[:, -1:].clamp(min=1)
