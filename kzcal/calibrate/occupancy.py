r"""Relative efficiency of every PMT from how often it is hit.

In an event of light :math:`s_j` photoelectrons arrive at PMT i as a Poisson process of mean
:math:`\mu_{ij} = s_j q_i a(d_{ij}, \theta_{ij})`. After a pulse the PMT takes up what arrives
within the merging time, so pulses are counted with a live share
:math:`\ell_{ij} = 1 - \sum_k \left(F(t_k + T) - F(t_k)\right)` over the pulses k of the pair,
F being the arrival-time distribution. The likelihood of a pulse count with that live share is a
Poisson one, hence

.. math:: \hat q_i = \frac{N_i - D_i}{\sum_j s_j a_{ij} \ell_{ij}}

with the dark counts D, and the same for :math:`s_j` and for the factor in each cell of the
acceptance. The three are repeated in turn until they agree. One standard deviation of
:math:`\ln q_i` is :math:`\sqrt{N_i} / (N_i - D_i)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.calibrate.arrivals import Arrivals
from kzcal.calibrate.light_model import LightModel, dense_share
from kzcal.calibrate.stream import HitBatch, RunStream
from kzcal.calibrate.survey import LIGHT_WINDOW, Survey
from kzcal.optics.acceptance import N_CELLS, Sightline, cell_of, sightline

EVENTS_AT_ONCE = 512
WINDOW_S = (LIGHT_WINDOW[1] - LIGHT_WINDOW[0]) * 1e-9


@dataclass(frozen=True, slots=True)
class OccupancySums:
    """What one pass adds up.

    Args:
        counted: pulses in the light window, dark ones taken off.
        expected: pulses that efficiency one would give.
        raw: pulses in the light window.
        cell_counted: pulses by cell of the acceptance, dark ones taken off.
        cell_expected: expected pulses by cell.
        pull: vector sum of vertices over pulses less its expectation, m.
        spread: covariance of that sum if the PMT is where it should be, m^2.
    """

    counted: Float[Tensor, " pmt"]
    expected: Float[Tensor, " pmt"]
    raw: Float[Tensor, " pmt"]
    cell_counted: Float[Tensor, "type cell"]
    cell_expected: Float[Tensor, "type cell"]
    pull: Float[Tensor, "pmt 3"]
    spread: Float[Tensor, "pmt 3 3"]

    @classmethod
    def zeros(cls, n_pmt: int, device: torch.device) -> OccupancySums:
        """Nothing added yet."""

        def zero(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device)

        return cls(
            counted=zero(n_pmt),
            expected=zero(n_pmt),
            raw=zero(n_pmt),
            cell_counted=zero(2, N_CELLS),
            cell_expected=zero(2, N_CELLS),
            pull=zero(n_pmt, 3),
            spread=zero(n_pmt, 3, 3),
        )


def fit_occupancy(
    stream: RunStream,
    first_look: Survey,
    counting: Bool[Tensor, " pmt"],
    start: LightModel,
    arrivals: Arrivals,
    *,
    passes: int,
) -> tuple[LightModel, OccupancySums]:
    """Efficiency, light and acceptance that agree with each other.

    Args:
        stream: the run.
        first_look: its dark rates and rough offsets.
        counting: PMTs that take part in the light of the events and in the acceptance.
        start: where to start.
        arrivals: when light arrives.
        passes: how often to read the run.
    """
    model = start
    for _ in range(passes):
        model, sums = _one_pass(stream, first_look, counting, model, arrivals)
        efficiency = sums.counted / sums.expected.clamp(min=1e-9)
        acceptance = model.acceptance.updated(sums.cell_counted, sums.cell_expected)
        model = LightModel(
            normalised(efficiency, counting, stream.detector.kind), model.light, acceptance
        )
    return model, sums


def normalised(
    values: Float[Tensor, " pmt"], counting: Bool[Tensor, " pmt"], kind: Tensor
) -> Float[Tensor, " pmt"]:
    """Values over their mean over the counting PMTs of each type."""
    out = values.clone()
    for k in torch.unique(kind):
        chosen = kind == k
        if bool((chosen & counting).any()):
            out[chosen] = values[chosen] / values[chosen & counting].mean()
    return out


def _one_pass(
    stream: RunStream,
    first_look: Survey,
    counting: Bool[Tensor, " pmt"],
    model: LightModel,
    arrivals: Arrivals,
) -> tuple[LightModel, OccupancySums]:
    n_pmt, device = stream.detector.n_pmt, stream.detector.device
    sums = OccupancySums.zeros(n_pmt, device)
    light = torch.zeros_like(model.light)
    step = _PassStep(stream, first_look, counting, model, arrivals, sums, light)
    for batch in stream.batches():
        step.add(batch)
    return replace(model, light=light), sums


@dataclass(frozen=True, slots=True)
class _PassStep:
    """Adds batches of hits to the sums of one pass and solves for the light of their events."""

    stream: RunStream
    first_look: Survey
    counting: Bool[Tensor, " pmt"]
    model: LightModel
    arrivals: Arrivals
    sums: OccupancySums
    light: Float[Tensor, " event"]

    def add(self, batch: HitBatch) -> None:
        """Add the hits of a batch, some hundred events at a time."""
        lower, upper = LIGHT_WINDOW
        residual = batch.residual - self.first_look.offset[batch.pmt]
        chosen = batch.used & (residual > lower) & (residual < upper)
        dead = self.arrivals.ahead(batch, self.stream, residual)[chosen]
        event, pmt = batch.event[chosen], batch.pmt[chosen]
        view = Sightline(batch.view.distance[chosen], batch.view.cosine[chosen])
        n_events = batch.rows.stop - batch.rows.start
        edges = torch.arange(0, n_events + EVENTS_AT_ONCE, EVENTS_AT_ONCE, device=event.device)
        cuts = torch.searchsorted(event, edges.clamp(max=n_events)).tolist()
        for i, (a, b) in enumerate(pairwise(cuts)):
            first = i * EVENTS_AT_ONCE
            rows = slice(
                batch.rows.start + first,
                min(batch.rows.start + first + EVENTS_AT_ONCE, batch.rows.stop),
            )
            hits = Sightline(view.distance[a:b], view.cosine[a:b])
            self._add_events(rows, event[a:b] - first, pmt[a:b], dead[a:b], hits)

    def _add_events(
        self, rows: slice, event: Tensor, pmt: Tensor, dead: Tensor, hits: Sightline
    ) -> None:
        detector, model, sums = self.stream.detector, self.model, self.sums
        used = self.stream.events.used[rows].float()
        vertex = self.stream.events.vertex[rows]
        view = sightline(vertex, detector.direction, detector.radius)
        share = dense_share(model.acceptance, view, self.stream) * used[:, None]
        dead_share = share[event, pmt] * dead
        counting = self.counting.float()
        weight = model.efficiency * counting
        dark_rate = self.first_look.dark.rate
        dark = float((dark_rate * counting).sum()) * WINDOW_S
        n_events = len(used)
        counted = torch.bincount(event, weights=counting[pmt], minlength=n_events) - dark
        expected = share @ weight - torch.bincount(
            event, weights=dead_share * weight[pmt], minlength=n_events
        )
        light = (counted / expected.clamp(min=1e-9)).clamp(min=0) * used
        self.light[rows] = light
        one = light[event] * dead_share
        sums.expected.add_(light @ share - torch.bincount(pmt, one, minlength=len(weight)))
        raw = torch.bincount(pmt, minlength=len(weight)).float()
        background = dark_rate * WINDOW_S
        sums.raw.add_(raw)
        sums.counted.add_(raw - background * used.sum())
        full = share.mul_(light[:, None]).mul_(model.efficiency)
        self._add_cells(view, full, hits, pmt, one * model.efficiency[pmt], background, used)
        self._add_moments(vertex, full, event, pmt, one * model.efficiency[pmt], background, used)

    def _add_cells(
        self,
        view: Sightline,
        full: Tensor,
        hits: Sightline,
        pmt: Tensor,
        dead: Tensor,
        background: Tensor,
        used: Tensor,
    ) -> None:
        """Pulses and expected pulses by cell of the acceptance, for each type."""
        kinds, dense, hit = self.stream.detector.kind, cell_of(view), cell_of(hits)
        counting = self.counting
        for k in range(len(self.sums.cell_counted)):
            columns = counting & (kinds == k)
            chosen = columns[pmt]
            cells = dense[:, columns].reshape(-1)
            light = torch.bincount(cells, full[:, columns].reshape(-1), N_CELLS)
            dark = (background[columns] * used[:, None]).reshape(-1)
            self.sums.cell_expected[k].add_(
                light - torch.bincount(hit[chosen], dead[chosen], N_CELLS)
            )
            self.sums.cell_counted[k].add_(
                torch.bincount(hit[chosen], minlength=N_CELLS)
                - torch.bincount(cells, dark, N_CELLS)
            )

    def _add_moments(
        self,
        vertex: Tensor,
        full: Tensor,
        event: Tensor,
        pmt: Tensor,
        dead: Tensor,
        background: Tensor,
        used: Tensor,
    ) -> None:
        """Where the vertices of a PMT's pulses lie, against where they should lie."""
        n_pmt = full.shape[1]
        expected = full + background * used[:, None]
        excess = torch.zeros(n_pmt, 3, device=full.device)
        excess.index_add_(0, pmt, vertex[event] * (1 + dead)[:, None])
        self.sums.pull.add_(excess - expected.T @ vertex)
        outer = (vertex[:, :, None] * vertex[:, None, :]).reshape(-1, 9)
        self.sums.spread.add_((expected.T @ outer).reshape(n_pmt, 3, 3))


