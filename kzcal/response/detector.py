"""From photoelectrons to reported hits, with the constants of every PMT.

A photoelectron of light is kept with the PMT's efficiency. Its pulse is late by the transit time
and the cable, and now and then comes at another time altogether; ions may make one more.
Photoelectrons and dark pulses of a PMT closer than the merging time make one pulse: its charges
add up and its time is that of the first. The discriminator passes or drops it, a small pulse
reads late and a large charge reads low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.charge import ChargeShape, sample_charge
from kzcal.response.likelihood import Expectation, log_likelihood
from kzcal.response.merging import Pulses, by_group_then_time, merged
from kzcal.response.strays import Stray, joined, moved, with_added

__all__ = ["DetectorResponse", "Expectation", "Pulses", "Stray"]


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
        walk: delay of small pulses, ns: charge q reads walk (q^-1/2 - 1) late; one number or one
            for each PMT.
        late_share: share of photoelectrons that have a further, exponential delay.
        late_delay: its mean, ns.
        merging_time: ns.
        qe: relative efficiency; None if all have that of the light.
        saturation: charge q reads q / (1 + q / saturation), p.e.
        moved: shares of photoelectrons whose pulse comes at another time.
        added: shares of photoelectrons that make one more pulse.
        cable: that each place's PMT reports by; None if each has the number of its place.
    """

    gain: Float[Tensor, " pmt"]
    spe_width: Float[Tensor, " pmt"]
    time_offset: Float[Tensor, " pmt"]
    tts: Float[Tensor, " pmt"]
    dark_rate: Float[Tensor, " pmt"]
    alive: Bool[Tensor, " pmt"]
    shape: ChargeShape
    walk: float | Float[Tensor, " pmt"]
    late_share: float = 0.03
    late_delay: float = 25.0
    merging_time: float = 12.0
    qe: Float[Tensor, " pmt"] | None = None
    saturation: float = math.inf
    moved: tuple[Stray, ...] = ()
    added: tuple[Stray, ...] = ()
    cable: Int[Tensor, " pmt"] | None = None

    def to(self, device: torch.device | str) -> DetectorResponse:
        """The same response on another device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if isinstance(value, Tensor | ChargeShape):
                values[name] = value.to(device)
        for name in ("moved", "added"):
            values[name] = tuple(stray.to(device) for stray in values[name])
        return DetectorResponse(**values)

    def sample(
        self,
        light: Photoelectrons,
        window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]],
        *,
        ceiling: float | None = None,
        generator: torch.Generator,
    ) -> Pulses:
        """Report hits.

        Args:
            light: photoelectrons before the transit time, by place.
            window: begin and end of each event's recording, ns.
            ceiling: relative efficiency that the light was drawn for, at least that of the best
                PMT; None if it was drawn for each PMT's own.
            generator: source of randomness; the same state gives the same hits.

        Raises:
            ConfigurationError: a PMT is more efficient than the ceiling.
        """
        dark = self._dark(window, generator)
        seen = self._seen(light, ceiling, generator)
        seen = moved(seen, self.moved, generator=generator)
        seen = with_added(seen, self.added, generator=generator)
        time = seen.time + self._transit(seen.pmt, generator)
        arriving = joined(Photoelectrons(seen.event, seen.pmt, time), dark)
        charge = self._charge(arriving.pmt, generator)
        pulses = merged(arriving, charge, self.merging_time, len(self.gain))
        return self._report(pulses, window, generator)

    def log_prob(
        self,
        pulses: Pulses,
        expectation: Expectation,
        window: tuple[float, float],
    ) -> Float[Tensor, " event"]:
        """Logarithm of the probability density of all that each event reports.

        It is that of sampling, dead time, dropped pulses and dark hits included; see
        kzcal.response.likelihood.

        Args:
            pulses: reported hits.
            expectation: photoelectrons of every PMT and when they come, before the transit time.
            window: begin and end of the recording, ns.

        Returns:
            Natural logarithm of a density in ns and p.e. of each hit.
        """
        return log_likelihood(self, pulses, expectation, window)

    def _seen(
        self, light: Photoelectrons, ceiling: float | None, generator: torch.Generator
    ) -> Photoelectrons:
        """Photoelectrons that the PMTs' own efficiencies leave, by cable."""
        pmt = light.pmt if self.cable is None else self.cable[light.pmt]
        chance = self.alive.float()
        if ceiling is not None and self.qe is not None:
            chance = chance * self.qe / ceiling
            if bool((chance > 1).any()):
                message = (
                    f"light is drawn for the best PMT or better, got relative efficiency "
                    f"{float(chance.max()) * ceiling:.3g} above ceiling={ceiling}: raise it"
                )
                raise ConfigurationError(message)
        uniform = torch.rand(pmt.shape, generator=generator, device=pmt.device)
        kept = torch.nonzero(uniform < chance[pmt])[:, 0]
        return Photoelectrons(light.event[kept], pmt[kept], light.time[kept])

    def _transit(self, pmt: Tensor, generator: torch.Generator) -> Tensor:
        spread = torch.randn(pmt.shape, generator=generator, device=pmt.device)
        time = self.time_offset[pmt] + self.tts[pmt] * spread
        if self.late_share == 0:
            return time
        uniform = torch.rand(pmt.shape, generator=generator, device=pmt.device)
        late = torch.nonzero(uniform < self.late_share)[:, 0]
        delay = torch.rand(late.shape, generator=generator, device=pmt.device).clamp(min=1e-6)
        time[late] -= self.late_delay * torch.log(delay)
        return time

    def _dark(self, window: tuple[Tensor, Tensor], generator: torch.Generator) -> Photoelectrons:
        """Dark pulses: their number in each event, then the PMT and the time of each."""
        begin, end = window
        rate = torch.where(self.alive, self.dark_rate, 0.0).double().cumsum(0)
        mean = (end - begin).double() * rate[-1] * 1e-9
        event = torch.repeat_interleave(torch.poisson(mean, generator=generator).long())
        uniform = torch.rand(
            (2, len(event)), generator=generator, dtype=rate.dtype, device=rate.device
        )
        pmt = torch.searchsorted(rate, uniform[0] * rate[-1], right=True).clamp(max=len(rate) - 1)
        time = torch.lerp(begin[event].double(), end[event].double(), uniform[1])
        return Photoelectrons(event, pmt, time.to(begin.dtype))

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
        shape, pmt, charge = self.shape, pulses.pmt, pulses.charge
        noise = torch.randn(pmt.shape, generator=generator, device=pmt.device)
        level = shape.threshold[pmt] + shape.threshold_width[pmt] * noise
        time = pulses.time + self.delay_of(charge, pmt)
        begin, end = (edge[pulses.event] for edge in window)
        kept = torch.nonzero((charge > level) & (time >= begin) & (time <= end))[:, 0]
        kept = kept[by_group_then_time(pulses.event[kept], time[kept])]
        read = charge[kept] / (1 + charge[kept] / self.saturation)
        return Pulses(pulses.event[kept], pmt[kept], time[kept], read)

    def delay_of(
        self, charge: Float[Tensor, " hit"], pmt: Int[Tensor, " hit"]
    ) -> Float[Tensor, " hit"]:
        """By how much a pulse of this charge [p.e., before saturation] reads late, ns."""
        walk = self.walk[pmt] if isinstance(self.walk, Tensor) else self.walk
        return walk * (charge.clamp(min=0.05) ** -0.5 - 1)
