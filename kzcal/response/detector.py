"""From photoelectrons to reported hits, with the constants of every PMT.

A photoelectron is detected with the PMT's efficiency already taken in; it is late by the transit
time, the cable and, now and then, a late pulse. Photoelectrons and dark pulses of a PMT closer
than the merging time make one pulse: its charges add up and its time is that of the first. The
discriminator passes or drops it, and a small pulse reads late.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.photoelectrons import Photoelectrons
from kzcal.response.charge import ChargeShape, sample_charge


@dataclass(frozen=True, slots=True, eq=False)
class Pulses:
    """Reported hits, by event and within an event by time.

    Args:
        event: row of the event.
        pmt: cable number.
        time: ns, in the event's hit-time base.
        charge: p.e.
    """

    event: Int[Tensor, " hit"]
    pmt: Int[Tensor, " hit"]
    time: Float[Tensor, " hit"]
    charge: Float[Tensor, " hit"]


@dataclass(frozen=True, slots=True, eq=False)
class DetectorResponse:
    """Constants of every PMT and of the electronics.

    Args:
        gain: mean of the Gaussian part of the single-p.e. charge, nominal gains.
        spe_width: its standard deviation over its mean.
        time_offset: ns, positive when the PMT reads late.
        tts: transit-time spread, standard deviation, ns.
        dark_rate: dark pulses before threshold, Hz.
        alive: PMTs that report anything.
        shape: what the PMTs of a type have in common in charge.
        walk: delay of small pulses, ns: charge q reads walk (q^-1/2 - 1) late.
        late_share: share of photoelectrons that make a late pulse.
        late_delay: its mean delay, ns.
        merging_time: ns.
    """

    gain: Float[Tensor, " pmt"]
    spe_width: Float[Tensor, " pmt"]
    time_offset: Float[Tensor, " pmt"]
    tts: Float[Tensor, " pmt"]
    dark_rate: Float[Tensor, " pmt"]
    alive: Bool[Tensor, " pmt"]
    shape: ChargeShape
    walk: float
    late_share: float = 0.03
    late_delay: float = 25.0
    merging_time: float = 12.0

    def sample(
        self,
        light: Photoelectrons,
        window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]],
        *,
        generator: torch.Generator,
    ) -> Pulses:
        """Report hits.

        Args:
            light: photoelectrons before the transit time.
            window: begin and end of each event's recording, ns.
            generator: source of randomness; the same state gives the same hits.
        """
        dark = self._dark(window, generator)
        kept = self.alive[light.pmt]
        event, pmt = light.event[kept], light.pmt[kept]
        time = light.time[kept] + self._transit(pmt, generator)
        joined = Photoelectrons(
            torch.cat([event, dark.event]),
            torch.cat([pmt, dark.pmt]),
            torch.cat([time, dark.time]),
        )
        charge = self._charge(joined.pmt, generator)
        return self._report(_merged(joined, charge, self.merging_time), window, generator)

    def _transit(self, pmt: Tensor, generator: torch.Generator) -> Tensor:
        spread = torch.randn(pmt.shape, generator=generator, device=pmt.device)
        time = self.time_offset[pmt] + self.tts[pmt] * spread
        uniform = torch.rand(pmt.shape, generator=generator, device=pmt.device)
        is_late = uniform < self.late_share
        late = torch.rand(pmt.shape, generator=generator, device=pmt.device).clamp(min=1e-6)
        return time - torch.where(is_late, self.late_delay * torch.log(late), 0.0)

    def _dark(self, window: tuple[Tensor, Tensor], generator: torch.Generator) -> Photoelectrons:
        begin, end = window
        rate = torch.where(self.alive, self.dark_rate, 0.0) * 1e-9
        mean = ((end - begin)[:, None] * rate).float()
        cell = torch.repeat_interleave(
            torch.arange(mean.numel(), device=mean.device),
            torch.poisson(mean, generator=generator).long().reshape(-1),
        )
        event, pmt = cell // len(rate), cell % len(rate)
        uniform = torch.rand(cell.shape, generator=generator, device=cell.device)
        return Photoelectrons(event, pmt, torch.lerp(begin[event], end[event], uniform))

    def _charge(self, pmt: Tensor, generator: torch.Generator) -> Tensor:
        shape = self.shape
        return sample_charge(
            self.gain[pmt],
            self.spe_width[pmt],
            shape.exponential_fraction[pmt],
            shape.exponential_scale[pmt],
            generator=generator,
        )

    def _report(
        self, pulses: Pulses, window: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> Pulses:
        """Pass pulses through the discriminator, delay small ones, and put them in order."""
        shape, pmt = self.shape, pulses.pmt
        noise = torch.randn(pmt.shape, generator=generator, device=pmt.device)
        level = shape.threshold[pmt] + shape.threshold_width[pmt] * noise
        time = pulses.time + self.walk * (pulses.charge.clamp(min=0.05) ** -0.5 - 1)
        begin, end = (edge[pulses.event] for edge in window)
        kept = (pulses.charge > level) & (time >= begin) & (time <= end)
        order = _by_event_then(time[kept], pulses.event[kept])
        columns = (pulses.event, pmt, time, pulses.charge)
        return Pulses(*(column[kept][order] for column in columns))


def _by_event_then(time: Tensor, group: Tensor) -> Tensor:
    """Order of rows by group and within a group by time."""
    first = torch.argsort(time, stable=True)
    return first[torch.argsort(group[first], stable=True)]


def _merged(light: Photoelectrons, charge: Tensor, merging_time: float) -> Pulses:
    """Join photoelectrons of one PMT and event that begin less than the merging time apart."""
    group = light.event * (int(light.pmt.max()) + 1 if len(light.pmt) else 1) + light.pmt
    order = _by_event_then(light.time, group)
    group, time = group[order], light.time[order]
    first = torch.ones_like(group, dtype=torch.bool)
    first[1:] = group[1:] != group[:-1]
    begins = first
    row = torch.arange(len(group), device=group.device)
    while True:
        latest = torch.cummax(torch.where(begins, row, -1), dim=0).values
        gap = time - time[latest]
        over = gap > merging_time
        previous = torch.zeros_like(over)
        previous[1:] = over[:-1] & (latest[1:] == latest[:-1])
        new = over & ~previous
        if not bool(new.any()):
            break
        begins |= new
    pulse = begins.cumsum(0) - 1
    total = torch.zeros(int(begins.sum()), dtype=charge.dtype, device=charge.device)
    total.index_add_(0, pulse, charge[order])
    rows = order[begins]
    return Pulses(light.event[rows], light.pmt[rows], light.time[rows], total)
