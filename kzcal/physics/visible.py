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
    start: Float64[np.ndarray, "gamma 3"],
    *,
    cherenkov_weight: float,
    generator: np.random.Generator,
) -> float:
    """Mean light of gammas of neutron capture per MeV of their energy.

    Args:
        transport: of the detector.
        start: where each gamma starts, m; the mean of 10,000 is good to 0.03 per cent.
        cherenkov_weight: as for visible_energy().
        generator: random numbers.

    Source: KamLAND-Zen sets its energy scale by this gamma.
    """
    n = len(start)
    primaries = isotropic(GAMMA, CAPTURE_GAMMA, n, generator=generator)
    light = transport.light(transport.deposits(primaries, start, generator=generator))
    each = visible_energy(light, n, CAPTURE_GAMMA, cherenkov_weight=cherenkov_weight)
    return float(each.mean())


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
