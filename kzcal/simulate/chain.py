"""The chain: decays at their places become energy deposits, photons, GTQ, DTQ and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64, Shaped
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.hits import FORCED, PHYSICS, Events, Hits
from kzcal.light import LightSites
from kzcal.particles import Primaries
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.detector import Pulses
from kzcal.simulate.energy_window import Thinning, thinned
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.separation import Parted, part_events
from kzcal.simulate.smearing import Smearing
from kzcal.simulate.stages import LightModel, Reconstruction, Response, Transport

PHYSICS_WINDOW_NS = (-150.0, 350.0)
FORCED_WINDOW_NS = (0.0, 10_000.0)
T0_SPREAD_NS = 7.0
"""Standard deviation of an event's emission time in its hit-time base: the trigger's jitter."""
TIME_STEP_NS, CHARGE_STEP = 1 / 8, 1 / 64
"""Steps in which hits are stored, ns and p.e."""
LONGEST_NS = 1e7
"""No photoelectron of an event is so much later than another."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Decays of one block.

    Args:
        primaries: what they send out.
        position: where, m.
        timestamp: when, ns since the start of the run, ascending.
        kind: what the truth calls them.
        first: number of the first decay within its component.
        kept: so many of them count; the others complete the block.
        forced: whether there is no decay at all, and a forced trigger at every timestamp.
        thinning: which of their events stay; None for all.
        truth: what more is known of each decay: further columns of the events' truth.
    """

    primaries: Primaries
    position: Float64[np.ndarray, "decay 3"]
    timestamp: Int64[np.ndarray, " decay"]
    kind: str
    first: int
    kept: int
    forced: bool = False
    thinning: Thinning | None = None
    truth: Mapping[str, Shaped[np.ndarray, " decay"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """Events once or twice.

    Args:
        reported: with the hits that the detector reports, DTQ.
        true: the same with photoelectrons as hits, GTQ; None where nobody wants them.
    """

    reported: Events
    true: Events | None

    def __len__(self) -> int:
        """Number of events."""
        return len(self.reported)

    def take(self, events: Bool[np.ndarray, " event"] | Int64[np.ndarray, " taken"]) -> Simulated:
        """The chosen events (mask or rows), in the order given."""
        true = None if self.true is None else self.true.take(events)
        return Simulated(self.reported.take(events), true)


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """The stages of one simulation.

    Args:
        detector: where it happens.
        transport: from particles to light.
        light: from light to photoelectrons.
        response: from photoelectrons to hits.
        reconstruction: from hits to vertices and energies, or their errors about the truth; None
            for a file without.
        constants: digest of the constants that the response was made from.
        device: where light and response are drawn.
        keeps_true: whether photoelectrons are wanted too.
    """

    detector: Detector
    transport: Transport
    light: LightModel
    response: Response
    reconstruction: Reconstruction | Smearing | None
    constants: str
    device: torch.device
    keeps_true: bool = False

    def simulate(self, batch: Batch, key: BlockKey) -> Simulated:
        """Events of a block of decays, by decay and then by time."""
        generator = key.numpy("transport")
        deposits = self.transport.deposits(batch.primaries, batch.position, generator=generator)
        parted = part_events(deposits)
        if batch.thinning is not None:
            chance = key.numpy("thinning")
            parted = thinned(parted, batch.thinning, self.transport, generator=chance)
        n = len(parted.decay)
        t0 = key.numpy("t0").normal(0.0, T0_SPREAD_NS, n)
        light = self._light(parted, t0, key)
        low, high = FORCED_WINDOW_NS if batch.forced else PHYSICS_WINDOW_NS
        begin, end = (torch.full((n,), edge, device=self.device) for edge in (low, high))
        pulses = self.response.sample(
            light,
            (begin, end),
            ceiling=self.light.ceiling,
            generator=key.torch("response", self.device, self.constants),
        )
        events = events_of_parts(batch, parted, self.transport, _hits(pulses, n))
        reported = self._reconstructed(events, t0 - parted.after_decay, key)
        true = replace(reported, hits=photoelectron_hits(light, n)) if self.keeps_true else None
        return Simulated(reported, true).take(parted.decay < batch.kept)

    def _light(
        self, parted: Parted, t0: Float64[np.ndarray, " event"], key: BlockKey
    ) -> Photoelectrons:
        """GTQ of events whose first deposits are at t0."""
        deposits = parted.deposits
        sites = self.transport.light(replace(deposits, time=deposits.time + t0[deposits.event]))
        generator = key.torch("light", self.device)
        return self.light.sample(on_device(sites, self.device), generator=generator)

    def _reconstructed(
        self, events: Events, begin: Float64[np.ndarray, " event"], key: BlockKey
    ) -> Events:
        """The same with vertex, energy and time, which forced triggers do not have."""
        if self.reconstruction is None or not events.physics.any():
            return events
        if isinstance(self.reconstruction, Smearing):
            return self.reconstruction.smeared(events, begin, key)
        found = self.reconstruction.fit(events)
        return replace(events, vertex=found.vertex, energy=found.energy, t0=found.t0)


def events_of_parts(batch: Batch, parted: Parted, transport: Transport, hits: Hits) -> Events:
    """Events without anything reconstructed, and the truth about them."""
    n = len(parted.decay)
    truth = {name: np.asarray(v) for name, v in transport.truth(parted.deposits).items()}
    truth["kind"] = np.full(n, batch.kind.encode())
    truth["decay"] = batch.first + parted.decay
    truth["part"] = parted.part
    truth |= {name: column[parted.decay] for name, column in batch.truth.items()}
    return Events(
        event=np.arange(n),
        timestamp=batch.timestamp[parted.decay] + np.rint(parted.begin).astype(np.int64),
        trigger=np.full(n, FORCED if batch.forced else PHYSICS, np.uint8),
        vertex=np.full((n, 3), np.nan, np.float32),
        energy=np.full(n, np.nan, np.float32),
        t0=np.full(n, np.nan, np.float32),
        hits=hits,
        truth=truth,
    )


def _hits(pulses: Pulses, n_events: int) -> Hits:
    """Pulses, which are in order, in the steps in which hits are stored."""
    time = torch.round(pulses.time / TIME_STEP_NS) * TIME_STEP_NS
    charge = torch.round(pulses.charge / CHARGE_STEP) * CHARGE_STEP
    return _columns(pulses.event, pulses.pmt, time, charge, n_events)


def photoelectron_hits(light: Photoelectrons, n_events: int) -> Hits:
    """Photoelectrons as hits of one p.e., by event and within an event by time."""
    order = torch.argsort(light.event.double() * LONGEST_NS + light.time, stable=True)
    event, pmt, time = light.event[order], light.pmt[order], light.time[order]
    return _columns(event, pmt, time, torch.ones_like(time), n_events)


def _columns(event: Tensor, pmt: Tensor, time: Tensor, charge: Tensor, n_events: int) -> Hits:
    return Hits.from_counts(
        torch.bincount(event, minlength=n_events).cpu().numpy(),
        pmt.cpu().numpy().astype(np.uint16),
        time.cpu().numpy().astype(np.float32),
        charge.cpu().numpy().astype(np.float32),
    )


def on_device(sites: LightSites, device: torch.device) -> LightSites:
    """The same sites on a device."""
    columns = {name: getattr(sites, name).to(device) for name in LightSites.__slots__}
    return LightSites(**columns)
