"""A small graph network that judges hits: each hit looks at hits of the PMTs next to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.optics.acceptance import Sightline, sightline_of_hits
from kzcal.scorecard.classifiers import auc
from kzcal.scorecard.sphere import nearest
from kzcal.scorecard.tally import EVENTS_AT_ONCE

N_NEIGHBOURS, CHANNELS, EPOCHS, BATCH = 8, 16, 8, 25
"""PMTs that a hit looks at; width of the network; passes over the events; events of each file that
a step sees."""
LEARNING_RATE = 5e-3
N_INPUT = 5


@dataclass(frozen=True, slots=True, eq=False)
class HitGraph:
    """Light of events, hit by hit.

    Args:
        offsets: hits of event i are rows offsets[i] to offsets[i + 1] - 1.
        hit: log charge, residual, type of PMT, distance and incidence, each of order one.
        pair: rows of two hits of one event whose PMTs are next to each other; the first ascend.
    """

    offsets: Int[Tensor, " event_plus_1"]
    hit: Float[Tensor, "hit input"]
    pair: Int[Tensor, "2 pair"]

    @classmethod
    def of(
        cls, events: Events, detector: Detector, config: CalibrationConfig, device: torch.device
    ) -> HitGraph:
        """Hits within the light of physics events."""
        view, residual, pmt, row = _seen(events, detector, config)
        inside = (residual > LIGHT_WINDOW[0]) & (residual < LIGHT_WINDOW[1])
        charge = torch.from_numpy(np.ascontiguousarray(events.hits.charge))
        is_large = torch.from_numpy((detector.diameter_inch == 20).astype(np.float32))
        columns = (
            torch.log(charge.clamp(min=0.05)),
            residual.clamp(-20, 60) / 10,
            is_large[pmt],
            (view.distance - 8) / 3,
            (view.cosine - 0.85) * 5,
        )
        hit = torch.stack(columns, 1)[inside]
        counts = torch.bincount(row[inside], minlength=len(events))
        offsets = functional.pad(counts.cumsum(0), (1, 0))
        nearby = torch.from_numpy(nearest(detector.directions, N_NEIGHBOURS))
        pair = _hits_nearby(row[inside], pmt[inside], nearby, len(events))
        return cls(*(part.to(device) for part in (offsets, hit, pair)))

    def of_events(self, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """Hits of consecutive events, pairs of them counted from the first, and their event."""
        start, stop = self.offsets[first], self.offsets[last]
        edges = torch.searchsorted(self.pair[0].contiguous(), torch.stack([start, stop]))
        counts = self.offsets[first : last + 1].diff()
        event = torch.repeat_interleave(torch.arange(last - first, device=start.device), counts)
        return self.hit[start:stop], self.pair[:, edges[0] : edges[1]] - start, event


def graph_auc(first: HitGraph, second: HitGraph, *, seed: int) -> float:
    """Area under the curve between as many events of either, each judged by what others taught."""
    n = len(first.offsets) - 1
    size = min(BATCH, n // 2)
    batches = [(start, min(start + size, n)) for start in range(0, n, size)]
    areas = []
    for fold in range(2):
        network = _learned(first, second, batches[1 - fold :: 2], seed + fold)
        with torch.no_grad():
            scores = [_scores(network, batch, (first, second)) for batch in batches[fold::2]]
        mine, other = (torch.cat(part).cpu().numpy() for part in zip(*scores, strict=True))
        areas.append(auc(mine, other))
    return float(np.mean(areas))


def _learned(
    first: HitGraph, second: HitGraph, batches: Sequence[tuple[int, int]], seed: int
) -> list[Tensor]:
    """Weights after training."""
    generator = torch.Generator().manual_seed(seed)
    network = list(_drawn(generator, first.hit.device))
    optimiser = torch.optim.Adam(network, lr=LEARNING_RATE, weight_decay=1e-4)
    n_steps = EPOCHS * len(batches)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=n_steps)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(batches), generator=generator).tolist():
            mine, other = _scores(network, batches[index], (first, second))
            loss = functional.softplus(-mine).mean() + functional.softplus(other).mean()
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return network


def _drawn(generator: torch.Generator, device: torch.device) -> Iterator[Tensor]:
    """First weights and biases of the layers: hits, hits with their neighbours, events."""
    shapes = ((N_INPUT, CHANNELS), (2 * CHANNELS + 1, CHANNELS), (2 * CHANNELS + 1, CHANNELS))
    for n_in, n_out in (*shapes, (CHANNELS, 1)):
        weight = torch.randn(n_in, n_out, generator=generator) * (2 / n_in) ** 0.5
        yield weight.to(device).requires_grad_()
        yield torch.zeros(n_out, device=device, requires_grad=True)


def _scores(
    network: Sequence[Tensor], batch: tuple[int, int], graphs: tuple[HitGraph, HitGraph]
) -> tuple[Tensor, Tensor]:
    """Logits of the same rows of events of both."""
    mine, other = (_forward(network, *graph.of_events(*batch), batch) for graph in graphs)
    return mine, other


def _forward(
    network: Sequence[Tensor], hit: Tensor, pair: Tensor, event: Tensor, batch: tuple[int, int]
) -> Tensor:
    """Logit of each event: hits, then hits with their neighbours, then means over the event."""
    w1, b1, w2, b2, w3, b3, w4, b4 = network
    own = functional.silu(hit @ w1 + b1)
    count = torch.bincount(pair[0], minlength=len(hit))[:, None]
    around = torch.zeros_like(own).index_add(0, pair[0], own[pair[1]]) / count.clamp(min=1)
    both = functional.silu(torch.cat([own, around, count / N_NEIGHBOURS], 1) @ w2 + b2)
    n_event = batch[1] - batch[0]
    number = torch.bincount(event, minlength=n_event).clamp(min=1)[:, None]
    sums = torch.zeros(n_event, 2 * CHANNELS, device=hit.device)
    sums = sums.index_add(0, event, torch.cat([own, both], 1)) / number
    pooled = torch.cat([sums, torch.log(number) - 5], 1)
    return (functional.silu(pooled @ w3 + b3) @ w4 + b4)[:, 0]


def _seen(
    events: Events, detector: Detector, config: CalibrationConfig
) -> tuple[Sightline, Tensor, Tensor, Tensor]:
    """Sightline, residual, PMT and event of every hit."""
    row = torch.from_numpy(events.hits.event_index)
    pmt = torch.from_numpy(events.hits.pmt.astype(np.int64))
    direction = torch.from_numpy(detector.directions.astype(np.float32))
    vertex, t0 = (torch.from_numpy(np.nan_to_num(part)) for part in (events.vertex, events.t0))
    view = sightline_of_hits(vertex[row], direction[pmt], detector.pmt_radius)
    time = torch.from_numpy(np.ascontiguousarray(events.hits.time)) - t0[row]
    return view, time - view.distance / config.light_speed, pmt, row


def _hits_nearby(
    event: Int[Tensor, " hit"],
    pmt: Int[Tensor, " hit"],
    nearby: Int[Tensor, "pmt neighbour"],
    n_event: int,
) -> Int[Tensor, "2 pair"]:
    """Pairs of a hit and a hit of a nearby PMT in the same event, some events at a time."""
    found = [torch.zeros(2, 0, dtype=torch.int64)]
    bounds = torch.searchsorted(event, torch.arange(0, n_event + EVENTS_AT_ONCE, EVENTS_AT_ONCE))
    for first, (start, stop) in enumerate(pairwise(bounds.tolist())):
        mine, tube = event[start:stop] - first * EVENTS_AT_ONCE, pmt[start:stop]
        table = torch.full((EVENTS_AT_ONCE, len(nearby)), -1)
        table[mine, tube] = torch.arange(start, stop)
        near = table[mine[:, None], nearby[tube]]
        hit, column = torch.nonzero(near >= 0, as_tuple=True)
        found.append(torch.stack([hit + start, near[hit, column]]))
    return torch.cat(found, 1)
