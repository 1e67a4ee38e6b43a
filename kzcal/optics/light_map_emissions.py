"""Points that send out light, as a light map draws from them: event by event, kind by kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.light import LightSites
from kzcal.optics.light_map_cone import cone_angle


@dataclass(frozen=True, slots=True, eq=False)
class Emissions:
    """Points that send out light of one kind, in the order of their events.

    Args:
        event: row of the event.
        position: m.
        time: ns.
        mean: mean number of photons.
        profile: index of the scintillation's profile.
        cherenkov: whether it is Cherenkov light.
        direction: unit vector of the track.
        cone: angle between the track and its Cherenkov light, rad.
    """

    event: Int[Tensor, " emission"]
    position: Float[Tensor, "emission 3"]
    time: Float[Tensor, " emission"]
    mean: Float[Tensor, " emission"]
    profile: Int[Tensor, " emission"]
    cherenkov: Bool[Tensor, " emission"]
    direction: Float[Tensor, "emission 3"]
    cone: Float[Tensor, " emission"]

    @classmethod
    def of(cls, sites: LightSites, device: torch.device) -> Emissions:
        """Scintillation and Cherenkov light of sites, as far as there is any, on a device."""
        mean = torch.cat([sites.scintillation, sites.cherenkov])
        event = torch.cat([sites.event, sites.event])
        lit = torch.nonzero(mean > 0)[:, 0]
        lit = lit[torch.argsort(event[lit], stable=True)]
        site = lit % max(len(sites.event), 1)
        return cls(
            event=event[lit].long().to(device),
            position=sites.position[site].float().to(device),
            time=sites.time[site].float().to(device),
            mean=mean[lit].float().to(device),
            profile=sites.profile[site].long().to(device),
            cherenkov=(lit >= len(sites.event)).to(device),
            direction=sites.direction[site].float().to(device),
            cone=cone_angle(sites.beta[site].float()).to(device),
        )

    def blocks(self, n_events: int) -> Iterator[Emissions]:
        """Emissions of ``n_events`` consecutive events at a time, events counted from 0."""
        last = int(self.event[-1]) if len(self.event) else -1
        starts = torch.arange(0, last + n_events + 1, n_events, device=self.event.device)
        edges = torch.searchsorted(self.event, starts).tolist()
        for a, b in itertools.pairwise(edges):
            if b > a:
                yield Emissions(*(getattr(self, name)[a:b] for name in self.__slots__))
