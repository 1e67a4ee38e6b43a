"""Photoelectrons of a batch of events, as every PMT sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.response.merging import by_group_then_time
from kzcal.translate.maps import expected

DEAD_TIME = CalibrationConfig().merging_time
"""Pulses of a PMT closer than this are one, ns."""
CANDIDATES = 5
"""Photoelectrons of a PMT that may begin a pulse."""
FEATURES = 8
"""Numbers that describe the light of a PMT."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """PMTs that photoelectrons reach, one row for each and each event.

    Args:
        n_events: events of the batch.
        node: pmt * n_events + event, ascending.
        candidate: residual of photoelectrons that may begin a pulse, ns: the first three, the
            first one that comes more than the dead time after the first, and the first one that
            comes more than that after it.
        valid: whether there is such a photoelectron.
        count: photoelectrons in all, within the dead time of the first one, and within that of
            the fourth candidate.
    """

    n_events: int
    node: Int[Tensor, " lit"]
    candidate: Float[Tensor, "lit candidate"]
    valid: Bool[Tensor, "lit candidate"]
    count: Float[Tensor, "lit 3"]

    @classmethod
    def of(cls, events: Events, detector: Detector, device: torch.device | str = "cpu") -> Light:
        """The light of events with photoelectrons as hits."""
        event = torch.from_numpy(events.hits.event_index)
        pmt = torch.from_numpy(events.hits.pmt.astype(np.int64))
        time = torch.from_numpy(events.hits.time.astype(np.float64))
        residual = (time - expected(events, event, pmt, detector)).float().to(device)
        node = (pmt * len(events) + event).to(device)
        order = by_group_then_time(node, residual)
        node, residual = node[order], residual[order]
        lit, group, counts = torch.unique_consecutive(
            node, return_inverse=True, return_counts=True
        )
        first = counts.cumsum(0) - counts
        late, n_early = _beyond(residual, group, first, first, counts)
        later, n_late = _beyond(residual, group, late, first, counts)
        rows = torch.stack([first, first + 1, first + 2, late, later], dim=1)
        valid = rows < (first + counts)[:, None]
        candidate = torch.where(valid, residual[rows.clamp(max=max(len(node) - 1, 0))], 0.0)
        count = torch.stack([counts, n_early, n_late], dim=1).float()
        return cls(len(events), lit, candidate, valid, count)

    @property
    def pmt(self) -> Int[Tensor, " lit"]:
        """Cable number of each row."""
        return self.node // self.n_events

    @property
    def event(self) -> Int[Tensor, " lit"]:
        """Event of each row within the batch."""
        return self.node % self.n_events

    @property
    def features(self) -> Float[Tensor, "lit feature"]:
        """The same as numbers of order one; what there is not is 0."""
        c, valid = self.candidate, self.valid.float()
        first = c[:, :1].clamp(-20, 200) / 20
        gaps = ((c[:, 1:4] - c[:, :1]).clamp(0, 200) / 20) * valid[:, 1:4]
        return torch.cat([torch.log1p(self.count), self.count[:, 1:2] / 4, first, gaps], dim=1)


def _beyond(
    residual: Float[Tensor, " pe"],
    group: Int[Tensor, " pe"],
    begin: Int[Tensor, " lit"],
    first: Int[Tensor, " lit"],
    counts: Int[Tensor, " lit"],
) -> tuple[Int[Tensor, " lit"], Int[Tensor, " lit"]]:
    """First row of each PMT beyond the dead time of row ``begin``, and how many lie between."""
    end = first + counts
    known = begin < end
    start = torch.where(known, residual[begin.clamp(max=max(len(residual) - 1, 0))], torch.inf)
    within = residual <= start[group] + DEAD_TIME
    n_before = torch.zeros_like(counts).index_add_(0, group, within.long())
    row = torch.where(known, first + n_before, end)
    return row, torch.where(known, row - begin, 0)
