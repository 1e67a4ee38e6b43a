"""Where and when light is made: what passes from the transport of particles to the optics."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

PROFILES = ("electron", "alpha", "proton")
"""Particles by which the scintillation profile is chosen; LightSites counts in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class LightSites:
    """Points that emit light, in any order.

    Args:
        event: row of the event.
        position: m.
        time: of the energy deposit, ns, in the event's hit-time base.
        direction: unit vector of the track that makes Cherenkov light.
        scintillation: mean number of scintillation photons, emitted isotropically.
        cherenkov: mean number of Cherenkov photons of 200 to 700 nm, on a cone.
        beta: speed over c that the cone belongs to.
        profile: index into PROFILES of the scintillation's time profile.
        medium: index into the media of the detector.
    """

    event: Int[Tensor, " site"]
    position: Float[Tensor, "site 3"]
    time: Float[Tensor, " site"]
    direction: Float[Tensor, "site 3"]
    scintillation: Float[Tensor, " site"]
    cherenkov: Float[Tensor, " site"]
    beta: Float[Tensor, " site"]
    profile: Int[Tensor, " site"]
    medium: Int[Tensor, " site"]
