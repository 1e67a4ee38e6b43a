"""The hits of a run as tensors, chunk by chunk, with what the estimators need beside each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.source import EventSource
from kzcal.optics.acceptance import Sightline, sightline_of_hits


@dataclass(frozen=True, slots=True, eq=False)
class DetectorTensors:
    """The detector on the device; rows follow the cable, which may lead to another place.

    Args:
        direction: unit vector to the PMT.
        aperture_radius: m.
        kind: 0 for a 17-inch, 1 for a 20-inch tube.
        radius: of the sphere of the PMTs, m.
    """

    direction: Float[Tensor, "pmt 3"]
    aperture_radius: Float[Tensor, " pmt"]
    kind: Int[Tensor, " pmt"]
    radius: float

    @classmethod
    def of(
        cls, detector: Detector, place: Int[np.ndarray, " pmt"], device: torch.device
    ) -> DetectorTensors:
        """Tensors of a detector; ``place`` says at which position each cable ends."""
        direction = torch.from_numpy(detector.directions[place].astype(np.float32))
        aperture = torch.from_numpy(detector.aperture_radius[place].astype(np.float32))
        kind = torch.from_numpy((detector.diameter_inch[place] == 20).astype(np.int64))
        return cls(direction.to(device), aperture.to(device), kind.to(device), detector.pmt_radius)

    @property
    def n_pmt(self) -> int:
        """Number of PMTs."""
        return len(self.kind)

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.kind.device


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns:
    """Event-level columns of the whole run on the device.

    Args:
        used: events that take part: physics triggers with a vertex and an energy in range.
        forced: forced triggers.
        vertex: m, zero where there is none.
        energy: MeV, zero where there is none.
        t0: ns, zero where there is none.
    """

    used: Bool[Tensor, " event"]
    forced: Bool[Tensor, " event"]
    vertex: Float[Tensor, "event 3"]
    energy: Float[Tensor, " event"]
    t0: Float[Tensor, " event"]

    @classmethod
    def of(cls, table: Events, config: CalibrationConfig, device: torch.device) -> EventColumns:
        """Columns of a run's event table."""
        in_range = (table.energy >= config.energy_min) & (table.energy <= config.energy_max)
        known = np.isfinite(table.vertex).all(axis=1) & np.isfinite(table.t0)
        columns = (
            table.physics & known & in_range,
            table.forced,
            np.nan_to_num(table.vertex),
            np.nan_to_num(table.energy),
            np.nan_to_num(table.t0),
        )
        return cls(*(torch.from_numpy(np.ascontiguousarray(c)).to(device) for c in columns))


@dataclass(frozen=True, slots=True, eq=False)
class HitBatch:
    """Hits of consecutive events.

    Args:
        rows: the events' rows in the run.
        event: row of each hit's event, counted from ``rows.start``.
        pmt: cable number.
        time: hit time less t0 (of a forced trigger: hit time), ns.
        charge: p.e.
        forced: hit of a forced trigger.
        used: hit of an event that takes part.
        view: sightline from the event's vertex.
        residual: time less the time of flight at the configured speed of light, ns.
    """

    rows: slice
    event: Int[Tensor, " hit"]
    pmt: Int[Tensor, " hit"]
    time: Float[Tensor, " hit"]
    charge: Float[Tensor, " hit"]
    forced: Bool[Tensor, " hit"]
    used: Bool[Tensor, " hit"]
    view: Sightline
    residual: Float[Tensor, " hit"]


@dataclass(frozen=True, slots=True, eq=False)
class RunStream:
    """A run that can be read again and again in bounded memory.

    Args:
        source: the open event file.
        events: its event-level columns.
        detector: where its cables lead.
        config: the settings.
        advance: called with the number of hits read, for a progress bar.
    """

    source: EventSource
    events: EventColumns
    detector: DetectorTensors
    config: CalibrationConfig
    advance: Callable[[int], None]

    def batches(self) -> Iterator[HitBatch]:
        """All hits, from the start."""
        start = 0
        for chunk in self.source.chunks(self.config.hits_per_chunk):
            rows = slice(start, start + len(chunk))
            start = rows.stop
            yield self._batch(chunk, rows)
            self.advance(len(chunk.hits.pmt))

    def _batch(self, chunk: Events, rows: slice) -> HitBatch:
        device = self.detector.device
        hits = chunk.hits.to_torch(str(device))
        counts = torch.diff(hits["offsets"])
        event = torch.repeat_interleave(torch.arange(len(counts), device=device), counts)
        row = event + rows.start
        pmt = hits["pmt"]
        time = hits["time"] - self.events.t0[row]
        view = sightline_of_hits(
            self.events.vertex[row], self.detector.direction[pmt], self.detector.radius
        )
        return HitBatch(
            rows=rows,
            event=event,
            pmt=pmt,
            time=time,
            charge=hits["charge"],
            forced=self.events.forced[row],
            used=self.events.used[row],
            view=view,
            residual=time - view.distance / self.config.light_speed,
        )
