"""Visible energy: light in units of the light of the 2.2 MeV gamma of neutron capture."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from kzcal.light import LightSites
from kzcal.particles import GAMMA, Primaries
from kzcal.physics.transport import Transport

CAPTURE_GAMMA = 2.2246
"""Energy of the gamma of neutron capture on hydrogen, MeV."""


def visible_energy(
    light: LightSites, n_event: int, light_per_mev: float, *, cherenkov_weight: float
) -> Float64[np.ndarray, " event"]:
    """Mean visible energy of events, MeV, without the losses on the light's way.

    Args:
        light: of the events.
        n_event: number of events.
        light_per_mev: light per visible MeV, of capture_light().
        cherenkov_weight: photoelectrons of a Cherenkov photon over those of a scintillation
            photon from the same place; the light model of the detector gives it.
    """
    both = light.scintillation.double() + cherenkov_weight * light.cherenkov.double()
    total = np.bincount(light.event.cpu().numpy(), both.cpu().numpy(), n_event)
    visible: Float64[np.ndarray, " event"] = total / light_per_mev
    return visible


def capture_light(
    transport: Transport,
    position: Float64[np.ndarray, "3"],
    *,
    cherenkov_weight: float,
    n: int = 10_000,
    generator: np.random.Generator,
) -> float:
    """Mean light of gammas of neutron capture per MeV of their energy.

    Args:
        transport: of the detector.
        position: where they start, m.
        cherenkov_weight: as for visible_energy().
        n: number of gammas; the mean is good to 0.3 per cent over the root of n / 100.
        generator: random numbers.

    Source: KamLAND-Zen sets its energy scale by this gamma.
    """
    primaries = isotropic(GAMMA, CAPTURE_GAMMA, n, generator=generator)
    start = np.tile(position, (n, 1))
    light = transport.light(transport.deposits(primaries, start, generator=generator))
    return float(visible_energy(light, n, 1.0, cherenkov_weight=cherenkov_weight).mean()) / (
        CAPTURE_GAMMA
    )


def isotropic(
    particle: int, energy: float, n: int, *, generator: np.random.Generator
) -> Primaries:
    """Decays that send out one particle of given energy [MeV] at time 0 in any direction."""
    direction = generator.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Primaries(
        offsets=np.arange(n + 1),
        particle=np.full(n, particle, np.int32),
        energy=np.full(n, energy),
        time=np.zeros(n),
        direction=direction,
    )
