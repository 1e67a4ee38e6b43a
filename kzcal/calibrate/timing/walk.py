"""Delay of small pulses, from hits that are single photoelectrons.

Residuals of hits with hardly any light expected beside them are sorted by charge; each charge's
delay is where its residuals fit the mean shape best. A pulse of charge q is late by
walk (q^-1/2 - 1): the time at which a pulse of fixed shape crosses a fixed threshold, to first
order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.light_model import LightModel
from kzcal.calibrate.stream import RunStream
from kzcal.calibrate.survey import FIRST, N_BINS, STEP, Survey, rough_offsets

CHARGE_EDGES = (0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.05, 1.15, 1.3)
MOST_LIGHT = 0.12
"""Expected photoelectrons above which a hit may well be two."""
SPREAD_OF_HITS = (4.4, 6.3)
"""Error of a mean time times the square root of the hits, for each type, ns: from the Fisher
information of the scintillation profile and the nominal transit-time spread."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Delay by charge.

    Args:
        value: delay of small pulses, ns.
        error: its standard deviation, ns.
        charge: middle of the charge bins, p.e.
        delay: measured delay of each, mean of the types, ns.
        delay_error: its standard deviation, ns.
    """

    value: float
    error: float
    charge: Float[Tensor, " bin"]
    delay: Float[Tensor, " bin"]
    delay_error: Float[Tensor, " bin"]

    def of(self, charge: Float[Tensor, " hit"]) -> Float[Tensor, " hit"]:
        """Delay of pulses of this charge [p.e.], ns."""
        return self.value * (charge.clamp(min=0.05) ** -0.5 - 1)


def measure_walk(
    stream: RunStream, first_look: Survey, model: LightModel, counting: Tensor
) -> Walk:
    """Find the walk in one pass over the run."""
    device = counting.device
    edges = torch.tensor(CHARGE_EDGES, device=device)
    n_charge = len(CHARGE_EDGES) - 1
    histogram = torch.zeros(2 * n_charge * N_BINS, device=device)
    for batch in stream.batches():
        residual = batch.residual - first_look.offset[batch.pmt]
        light = model.of_hits(batch, stream)
        size = torch.bucketize(batch.charge, edges) - 1
        position = ((residual - FIRST) / STEP).floor().long()
        chosen = batch.used & (light < MOST_LIGHT) & counting[batch.pmt]
        chosen &= (size >= 0) & (size < n_charge) & (position >= 0) & (position < N_BINS)
        cell = stream.detector.kind[batch.pmt] * n_charge + size
        index = (cell * N_BINS + position)[chosen]
        histogram += torch.bincount(index, minlength=len(histogram))
    by_type = histogram.reshape(2, n_charge, N_BINS)
    return _fit(by_type, (edges[1:] + edges[:-1]).double() / 2)


def _fit(histogram: Float[Tensor, "type charge bin"], charge: Tensor) -> Walk:
    """Weighted straight line in q^-1/2 - 1, with a constant of its own for each type."""
    lever = charge**-0.5 - 1
    top = bottom = charge.new_zeros(())
    delays, weights = [], []
    for k, counts in enumerate(histogram):
        n_hits = counts.sum(1)
        if float(n_hits.min()) < 100:
            continue
        delay = rough_offsets(counts, n_hits > 0).double()
        weight = n_hits.double() / SPREAD_OF_HITS[k] ** 2
        x = lever - (weight * lever).sum() / weight.sum()
        slope_top, slope_bottom = (weight * x * delay).sum(), (weight * x**2).sum()
        top, bottom = top + slope_top, bottom + slope_bottom
        level = (weight * (delay - slope_top / slope_bottom * lever)).sum() / weight.sum()
        delays.append(delay - level)
        weights.append(weight)
    if not delays:
        nothing = torch.zeros_like(charge)
        return Walk(0.0, 1.0, charge, nothing, nothing + 1.0)
    total = torch.stack(weights).sum(0)
    mean = (torch.stack(delays) * torch.stack(weights)).sum(0) / total
    return Walk(float(top / bottom), float(bottom**-0.5), charge, mean, total**-0.5)
