"""Events as flat tensors on a device, from which batches are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.optics.acceptance import sightline_of_hits
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW

LIGHT_SPEED = CalibrationConfig().light_speed
"""m/ns, as in a calibration."""


@dataclass(frozen=True, slots=True, eq=False)
class EventTensors:
    """What is known of events beside their hits.

    Args:
        vertex: m; zero where there is none.
        known: whether the event is a physics trigger with a vertex and a t0.
        forced: whether it is a forced trigger, in which there is no light.
        t0: ns; zero where there is none.
        begin: of the recording, hit-time base, ns.
        end: of the recording, ns.
    """

    vertex: Float[Tensor, "event 3"]
    known: Bool[Tensor, " event"]
    forced: Bool[Tensor, " event"]
    t0: Float[Tensor, " event"]
    begin: Float[Tensor, " event"]
    end: Float[Tensor, " event"]

    @classmethod
    def of(cls, events: Events, device: torch.device) -> EventTensors:
        """Columns of events; where they are not known, residuals are the hit times themselves."""
        known = np.isfinite(events.vertex).all(axis=1) & np.isfinite(events.t0) & events.physics
        windows = [
            np.where(events.forced, *edges)
            for edges in zip(FORCED_WINDOW, PHYSICS_WINDOW, strict=True)
        ]
        columns = (np.nan_to_num(events.vertex), np.where(known, events.t0, 0.0), *windows)
        vertex, t0, begin, end = (
            torch.from_numpy(np.ascontiguousarray(c, dtype=np.float32)).to(device) for c in columns
        )
        forced = torch.from_numpy(events.forced).to(device)
        return cls(vertex, torch.from_numpy(known).to(device), forced, t0, begin, end)

    def __len__(self) -> int:
        """Number of events."""
        return len(self.t0)

    def take(self, rows: Int[Tensor, " taken"]) -> EventTensors:
        """The chosen events."""
        columns = (self.vertex, self.known, self.forced, self.t0, self.begin, self.end)
        return EventTensors(*(column[rows] for column in columns))

    def expected(
        self, event: Int[Tensor, " hit"], pmt: Int[Tensor, " hit"], tubes: Tubes
    ) -> Float[Tensor, " hit"]:
        """When light of the vertex reaches the PMT, t0 included, ns; 0 without a vertex."""
        view = sightline_of_hits(self.vertex[event], tubes.direction[pmt], tubes.radius)
        flight = torch.where(self.known[event], view.distance / LIGHT_SPEED, 0.0)
        return self.t0[event] + flight


@dataclass(frozen=True, slots=True, eq=False)
class Tubes:
    """The PMTs on a device.

    Args:
        direction: unit vector to the PMT.
        kind: 0 for a 17-inch, 1 for a 20-inch tube.
        radius: of the sphere of the PMTs, m.
    """

    direction: Float[Tensor, "pmt 3"]
    kind: Int[Tensor, " pmt"]
    radius: float

    @classmethod
    def of(cls, detector: Detector, device: torch.device) -> Tubes:
        """Those of a detector."""
        direction = torch.from_numpy(detector.directions.astype(np.float32)).to(device)
        kind = torch.from_numpy((detector.diameter_inch == 20).astype(np.int64)).to(device)
        return cls(direction, kind, detector.pmt_radius)

    def __len__(self) -> int:
        """Number of PMTs."""
        return len(self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Hits, or photoelectrons, of some events.

    Args:
        events: the events.
        event: row of each hit's event.
        pmt: cable number.
        time: residual, ns: hit time less ``EventTensors.expected``.
        charge: p.e.
    """

    events: EventTensors
    event: Int[Tensor, " hit"]
    pmt: Int[Tensor, " hit"]
    time: Float[Tensor, " hit"]
    charge: Float[Tensor, " hit"]

    def first(self, n: int) -> Batch:
        """The first so many events."""
        rows = torch.nonzero(self.event < n)[:, 0]
        events = self.events.take(torch.arange(n, device=rows.device))
        columns = (self.event[rows], self.pmt[rows], self.time[rows], self.charge[rows])
        return Batch(events, *columns)

    def fixed(self) -> Batch:
        """The same hits as data, which no gradient passes."""
        return Batch(self.events, self.event, self.pmt, self.time.detach(), self.charge.detach())


@dataclass(frozen=True, slots=True, eq=False)
class RunTensors:
    """A run in memory: all its events and their hits, by event.

    Args:
        all: every event and hit.
        offsets: hits of event i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
        physics: rows of the events that are known and have a vertex.
    """

    all: Batch
    offsets: Int[Tensor, " event_plus_1"]
    physics: Int[Tensor, " known"]

    @classmethod
    def of(cls, events: Events, tubes: Tubes) -> RunTensors:
        """Tensors of events."""
        device = tubes.kind.device
        columns, table = events.hits.to_torch(str(device)), EventTensors.of(events, device)
        event = torch.repeat_interleave(
            torch.arange(len(events), device=device), columns["offsets"].diff()
        )
        pmt = columns["pmt"]
        time = columns["time"] - table.expected(event, pmt, tubes)
        everything = Batch(table, event, pmt, time, columns["charge"])
        return cls(everything, columns["offsets"], torch.nonzero(table.known)[:, 0])

    @classmethod
    def learnable(cls, side: str, events: Events, tubes: Tubes) -> RunTensors:
        """Tensors of events that a training can draw from.

        Args:
            side: what the events are to the training, for an error.
            events: of a run.
            tubes: the PMTs.

        Raises:
            ConfigurationError: none is a physics trigger with a vertex.
        """
        run = cls.of(events, tubes)
        if not len(run.physics):
            message = (
                f"a CycleGAN learns from physics triggers with vertex and t0, got "
                f"{len(events)} events without one as {side}: give another file"
            )
            raise ConfigurationError(message)
        return run

    def draw(self, n: int, *, generator: torch.Generator) -> Batch:
        """So many physics events, each drawn from all of them."""
        device = self.physics.device
        chosen = torch.randint(len(self.physics), (n,), generator=generator, device=device)
        return self.take(self.physics[chosen])

    def between(self, first: int, end: int) -> Batch:
        """Consecutive events, up to ``end`` or the last."""
        end = min(end, len(self.all.events))
        return self.take(torch.arange(first, end, device=self.offsets.device))

    def take(self, rows: Int[Tensor, " taken"]) -> Batch:
        """The chosen events."""
        counts = self.offsets[rows + 1] - self.offsets[rows]
        event = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), counts)
        before = counts.cumsum(0) - counts
        hit = torch.arange(len(event), device=rows.device) + (self.offsets[rows] - before)[event]
        every = self.all
        return Batch(
            every.events.take(rows), event, every.pmt[hit], every.time[hit], every.charge[hit]
        )
