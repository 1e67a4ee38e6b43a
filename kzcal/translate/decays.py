"""Light of decays at given places, in the detector that a global fit has found.

What the fit finds of departures from Birks' law is in: ``electron_quenching``, ``alpha_light``
and ``alpha_slope`` of kzcal.fit.energy.quenching.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64

from kzcal.fit.energy.quenching import (
    ALPHA_LIGHT,
    ALPHA_MEV,
    ALPHA_SLOPE,
    ELECTRON_QUENCHING,
    transport_at,
)
from kzcal.fit.light.points import Rows, Vertices
from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.light import PROFILES, LightSites
from kzcal.particles import ALPHA, Deposits
from kzcal.parts import ParticleSource
from kzcal.physics.transport import Transport

PerEvent = Float64[np.ndarray, " event"]


@dataclass(frozen=True, slots=True, eq=False)
class Quenching:
    """Transport of a detector, with light that departs from Birks' law as a fit says.

    Args:
        detector: at the values of the fit.
        transport: of the detector.
        unquenched: the same without quenching.
        values: parameters of the fit by name.
    """

    detector: Detector
    transport: Transport
    unquenched: Transport
    values: Mapping[str, float]

    @classmethod
    def of(
        cls, detector: Detector, materials: Materials, values: Mapping[str, float]
    ) -> Quenching:
        """Both transports of a detector that is at the values of the fit."""
        bare = transport_at(detector, materials, 0.0)
        return cls(detector, Transport(detector, materials), bare, values)

    def light(
        self, source: ParticleSource, start: Vertices, *, generator: np.random.Generator
    ) -> tuple[LightSites, PerEvent]:
        """Light of a decay for each place, its centroid there [m], and quenched energies, MeV.

        Assumption: a decay that starts at the place loses as much light to the edge of the liquid
            as one whose centroid is there; gammas within decimetres of the edge would tell.
        """
        primaries = source.sample(len(start), generator=generator)
        deposits = self.transport.deposits(primaries, start, generator=generator)
        sites = self.transport.light(deposits)
        factor = torch.from_numpy(self._factors(deposits))
        changed = sites.scintillation * factor[sites.profile, sites.event].float()
        energy = np.bincount(sites.event.numpy(), changed.double().numpy(), len(start))
        made = centred(replace(sites, scintillation=changed), start)
        return made, np.asarray(energy / self.photons_per_mev)

    @property
    def photons_per_mev(self) -> float:
        """Photons of one quenched MeV in the brightest liquid."""
        return float(self.transport.liquids.photons_per_mev.max())

    def _factors(self, deposits: Deposits) -> Float64[np.ndarray, "profile event"]:
        """Light over that of Birks' law, of each profile and event."""
        factors = np.ones((len(PROFILES), len(deposits)))
        alpha = deposits.particle == ALPHA
        before, after = (
            np.bincount(deposits.event, self._shining(t, deposits) * ~alpha, len(deposits))
            for t in (self.unquenched, self.transport)
        )
        lost = (before - after) * self.values.get(ELECTRON_QUENCHING, 1.0)
        shines = after > 0
        electron, alphas = (PROFILES.index(name) for name in ("electron", "alpha"))
        factors[electron, shines] = ((before - lost) / np.where(shines, after, 1.0))[shines]
        mev = np.bincount(deposits.event, deposits.energy * alpha, len(deposits))
        steeper = np.where(mev > 0, mev / ALPHA_MEV, 1.0) ** self.values.get(ALPHA_SLOPE, 0.0)
        factors[alphas] = self.values.get(ALPHA_LIGHT, 1.0) * steeper
        return factors

    def _shining(
        self, transport: Transport, deposits: Deposits
    ) -> Float64[np.ndarray, " deposit"]:
        """Energy of each deposit that shines, weighted by the light of its liquid."""
        per_mev = transport.liquids.photons_per_mev
        weight = per_mev[deposits.medium] / per_mev.max()
        return np.asarray(transport.liquids.column("quenched", deposits) * weight)


def of_events(sites: LightSites, number: Rows) -> LightSites:
    """The same light with other numbers of its events."""
    return replace(sites, event=torch.from_numpy(number)[sites.event])


def joined(parts: Sequence[LightSites]) -> LightSites:
    """All of the light, by event."""
    columns = {
        name: torch.cat([getattr(part, name) for part in parts]) for name in LightSites.__slots__
    }
    order = torch.argsort(columns["event"], stable=True)
    return LightSites(**{name: column[order] for name, column in columns.items()})


def centred(sites: LightSites, vertex: Vertices) -> LightSites:
    """Light of events moved so that its centroid is at a place [m] that a fit may find."""
    event, weight = sites.event.numpy(), sites.scintillation.double().numpy()
    total = np.bincount(event, weight, len(vertex))
    place = sites.position.double().numpy()
    share = weight / np.where(total > 0, total, 1.0)[event]
    centroid = np.stack([np.bincount(event, share * x, len(vertex)) for x in place.T], axis=1)
    moved = place + (vertex - centroid)[event]
    return replace(sites, position=torch.from_numpy(moved).to(sites.position.dtype))
