"""Hits that are alike: by PMT type, energy, distance, expected photoelectrons and charge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.arrivals import (
    DISTANCE_EDGES,
    N_DISTANCE,
    N_ENERGY,
    class_of,
    energy_class,
)
from kzcal.calibrate.light_model import LightModel
from kzcal.calibrate.spool import Spool
from kzcal.calibrate.stream import HitBatch, RunStream
from kzcal.calibrate.timing.walk import Walk

FIRST, LAST, STEP = -20.0, 100.0, 0.5
N_BINS = round((LAST - FIRST) / STEP)
MEAN_EDGES = (0.08, 0.2, 0.4, 0.8, 1.6, 2.5, 4.0)
"""Upper edges of the classes of expected photoelectrons; hits above are left out."""
CHARGE_EDGES = (0.3, 1.5, 8.0, 100.0)
"""Edges of the charge classes: density for two photoelectrons over that for one."""
N_TYPE, N_MEAN, N_CHARGE = 2, len(MEAN_EDGES), len(CHARGE_EDGES) + 1
SHAPE = (N_TYPE, N_ENERGY, N_DISTANCE, N_MEAN, N_CHARGE)
N_CELLS = math.prod(SHAPE)


@dataclass(frozen=True, slots=True)
class Cells:
    """What the cells hold.

    Args:
        mean: mean of the expected photoelectrons of the hits of each cell, charges together.
        energy: mean energy of each energy class, MeV.
        distance: mean distance of each distance class, m.
        dark: dark hits per time bin of a PMT of each type.
    """

    mean: Float[Tensor, "type energy distance mean"]
    energy: Float[Tensor, " energy"]
    distance: Float[Tensor, " distance"]
    dark: Float[Tensor, " type"]


def spool_hits(
    stream: RunStream,
    light: LightModel,
    detected: Float[Tensor, " pmt"],
    walk: Walk,
    offset: Float[Tensor, " pmt"],
    dark_rate: Float[Tensor, " pmt"],
    counting: Tensor,
    spool: Spool,
) -> Cells:
    """Sort the hits near the light into cells, put them down, and describe the cells.

    The spool gets for each hit: its cell (charges together), PMT, charge [p.e.], and its residual
    with the walk taken off (not the offset), ns.

    Args:
        stream: the run.
        light: expected photoelectrons above threshold.
        detected: about the share of photoelectrons that are above threshold.
        walk: delay of small pulses.
        offset: rough time offsets, which decide what is near the light, ns.
        dark_rate: Hz.
        counting: PMTs that make up the means.
        spool: where the hits go.
    """
    device = offset.device
    sums = torch.zeros(3, N_CELLS // N_CHARGE, dtype=torch.float64, device=device)
    for batch in stream.batches():
        mean = light.of_hits(batch, stream) / detected[batch.pmt]
        cell = _sort(stream, batch, mean)
        time = batch.residual - walk.of(batch.charge)
        near = time - offset[batch.pmt]
        chosen = (cell >= 0) & (near > FIRST) & (near < LAST)
        spool.append(
            {
                "cell": cell[chosen].short(),
                "pmt": batch.pmt[chosen].short(),
                "charge": batch.charge[chosen],
                "time": time[chosen],
            }
        )
        chosen &= counting[batch.pmt]
        for row, weight in zip(
            sums, (torch.ones_like(mean), mean, batch.view.distance), strict=True
        ):
            row += torch.bincount(cell[chosen], weight[chosen].double(), sums.shape[1])
    return _describe(stream, sums.reshape(3, *SHAPE[:-1]), dark_rate, counting)


def _sort(stream: RunStream, batch: HitBatch, mean: Tensor) -> Tensor:
    """Cell of each hit, charges together; -1 for none."""
    energy = energy_class(stream.events.energy[batch.rows])[batch.event]
    place = class_of(batch.view.distance, DISTANCE_EDGES)
    level = class_of(mean, MEAN_EDGES)
    kind = stream.detector.kind[batch.pmt]
    cell = ((kind * N_ENERGY + energy) * N_DISTANCE + place) * N_MEAN + level
    return torch.where(batch.used & (level < N_MEAN), cell, -1)


def _describe(stream: RunStream, sums: Tensor, dark_rate: Tensor, counting: Tensor) -> Cells:
    n_hits, mean, distance = sums
    kinds, events = stream.detector.kind, stream.events
    rates = torch.stack([dark_rate[counting & (kinds == k)].mean() for k in range(N_TYPE)])
    energy_of = energy_class(events.energy)[events.used]
    n_events = torch.bincount(energy_of, minlength=N_ENERGY).clamp(min=1)
    energy = torch.bincount(energy_of, events.energy[events.used].double(), N_ENERGY)
    others = (0, 1, 3)
    return Cells(
        mean=(mean / n_hits.clamp(min=1)).clamp(min=1e-3),
        energy=(energy / n_events).clamp(min=0.1),
        distance=distance.sum(others) / n_hits.sum(others).clamp(min=1),
        dark=rates.double() * STEP * 1e-9,
    )


def histogram(
    spool: Spool, offset: Float[Tensor, " pmt"], counting: Tensor
) -> Float[Tensor, "type energy distance mean bin"]:
    """Hits by cell (charges together) and time bin, offsets taken off."""
    n_cells = N_CELLS // N_CHARGE
    counts = torch.zeros(n_cells * N_BINS, dtype=torch.float64, device=offset.device)
    for hits in spool:
        pmt = hits["pmt"].long()
        position = ((hits["time"] - offset[pmt] - FIRST) / STEP).floor().long()
        chosen = counting[pmt] & (position >= 0) & (position < N_BINS)
        cell = hits["cell"].long()
        counts += torch.bincount((cell * N_BINS + position)[chosen], minlength=len(counts))
    return counts.reshape(*SHAPE[:-1], N_BINS)
