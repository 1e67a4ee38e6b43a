"""Numbers of one event that its hits make: what two files are compared by, event by event."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.calibrate.stream import HitBatch, RunStream
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.scorecard.sphere import LARGEST_DEGREE, SphereTables

EVENT_FEATURES = ("nhit", "charge", "mean_residual", "early_share")
"""Those that have a row of their own."""
SPATIAL_FEATURES = (*(f"pairs_{degree}" for degree in range(1, LARGEST_DEGREE + 1)), "neighbours")
FEATURES = (
    *EVENT_FEATURES,
    "charge_per_hit",
    "charge_spread",
    "largest_charge",
    "small_pulses",
    "residual_spread",
    "late_share",
    "off_time_hits",
    "further_pulses",
    "share_20_inch",
    "mean_distance",
    "mean_incidence",
    *SPATIAL_FEATURES,
)
N_FEATURES = len(FEATURES)
PROMPT, SOON, LATE = (-5.0, 10.0), (-5.0, 60.0), 40.0
"""Residuals of early hits; of those in the mean residual; from which on hits are late, ns."""
SMALL = 0.5
"""Charge of a small pulse, p.e."""


def features_of(
    batch: HitBatch,
    mine: Bool[Tensor, " hit"],
    first: int,
    present: Float[Tensor, "event pmt"],
    stream: RunStream,
    tables: SphereTables,
) -> Float[Tensor, "event feature"]:
    """Features of consecutive events of a batch.

    Args:
        batch: hits.
        mine: those of these events.
        first: row of the first of the events in the batch.
        present: PMTs with light in each of the events.
        stream: that the batch is of.
        tables: of the sphere.
    """
    n_event = len(present)
    event, time = batch.event[mine] - first, batch.time[mine]
    residual, charge, pmt = batch.residual[mine], batch.charge[mine], batch.pmt[mine]
    distance, cosine = batch.view.distance[mine], batch.view.cosine[mine]

    def total(values: Tensor) -> Tensor:
        return torch.zeros(n_event, device=event.device).index_add_(0, event, values.float())

    light = (residual > LIGHT_WINDOW[0]) & (residual < LIGHT_WINDOW[1])
    soon = (residual > SOON[0]) & (residual < SOON[1])
    prompt = (residual > PROMPT[0]) & (residual < PROMPT[1])
    n_light, n_soon = (total(rows).clamp(min=1) for rows in (light, soon))
    nhit, whole = total(light), total(torch.where(light, charge, 0.0))
    mean_charge = whole / n_light
    mean_residual = total(torch.where(soon, residual, 0.0)) / n_soon
    off_charge = torch.where(light, charge - mean_charge[event], 0.0)
    off_residual = torch.where(soon, residual - mean_residual[event], 0.0)
    largest = torch.zeros(n_event, device=event.device).scatter_reduce_(
        0, event, torch.where(light, charge, 0.0), "amax"
    )
    columns = (
        nhit,
        whole,
        mean_residual,
        total(prompt) / n_light,
        mean_charge,
        (total(off_charge**2) / n_light).sqrt(),
        largest,
        total(light & (charge < SMALL)) / n_light,
        (total(off_residual**2) / n_soon).sqrt(),
        total(light & (residual > LATE)) / n_light,
        total(time < -stream.config.dark_margin),
        nhit - present.sum(1),
        total(light & (stream.detector.kind[pmt] == 1)) / n_light,
        total(torch.where(light, distance, 0.0)) / n_light,
        total(torch.where(light, cosine, 0.0)) / n_light,
    )
    pairs = tables.pair_angles(present)
    neighbours = tables.adjacency(present)
    return torch.cat([torch.stack(columns, 1), pairs, neighbours[:, None]], 1)