DISTANCE_EDGES = (1.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 15.5)


def occupancy_by_distance(
    stream: RunStream, first_look: Survey, model: LightModel, arrivals: Arrivals
) -> tuple[Float[Tensor, "pmt distance"], Float[Tensor, "pmt distance"]]:
    """Hits of every PMT by distance of the event, and what the light model expects."""
    n_pmt, n_bins = stream.detector.n_pmt, len(DISTANCE_EDGES) - 1
    device = stream.detector.device
    edges = torch.tensor(DISTANCE_EDGES[1:-1], device=device)
    counted = torch.zeros(n_pmt * n_bins, device=device)
    expected = torch.zeros(n_pmt * n_bins, device=device)
    background = first_look.dark.rate * WINDOW_S
    base = torch.arange(n_pmt, device=device) * n_bins
    lower, upper = LIGHT_WINDOW
    for batch in stream.batches():
        residual = batch.residual - first_look.offset[batch.pmt]
        chosen = batch.used & (residual > lower) & (residual < upper)
        dead = model.of_hits(batch, stream) * arrivals.ahead(batch, stream, residual)
        index = (base[batch.pmt] + torch.bucketize(batch.view.distance, edges))[chosen]
        counted += torch.bincount(index, minlength=len(counted))
        expected -= torch.bincount(index, dead[chosen], minlength=len(expected))
        for first in range(batch.rows.start, batch.rows.stop, EVENTS_AT_ONCE):
            rows = slice(first, min(first + EVENTS_AT_ONCE, batch.rows.stop))
            used = stream.events.used[rows].float()[:, None]
            vertex, detector = stream.events.vertex[rows], stream.detector
            view = sightline(vertex, detector.direction, detector.radius)
            mean = dense_share(model.acceptance, view, stream) * model.light[rows][:, None]
            total = (mean * model.efficiency + background) * used
            place = base + torch.bucketize(view.distance, edges)
            expected += torch.bincount(place.reshape(-1), total.reshape(-1), len(expected))
    return counted.reshape(n_pmt, n_bins), expected.reshape(n_pmt, n_bins)
