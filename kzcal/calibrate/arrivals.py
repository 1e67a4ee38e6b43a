"""When light arrives, by energy class and distance, and how much of it soon after a hit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.calibrate.stream import HitBatch, RunStream

ENERGY_CLASSES = (0.3, 0.48, 0.72, 1.0, 1.75)
"""Upper edges of the energy classes in MeV; the last class has none. Below 0.72 MeV light comes
from one point (alphas and betas); above, gammas spread it over some decimetres."""
POINT_LIKE = 3
N_ENERGY = len(ENERGY_CLASSES) + 1
DISTANCE_EDGES = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.5, 12.0)
N_DISTANCE = len(DISTANCE_EDGES) + 1


def energy_class(energy: Float[Tensor, " event"]) -> Int[Tensor, " event"]:
    """Energy class of each event, 0 to ``len(ENERGY_CLASSES)``."""
    return class_of(energy, ENERGY_CLASSES)


def class_of(values: Tensor, edges: tuple[float, ...]) -> Tensor:
    """Class of each value between ascending edges."""
    return torch.bucketize(values, torch.tensor(edges, dtype=values.dtype, device=values.device))


def arrival_cell(batch: HitBatch, stream: RunStream) -> Int[Tensor, " hit"]:
    """Energy and distance class of each hit as one index."""
    kind = energy_class(stream.events.energy[batch.rows])[batch.event]
    return kind * N_DISTANCE + class_of(batch.view.distance, DISTANCE_EDGES)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Cumulated arrival times of photoelectrons.

    Args:
        arrived: share that has arrived at the edges of time bins.
        first: first edge, ns of residual.
        step: width of the bins, ns.
    """

    arrived: Float[Tensor, "energy distance edge"]
    first: float
    step: float

    @classmethod
    def of(
        cls, share: Float[Tensor, "energy distance bin"], first: float, step: float
    ) -> Arrivals:
        """From the share of photoelectrons in each bin, in any normalisation."""
        total = functional.pad(share.cumsum(-1), (1, 0))
        norm = total[..., -1:].clamp(min=1e-9)
        return cls((total / norm).float(), first, step)

    def ahead(
        self, batch: HitBatch, stream: RunStream, residual: Float[Tensor, " hit"]
    ) -> Float[Tensor, " hit"]:
        """Share of the light of a hit's event in its PMT within the merging time after it.

        Args:
            batch: hits of a run.
            stream: of the run.
            residual: of each hit, the PMT's offset taken off, ns; for hits sorted by their charge
                also the walk, since small pulses read late.
        """
        cell = arrival_cell(batch, stream)
        later = residual + stream.config.merging_time
        return self._arrived(later, cell) - self._arrived(residual, cell)

    def _arrived(self, time: Float[Tensor, " hit"], cell: Int[Tensor, " hit"]) -> Tensor:
        n_edges = self.arrived.shape[-1]
        position = ((time - self.first) / self.step).clamp(0, n_edges - 1.001)
        low = position.long()
        index = cell * n_edges + low
        flat = self.arrived.reshape(-1)
        return torch.lerp(flat[index], flat[index + 1], position - low)
