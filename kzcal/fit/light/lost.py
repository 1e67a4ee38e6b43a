"""Light that PMTs lose while they are busy behind a pulse, hit by hit.

Behind a pulse of a PMT that expects so much light, its merging time takes up a share of it. By the
times of hits and the calibration's arrivals that share is 3 to 5 % off: a tenth of a nanosecond is
one per cent, and arrivals are those of an energy class, whose decays differ. What light traced for
the samples tells (kzcal.fit.light.traced_pairs) needs no times: a pulse counts with the mean over
the times at which pulses begin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.calibrate.arrivals import DISTANCE_EDGES, N_DISTANCE, class_of
from kzcal.calibrate.occupancy import WINDOW_S
from kzcal.calibrate.stream import HitBatch
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.fit.light.pileup import between_means
from kzcal.fit.run import CalibratedRun

N_TYPE = 2
RADII = (3.8, 4.8)
"""Between shells of which light comes otherwise even from as far, m: of equal volume to 5.5 m."""
N_PLACE = (len(RADII) + 1) * N_DISTANCE
"""Places that a PMT is seen from: shells of radius and classes of distance."""


def place_of(
    run: CalibratedRun, row: Int[Tensor, " pair"], distance: Float[Tensor, " pair"]
) -> Int[Tensor, " pair"]:
    """Place of pairs of event and PMT at distances [m]; that of the distance varies fastest."""
    radius = run.stream.events.vertex[row].norm(dim=1)
    return class_of(radius, RADII) * N_DISTANCE + class_of(distance, DISTANCE_EDGES)


def in_light(batch: HitBatch, run: CalibratedRun) -> Bool[Tensor, " hit"]:
    """Which hits are in the light window."""
    residual = batch.residual - run.result.survey.offset[batch.pmt]
    return (residual > LIGHT_WINDOW[0]) & (residual < LIGHT_WINDOW[1])


def lost_behind(
    batch: HitBatch, run: CalibratedRun, light: Float[Tensor, " hit"]
) -> Float[Tensor, " hit"]:
    """Light lost behind hits, of which no hit tells itself, and dark hits lost there."""
    number = torch.bincount(batch.event[in_light(batch, run) & (run.weight[batch.pmt] > 0)])
    n = functional.pad(number, (0, batch.rows.stop - batch.rows.start - len(number)))
    dark = run.result.survey.dark.rate[batch.pmt] * (run.stream.config.merging_time * 1e-9)
    return without_own(light, n.to(light.dtype)[batch.event]) + dark


def without_own(
    behind: Float[Tensor, " hit"], number: Float[Tensor, " hit"]
) -> Float[Tensor, " hit"]:
    """What is lost behind hits if the light of their event was found from all its hits.

    More hits and more light for each go together. With d lost behind each, the light found is off
    by what hits with their losses, 1 + d each, have more than expected, over n. That excess has
    the variance of the hits, but hits of a busy PMT follow it to 1 / (1 + d) only: of n hits each
    makes 1 / (n (1 + d)) too much; exactly so for even light, and to a seventh for a flash where
    d is 0.8.

    Args:
        behind: mean of the light lost behind each hit, as the light found has it, in
            photoelectrons above threshold.
        number: of hits of its event.
    """
    return behind * (1 - 1 / (number.clamp(min=1) * (1 + behind)))


@dataclass(frozen=True, slots=True, eq=False)
class LostByTime:
    """From the time of every hit and the calibration's arrivals, which know no samples.

    Args:
        run: the calibrated run.
    """

    run: CalibratedRun

    def behind(self, batch: HitBatch) -> Float[Tensor, " hit"]:
        """Mean number lost behind each hit, in photoelectrons above threshold."""
        result, stream = self.run.result, self.run.stream
        residual = batch.residual - result.survey.offset[batch.pmt]
        ahead = result.arrivals.ahead(batch, stream, residual)
        return lost_behind(batch, self.run, result.light.of_hits(batch, stream) * ahead)


@dataclass(frozen=True, slots=True, eq=False)
class LostByTrace:
    """From light traced for a run's samples.

    Args:
        run: the calibrated run.
        sample: of every event; -1 for none.
        share: light lost behind a pulse over what the light model expects, at MEANS of it.
        amount: true light over that of the model.
    """

    run: CalibratedRun
    sample: Int[Tensor, " event"]
    share: Float[Tensor, "sample type place mean"]
    amount: Float[Tensor, "sample type"]

    def behind(self, batch: HitBatch) -> Float[Tensor, " hit"]:
        """Mean number lost behind each hit, in photoelectrons above threshold.

        A dark hit comes at any time of the window. Events of no sample have what the times of
        their hits say.
        """
        run, stream = self.run, self.run.stream
        by_time = LostByTime(run).behind(batch)
        sample = self.sample[batch.rows][batch.event]
        known = torch.nonzero(sample >= 0)[:, 0]
        if not len(known):
            return by_time
        mean, pmt = run.result.light.of_hits(batch, stream), batch.pmt[known]
        group = sample[known] * N_TYPE + stream.detector.kind[pmt]
        row = batch.event[known] + batch.rows.start
        place = place_of(run, row, batch.view.distance[known])
        own = mean[known]
        light = own * between_means(self.share, own, group * N_PLACE + place)
        window = LIGHT_WINDOW[1] - LIGHT_WINDOW[0]
        any_time = own * (stream.config.merging_time / window)
        dark = run.result.survey.dark.rate[pmt] * WINDOW_S
        lost = mean.clone()
        of_each = (own * light + dark * any_time) / (own + dark).clamp(min=1e-12)
        lost[known] = (of_each * self.amount.reshape(-1)[group]).to(mean)
        return torch.where(sample >= 0, lost_behind(batch, run, lost), by_time)

    def settled(self, expected: Float[Tensor, "sample type"]) -> LostByTrace:
        """With the amount of light that the hits have together with what is lost behind them.

        The calibration found the light of events with other losses. One pass over the run.

        Args:
            expected: light of the events in the good PMTs of each type, by the light model.
        """
        run, stream = self.run, self.run.stream
        n_hits, lost = torch.zeros_like(expected), torch.zeros_like(expected)
        for batch in stream.batches():
            sample = self.sample[batch.rows][batch.event]
            chosen = (sample >= 0) & (run.weight[batch.pmt] > 0) & in_light(batch, run)
            group = (sample * N_TYPE + stream.detector.kind[batch.pmt])[chosen]
            n_hits.view(-1).add_(torch.bincount(group, minlength=n_hits.numel()))
            behind = self.behind(batch)[chosen].double()
            lost.view(-1).add_(torch.bincount(group, behind, lost.numel()))
        n_events = torch.bincount(self.sample[self.sample >= 0], minlength=len(expected))
        rate = run.result.survey.dark.rate.double() * (run.weight > 0) * WINDOW_S
        dark = torch.bincount(stream.detector.kind, rate, N_TYPE)
        light = n_hits - n_events[:, None] * dark
        settled = torch.where(light > 0, light / (expected - lost).clamp(min=1.0), 1.0)
        return replace(self, amount=self.amount * settled)
