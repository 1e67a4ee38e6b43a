"""Photoelectrons with all random numbers that a translation of them takes.

Each photoelectron has numbers of its own, whatever becomes of the others, so that two sets of
constants that are tried with the same draws differ by what the constants do and by no noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.hits import Events
from kzcal.photoelectrons import Photoelectrons

N_NUMBERS = 6
KEEP, CORE, DELAY, KIND, CHARGE, NOISE = range(N_NUMBERS)
DARK_HEADROOM = 1.5
"""Dark pulses are drawn for this multiple of each PMT's rate, so that rates may move."""


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """Events as tensors, without their hits.

    Args:
        vertex: m; NaN where there is none.
        t0: ns; NaN where there is none.
        energy: MeV; NaN where there is none.
        forced: forced triggers.
    """

    vertex: Float[Tensor, "event 3"]
    t0: Float[Tensor, " event"]
    energy: Float[Tensor, " event"]
    forced: Bool[Tensor, " event"]

    @classmethod
    def of(cls, events: Events, device: torch.device) -> EventTable:
        """Columns of events."""
        columns = (events.vertex, events.t0, events.energy, events.forced)
        return cls(*(torch.from_numpy(np.array(c)).to(device) for c in columns))

    def __len__(self) -> int:
        """Number of events."""
        return len(self.t0)

    @property
    def used(self) -> Bool[Tensor, " event"]:
        """Physics triggers with a vertex and a time."""
        return ~self.forced & torch.isfinite(self.t0) & torch.isfinite(self.vertex).all(1)


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Photoelectrons of light by place, dark pulses by cable, and their random numbers.

    Args:
        light: photoelectrons at the ceiling, by place.
        light_numbers: uniform between 0 and 1.
        dark: dark pulses, more than there are.
        dark_numbers: uniform between 0 and 1.
        dark_drawn: rate that they were drawn for, by cable, Hz.
    """

    light: Photoelectrons
    light_numbers: Float[Tensor, "number pe"]
    dark: Photoelectrons
    dark_numbers: Float[Tensor, "number dark"]
    dark_drawn: Float[Tensor, " pmt"]


def light_of(events: Events, device: torch.device) -> Photoelectrons:
    """Photoelectrons that are given as hits; of hits the charge is not looked at."""
    columns = events.hits.to_torch(str(device))
    event = torch.from_numpy(events.hits.event_index).to(device)
    return Photoelectrons(event, columns["pmt"], columns["time"])


def draw(
    light: Photoelectrons,
    window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]],
    dark_rate: Float[Tensor, " pmt"],
    *,
    generator: torch.Generator,
) -> Draws:
    """Random numbers of a translation.

    Args:
        light: photoelectrons at the ceiling, by place.
        window: begin and end of each event's recording, ns.
        dark_rate: before threshold, by cable, Hz.
        generator: source of randomness.
    """
    device = dark_rate.device
    drawn_for = dark_rate * DARK_HEADROOM
    begin, end = window
    rate = drawn_for.double().cumsum(0)
    mean = (end - begin).double() * rate[-1] * 1e-9
    event = torch.repeat_interleave(torch.poisson(mean, generator=generator).long())
    place = torch.rand((2, len(event)), generator=generator, dtype=torch.float64, device=device)
    pmt = torch.searchsorted(rate, place[0] * rate[-1], right=True).clamp(max=len(rate) - 1)
    time = torch.lerp(begin[event].double(), end[event].double(), place[1]).float()
    numbers = [
        torch.rand((N_NUMBERS, n), generator=generator, device=device)
        for n in (len(light.pmt), len(event))
    ]
    return Draws(light, numbers[0], Photoelectrons(event, pmt, time), numbers[1], drawn_for)


def windows_of(
    table: EventTable, physics: Float[Tensor, " edge"], forced: Float[Tensor, " edge"]
) -> tuple[Float[Tensor, " event"], Float[Tensor, " event"]]:
    """Begin and end of each event's recording, ns."""
    begin, end = torch.where(table.forced[:, None], forced, physics).T
    return begin, end


def distance_to(
    vertex: Float[Tensor, "event 3"],
    position: Float[Tensor, "pmt 3"],
    event: Int[Tensor, " hit"],
    pmt: Int[Tensor, " hit"],
) -> Float[Tensor, " hit"]:
    """Distance from the vertex of an event to a PMT, m; NaN without a vertex."""
    square = torch.zeros(len(event), device=event.device)
    for axis in range(3):
        square += (vertex[event, axis] - position[pmt, axis]) ** 2
    return square.sqrt()
