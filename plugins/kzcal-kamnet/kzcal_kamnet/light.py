"""Hits of events as the small network takes them: seen from the vertex, by kind of pulse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.classify.corrected import LIGHT_SPEED
from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents

N_KIND = 4
"""Kinds of pulses: of 17-inch and of 20-inch PMTs, each of one and of several photoelectrons."""
SEVERAL = 1.6
"""Charge from which a pulse is taken for several photoelectrons, p.e.; the first one sets the
time, so that such pulses are earlier and sharper."""
LARGE_INCH = 20
EARLIEST, LATEST = -150.0, 350.0
"""Residuals that are looked at, ns."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenLight:
    """Hits of some events.

    Args:
        event: row of the event.
        kind: of the pulse, below ``N_KIND``.
        residual: against light from the vertex at the emission time, ns.
        from_vertex: from the vertex to the PMT, m.
        energy: of each event, MeV.
    """

    event: Int[Tensor, " hit"]
    kind: Int[Tensor, " hit"]
    residual: Float[Tensor, " hit"]
    from_vertex: Float[Tensor, "hit 3"]
    energy: Float[Tensor, " event"]

    @classmethod
    def of(cls, events: CorrectedEvents, detector: Detector, device: torch.device) -> SeenLight:
        """The hits of events that have a vertex; of others there are none."""
        hits, event = events.hits, events.hits.event_index
        kept = (hits.time > EARLIEST) & (hits.time < LATEST)
        event, pmt, charge = event[kept], hits.pmt[kept], hits.charge[kept]
        large = detector.diameter_inch[pmt] == LARGE_INCH
        offset = detector.positions[pmt].astype(np.float32) - events.vertex[event]

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        return cls(
            tensor(event),
            tensor(2 * large.astype(np.int64) + (charge > SEVERAL)),
            tensor(hits.time[kept]),
            tensor(offset),
            tensor(np.nan_to_num(events.energy)),
        )

    @property
    def direction(self) -> Float[Tensor, "hit 3"]:
        """Unit vector from the vertex to the PMT."""
        return torch.nn.functional.normalize(self.from_vertex, dim=1)

    def moved(
        self, vertex: Float[Tensor, "event 3"], emission: Float[Tensor, " event"]
    ) -> SeenLight:
        """The hits as seen from other vertices.

        Args:
            vertex: shift, m.
            emission: shift of the emission time, ns.
        """
        offset = self.from_vertex - vertex[self.event]
        nearer = (self.from_vertex.norm(dim=1) - offset.norm(dim=1)) / LIGHT_SPEED
        residual = self.residual + nearer - emission[self.event]
        return replace(self, residual=residual, from_vertex=offset)
