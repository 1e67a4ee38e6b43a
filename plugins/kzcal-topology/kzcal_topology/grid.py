"""Hits on a grid of polar angle and azimuth, time slices as channels: the CNN's picture.

Source: A. Li et al. (2019), Nucl. Instrum. Meth. A 947, 162604, arXiv:1812.02906 (a CNN on such a
grid, KamNet's baseline); 38 x 38 cells as in arXiv:2203.01870.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import pad

from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents
from kzcal_topology.time_bins import N_BIN, bin_of

SIDE = 38
"""Rows of polar angle and columns of azimuth."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Cells of the PMTs, as the centre sees them.

    Args:
        cell: of each PMT, row by row from the chimney down.
        device: where pictures are.
    """

    cell: Int64[np.ndarray, " pmt"]
    device: torch.device

    @classmethod
    def of(cls, detector: Detector, device: torch.device) -> Grid:
        """The cells of a detector's PMTs, equally wide in both angles."""
        x, y, z = detector.directions.T
        row = np.arccos(np.clip(z, -1.0, 1.0)) / math.pi * SIDE
        column = (np.arctan2(y, x) / (2.0 * math.pi) % 1.0) * SIDE
        row, column = (np.minimum(part.astype(np.int64), SIDE - 1) for part in (row, column))
        return cls(row * SIDE + column, device)

    def see(self, events: CorrectedEvents) -> Float[Tensor, "event bin row column"]:
        """Hits in each bin of time and cell."""
        hits = events.hits
        plane = hits.event_index * N_BIN + bin_of(hits.time)
        place = torch.from_numpy(plane * SIDE**2 + self.cell[hits.pmt]).to(self.device)
        counts = torch.zeros(len(events) * N_BIN * SIDE**2, device=self.device)
        counts.index_put_((place,), torch.ones_like(place, dtype=counts.dtype), accumulate=True)
        return counts.view(len(events), N_BIN, SIDE, SIDE)


class GridNetwork(nn.Module):
    """Three convolutions with pooling, then two full layers.

    Azimuth closes on itself; beyond the poles there is nothing.

    Args:
        channels: of the first convolution; the others have one and a half times and twice as many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (N_BIN, channels, channels * 3 // 2, channels * 2)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, bias=False) for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.head = nn.Sequential(nn.Linear(16 * widths[-1], 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, pictures: Float[Tensor, "event bin row column"]) -> Float[Tensor, " event"]:
        """Logit of each event."""
        layer = pictures
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            wrapped = pad(pad(layer, (1, 1, 0, 0), mode="circular"), (0, 0, 1, 1))
            layer = torch.max_pool2d(norm(convolution(wrapped)).relu(), 2)
        logit: Tensor = self.head(layer.flatten(1))[:, 0]
        return logit
