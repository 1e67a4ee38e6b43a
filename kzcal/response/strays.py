"""Pulses at unusual times: late and early ones, and those of ions that return to the cathode."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.photoelectrons import Photoelectrons


@dataclass(frozen=True, slots=True, eq=False)
class Stray:
    """A share of photoelectrons with a pulse that comes at an unusual time, evenly spread.

    Args:
        share: of photoelectrons, by PMT.
        first: least delay, ns; negative for early pulses.
        last: largest delay, ns.
    """

    share: Float[Tensor, " pmt"]
    first: Float[Tensor, " pmt"]
    last: Float[Tensor, " pmt"]

    def to(self, device: torch.device | str) -> Stray:
        """The same on another device."""
        return Stray(self.share.to(device), self.first.to(device), self.last.to(device))

    def delay(
        self, pmt: Int[Tensor, " pe"], *, generator: torch.Generator
    ) -> Float[Tensor, " pe"]:
        """Delay of such a pulse of each of these PMTs, ns."""
        uniform = torch.rand(pmt.shape, generator=generator, device=pmt.device)
        return torch.lerp(self.first[pmt], self.last[pmt], uniform)

    def transform(self, omega: Float[Tensor, " frequency"]) -> Tensor:
        """Transform of the delay's density, one row per PMT; ``omega`` in 1/ns."""
        half = (self.last - self.first)[:, None] / 2
        middle = (self.last + self.first)[:, None] / 2
        box = torch.sinc(omega * half / torch.pi)
        return box * torch.exp(-1j * omega * middle)


def moved(
    light: Photoelectrons, strays: tuple[Stray, ...], *, generator: torch.Generator
) -> Photoelectrons:
    """The photoelectrons, some of them at another time; of several strays one acts."""
    if not strays:
        return light
    pmt, time = light.pmt, light.time.clone()
    chance = torch.rand(pmt.shape, generator=generator, device=pmt.device)
    for stray in strays:
        share = stray.share[pmt]
        chosen = torch.nonzero((chance >= 0) & (chance < share))[:, 0]
        time[chosen] += stray.delay(pmt[chosen], generator=generator)
        chance = torch.where(chance < share, -1.0, chance - share)
    return Photoelectrons(light.event, pmt, time)


def with_added(
    light: Photoelectrons, strays: tuple[Stray, ...], *, generator: torch.Generator
) -> Photoelectrons:
    """The photoelectrons and further ones that follow them."""
    parts = [light]
    for stray in strays:
        chance = torch.rand(light.pmt.shape, generator=generator, device=light.pmt.device)
        chosen = torch.nonzero(chance < stray.share[light.pmt])[:, 0]
        pmt = light.pmt[chosen]
        time = light.time[chosen] + stray.delay(pmt, generator=generator)
        parts.append(Photoelectrons(light.event[chosen], pmt, time))
    return joined(*parts)


def joined(*parts: Photoelectrons) -> Photoelectrons:
    """All photoelectrons of several tables."""
    return Photoelectrons(
        torch.cat([part.event for part in parts]),
        torch.cat([part.pmt for part in parts]),
        torch.cat([part.time for part in parts]),
    )
