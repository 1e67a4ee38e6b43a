"""Where a fit of vertex, energy and time begins."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.reconstruct.likelihood import HitTable
from kzcal.response.merging import by_group_then_time

CORE = 50.0
"""Hits this close to the median time are mostly light, ns."""
STRETCH = 1.5
"""A vertex lies about so much farther out than the mean place of its hits: for isotropic light on
a sphere of radius R seen from near its centre the mean place is 2/3 of the vertex."""
DELAY = 8.0
"""From the emission time to the median residual of scintillation light, ns."""
BEFORE, AFTER = 35.0, 120.0
"""Residuals of the hits that take part, about the first emission time, ns."""


def seeds(
    hits: HitTable,
    place: Float[Tensor, "pmt 3"],
    n_events: int,
    *,
    speed: float,
    largest_radius: float,
) -> tuple[Float[Tensor, "event 3"], Float[Tensor, " event"]]:
    """Vertex [m] and emission time [ns] from the charge-weighted mean place and median times.

    Args:
        hits: all hits of the events.
        place: of the PMTs, m.
        n_events: number of events, each with a hit.
        speed: of light, m/ns.
        largest_radius: of a first vertex, m.
    """
    middle = _medians(hits.time, hits.event, n_events)
    core = torch.nonzero((hits.time - middle[hits.event]).abs() < CORE)[:, 0]
    event, pmt = hits.event[core], hits.pmt[core]
    weight = hits.charge[core].clamp(0.3, 5.0)
    total = torch.zeros(n_events, device=place.device).index_add(0, event, weight)
    moment = torch.zeros(n_events, 3, device=place.device)
    moment = moment.index_add(0, event, weight[:, None] * place[pmt])
    vertex = STRETCH * moment / total[:, None]
    radius = vertex.norm(dim=1, keepdim=True)
    vertex = vertex * (largest_radius / radius.clamp(min=largest_radius))
    flight = (vertex[event] - place[pmt]).norm(dim=1) / speed
    return vertex, _medians(hits.time[core] - flight, event, n_events) - DELAY


def _medians(
    values: Float[Tensor, " hit"], event: Int[Tensor, " hit"], n_events: int
) -> Float[Tensor, " event"]:
    """Median of each event's values; every event has one."""
    counts = torch.bincount(event, minlength=n_events)
    first = counts.cumsum(0) - counts
    return values[by_group_then_time(event, values)][first + counts // 2]


def in_light(
    hits: HitTable,
    vertex: Float[Tensor, "event 3"],
    t0: Float[Tensor, " event"],
    place: Float[Tensor, "pmt 3"],
    speed: float,
) -> HitTable:
    """Hits whose residual makes them likely to be light of the event, and dark ones with them."""
    flight = (vertex[hits.event] - place[hits.pmt]).norm(dim=1) / speed
    residual = hits.time - t0[hits.event] - flight
    kept = torch.nonzero((residual > -BEFORE) & (residual < AFTER))[:, 0]
    return hits.take(kept)
