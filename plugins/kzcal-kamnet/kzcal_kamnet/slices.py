"""Hits as time slices of the sphere, the published network's picture of an event."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents
from kzcal_kamnet.harmonics import coefficients, harmonics, quadrature

FIRST = -20.0
"""Where the first slice begins, ns; it takes all earlier hits, too."""

WIDTH = 1.5
"""Width of a slice, ns."""

N_SLICE = 28
"""Number of slices; the last one takes all later hits, too."""


def time_slices(
    event: Int[Tensor, " hit"],
    pmt: Int[Tensor, " hit"],
    residual: Float[Tensor, " hit"],
    n_event: int,
    n_pmt: int,
) -> Float[Tensor, "event bin pmt"]:
    """Hits counted by slice and PMT; their charge is ignored.

    Args:
        event: row of the event that each hit belongs to.
        pmt: where the hit is, as a row of the detector's PMTs.
        residual: hit time less t0, flight and the PMT's offset, ns.
        n_event: number of events.
        n_pmt: number of PMTs.

    Source: A. Li et al. (2022), arXiv:2203.01870 (28 slices of 1.5 ns from -20 ns, with the hits
        before and after in the outermost).
    """
    at = torch.floor((residual - FIRST) / WIDTH).clamp(0, N_SLICE - 1).long()
    place = (event * N_SLICE + at) * n_pmt + pmt
    counts = torch.bincount(place, minlength=n_event * N_SLICE * n_pmt)
    return counts.to(residual.dtype).view(n_event, N_SLICE, n_pmt)


def slice_harmonics(
    counts: Float[Tensor, "event bin pmt"],
    weights: Float[Tensor, "event pmt"],
    matrix: Float[Tensor, "pmt harmonic"],
) -> Float[Tensor, "event bin harmonic"]:
    """Harmonics of time slices in units of hits: that of degree zero is their weighted number.

    Args:
        counts: hits by slice and PMT.
        weights: of the live PMTs of each event, from ``harmonics.quadrature``.
        matrix: harmonics of the PMTs.
    """
    live = (weights != 0.0).sum(1, keepdim=True).clamp(min=1)
    return coefficients(counts, weights * (live / math.sqrt(4.0 * math.pi)), matrix)


@dataclass(frozen=True, slots=True, eq=False)
class SliceView:
    """What the published network sees of events: time slices in harmonics about the centre.

    Args:
        matrix: harmonics of the PMTs.
        device: where to calculate.
    """

    matrix: Float[Tensor, "pmt harmonic"]
    device: torch.device

    @classmethod
    def of(cls, detector: Detector, degree: int, device: torch.device) -> SliceView:
        """The view of a detector, up to a degree."""
        matrix = harmonics(torch.from_numpy(detector.positions), degree)
        return cls(matrix.float().to(device), device)

    def __call__(self, events: CorrectedEvents) -> Float[Tensor, "event bin harmonic"]:
        """Harmonics of the slices, of all hits that have a residual."""
        sets, of = np.unique(events.run, return_inverse=True)
        live = torch.from_numpy(events.live[sets]).to(self.device)
        weights = quadrature(self.matrix, live)[torch.from_numpy(of).to(self.device)]
        timed = np.isfinite(events.hits.time)
        columns = (
            events.hits.event_index[timed],
            events.hits.pmt[timed].astype(np.int64),
            events.hits.time[timed],
        )
        event, pmt, residual = (torch.from_numpy(column).to(self.device) for column in columns)
        counts = time_slices(event, pmt, residual, len(events), len(self.matrix))
        return slice_harmonics(counts, weights, self.matrix)
