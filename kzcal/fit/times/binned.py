"""Hits by cell, class of charge and time bin."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.calibrate.arrivals import class_of
from kzcal.calibrate.stream import HitBatch
from kzcal.fit.times.cells import TimeCells
from kzcal.fit.times.term import time_edges

CHARGE_EDGES = (0.55, 0.8, 1.1, 1.6)
"""Edges of the classes of charge, p.e.; the walk goes with q^-1/2."""
N_CHARGE = len(CHARGE_EDGES) + 1
N_TIMES = len(time_edges()) - 1


@dataclass(frozen=True, slots=True, eq=False)
class BinnedHits:
    """Hits of a batch that are compared.

    Args:
        row: of the event in the run.
        charge: p.e.
        box: cell and class of charge, as one number.
        time: bin.
    """

    row: Int[Tensor, " hit"]
    charge: Float[Tensor, " hit"]
    box: Int[Tensor, " hit"]
    time: Int[Tensor, " hit"]

    @classmethod
    def of(cls, batch: HitBatch, cells: TimeCells) -> BinnedHits:
        """Those of a batch that are in a cell and in the range of times."""
        chosen = torch.nonzero(cells.sample[batch.rows][batch.event] >= 0)[:, 0]
        row = batch.event[chosen] + batch.rows.start
        pmt, charge = batch.pmt[chosen], batch.charge[chosen]
        view = type(batch.view)(batch.view.distance[chosen], batch.view.cosine[chosen])
        cell, _ = cells.of_pairs(row, pmt, view)
        time = batch.residual[chosen] - cells.run.result.timing.offset[pmt]
        bins = class_of(time, time_edges()) - 1
        kept = (cell >= 0) & (bins >= 0) & (bins < N_TIMES)
        box = cell * N_CHARGE + class_of(charge, CHARGE_EDGES)
        return cls(row[kept], charge[kept], box[kept], bins[kept])
