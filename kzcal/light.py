"""Where and when light is made: what passes from the transport of particles to the optics."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

PROFILES = ("electron", "alpha", "proton")
"""Particles by which the scintillation profile is chosen; LightSites counts in this order."""

ELECTRON_PROFILE = ((0.86, 6.9), (0.12, 8.8), (0.02, 36.0))
ALPHA_PROFILE = ((0.5206, 8.218), (0.4259, 23.41), (0.0536, 288.9))
PROTON_PROFILE = ((0.7407, 6.862), (0.2050, 12.79), (0.0543, 84.34))
"""Weights and decay times [ns] of the scintillator.

Source: KamLAND RAT-PAC data (github.com/hsong7273/KamLAND-rat-pac, OPTICS_KAMLAND.ratdb).
"""

PROFILE_COMPONENTS = (ELECTRON_PROFILE, ALPHA_PROFILE, PROTON_PROFILE)
"""In the order of PROFILES."""


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
