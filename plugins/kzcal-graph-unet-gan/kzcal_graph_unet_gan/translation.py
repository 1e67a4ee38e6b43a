"""Reported hits of new events, drawn from a trained generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.learning import Trained
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.merging import Pulses, by_group_then_time, merged
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW, hits_of
from kzcal.training.ensemble import part
from kzcal.translate.maps import expected
from kzcal.translate.refusals import refuse_other
from kzcal_graph_unet_gan.dark import dark_hits
from kzcal_graph_unet_gan.generator import Generator, sampled_charge
from kzcal_graph_unet_gan.light import DEAD_TIME, Light
from kzcal_graph_unet_gan.sampling import draw
from kzcal_graph_unet_gan.settings import Settings
from kzcal_graph_unet_gan.sphere import Level, hierarchy

EVENTS_AT_ONCE = 32


def levels_of(
    detector: Detector, alive: Bool[np.ndarray, " pmt"], settings: Settings
) -> tuple[Level, ...]:
    """The graphs of a detector."""
    return hierarchy(
        detector.directions, alive, depth=settings.depth, neighbours=settings.neighbours
    )


def large_of(detector: Detector) -> Bool[Tensor, " pmt"]:
    """Which PMTs are of the larger type."""
    return torch.from_numpy(detector.diameter_inch == 20)


@dataclass(frozen=True, slots=True, eq=False)
class GraphTranslator:
    """Draws the pulses of light from the generator and adds dark hits at their own rate.

    Args:
        generator: the network.
        dark_rate: dark hits of every PMT, per ns.
        alive: PMTs that report anything.
    """

    generator: Generator
    dark_rate: Float[Tensor, " pmt"]
    alive: Bool[Tensor, " pmt"]

    @classmethod
    def of(cls, trained: Trained, settings: Settings) -> GraphTranslator:
        """From the weights of a training."""
        alive = trained.weights["alive"]
        levels = levels_of(trained.detector, alive.cpu().numpy(), settings)
        network = Generator(large_of(trained.detector), levels, settings.channels)
        network.load_state_dict(part(trained.weights, "generator"))
        rate = trained.weights["dark_rate"].to(trained.device)
        return cls(network.to(trained.device).eval(), rate, alive.to(trained.device))

    def translate(
        self, events: Events, detector: Detector, *, generator: np.random.Generator
    ) -> Events:
        """The same events with reported hits; the same generator state gives the same hits.

        Raises:
            ConfigurationError: the detector has not as many PMTs as that of the training.
        """
        refuse_other(detector, len(self.alive))
        stream = torch.Generator(self.dark_rate.device)
        stream.manual_seed(int(generator.integers(2**63)))
        starts = range(0, len(events), EVENTS_AT_ONCE)
        parts = [
            self._pulses(events[start : start + EVENTS_AT_ONCE], detector, start, stream)
            for start in starts
        ]
        return replace(events, hits=hits_of(_joined(parts), len(events)))

    @torch.no_grad()
    def _pulses(
        self, events: Events, detector: Detector, start: int, stream: torch.Generator
    ) -> Pulses:
        """Reported hits of some events, numbered from ``start``."""
        device = self.dark_rate.device
        window = _window(events, device)
        event, pmt, time, charge = self._light(events, detector, stream)
        dark_event, dark_pmt, dark_time = dark_hits(self.dark_rate, window, generator=stream)
        gain = torch.exp(self.generator.log_gain)[dark_pmt]
        density = self.generator.dark_charge(dark_pmt)
        dark_charge = sampled_charge(density, gain, generator=stream)
        arriving = Photoelectrons(
            torch.cat([event, dark_event]),
            torch.cat([pmt, dark_pmt]),
            torch.cat([time, dark_time]),
        )
        found = merged(arriving, torch.cat([charge, dark_charge]), DEAD_TIME, len(self.alive))
        begin, end = (edge[found.event] for edge in window)
        kept = (found.time >= begin) & (found.time <= end) & self.alive[found.pmt]
        rows = torch.nonzero(kept)[:, 0]
        rows = rows[by_group_then_time(found.event[rows], found.time[rows])]
        columns = (found.event + start, found.pmt, found.time, found.charge)
        return Pulses(*(column[rows] for column in columns))

    def _light(
        self, events: Events, detector: Detector, stream: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Event, PMT, time and charge of the pulses of light."""
        light = Light.of(events, detector, self.dark_rate.device)
        drawn = draw(self.generator(light, generator=stream), generator=stream)
        row, pulse = torch.nonzero(drawn.present > 0.5, as_tuple=True)
        event, pmt = light.event[row], light.pmt[row]
        flight = expected(events, event.cpu(), pmt.cpu(), detector).to(drawn.time.device)
        time = (drawn.time[row, pulse] + flight).float()
        return event, pmt, time, drawn.charge[row, pulse]


def _window(events: Events, device: torch.device) -> tuple[Tensor, Tensor]:
    """Begin and end of each event's recording, ns."""
    edges = zip(FORCED_WINDOW, PHYSICS_WINDOW, strict=True)
    low, high = (np.where(events.forced, *pair).astype(np.float32) for pair in edges)
    return torch.from_numpy(low).to(device), torch.from_numpy(high).to(device)


def _joined(parts: Sequence[Pulses]) -> Pulses:
    """All pulses of several tables; none of no table."""
    none = torch.zeros(0)
    parts = [Pulses(none.long(), none.long(), none, none), *parts]
    columns = ("event", "pmt", "time", "charge")
    return Pulses(*(torch.cat([getattr(p, c).cpu() for p in parts]) for c in columns))
