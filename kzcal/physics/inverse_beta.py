"""Inverse beta decay, the capture of an electron antineutrino by a proton at rest.

    antineutrino + p -> e+ + n

Source: Vogel and Beacom (1999), doi:10.1103/PhysRevD.60.053003, eq. 12 to 14, for the
cross-section by angle to first order in 1/M; Strumia and Vissani (2003),
doi:10.1016/S0370-2693(03)00616-6, eq. 21, for the positron's exact energy at an angle.
Assumption: radiative corrections beyond the constant part are left out; they change the shape by
less than 1 % below 10 MeV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.physics.emission import isotropic

PROTON, NEUTRON, ELECTRON = 938.27209, 939.56542, 0.51099895
"""Masses, MeV, CODATA 2018."""
GAP = NEUTRON - PROTON
THRESHOLD = ((NEUTRON + ELECTRON) ** 2 - PROTON**2) / (2 * PROTON)
"""MeV, 1.806."""
OFFSET = GAP - ELECTRON
"""An antineutrino's energy less that of its positron and the two gammas after it, when the
neutron takes none, MeV: 0.782."""
VECTOR, AXIAL, MAGNETIC = 1.0, 1.2756, 3.706
"""Couplings of the nucleon; the axial one of the Particle Data Group (2022)."""
SCALE = 1.16638e-11**2 * 0.97373**2 * 1.024 / np.pi * 1.9732698e-11**2
"""G_F^2 cos^2 theta_C (1 + inner radiative correction) / pi, cm2 per MeV2."""
COSINES = 129

Energies = Float64[np.ndarray, " neutrino"]


def cross_section_by_cosine(
    energy: Float64[np.ndarray, "*shape"], cosine: Float64[np.ndarray, "*shape"]
) -> Float64[np.ndarray, "*shape"]:
    """Cross-section per unit of the cosine between neutrino and positron, cm2.

    Args:
        energy: of the antineutrino, MeV; below THRESHOLD the cross-section is 0.
        cosine: of the angle.
    """
    mass = (PROTON + NEUTRON) / 2
    first = np.maximum(energy - GAP, ELECTRON * (1 + 1e-9))
    speed = np.sqrt(1 - (ELECTRON / first) ** 2)
    recoil = (GAP**2 - ELECTRON**2) / (2 * mass)
    second = first * (1 - energy / mass * (1 - speed * cosine)) - recoil
    second = np.maximum(second, ELECTRON * (1 + 1e-9))
    momentum = np.sqrt(second**2 - ELECTRON**2)
    both = VECTOR**2 + 3 * AXIAL**2
    less = VECTOR**2 - AXIAL**2
    main = (both + less * momentum / second * cosine) * second * momentum
    turned = (first + GAP) * (1 - cosine / speed) - GAP
    gamma = (
        2
        * (VECTOR + MAGNETIC)
        * AXIAL
        * ((2 * first + GAP) * (1 - speed * cosine) - ELECTRON**2 / first)
        + (VECTOR**2 + AXIAL**2) * (GAP * (1 + speed * cosine) + ELECTRON**2 / first)
        + both * turned
        + less * turned * speed * cosine
    )
    found = SCALE / 2 * (main - gamma / mass * first**2 * speed)
    return np.asarray(np.where(energy > THRESHOLD, np.maximum(found, 0.0), 0.0))


def cross_section(energy: Energies) -> Energies:
    """Cross-section of antineutrinos of given energies [MeV], cm2."""
    cosine = np.linspace(-1.0, 1.0, COSINES)
    whole = np.broadcast_arrays(energy[:, None], cosine[None, :])
    return np.asarray(np.trapezoid(cross_section_by_cosine(*whole), cosine, axis=1))


def positron_energy(energy: Energies, cosine: Energies) -> Energies:
    """Kinetic energy of the positron that leaves at an angle, MeV.

    Args:
        energy: of the antineutrino, MeV, above THRESHOLD.
        cosine: of the angle between the two.
    """
    share = energy / PROTON
    left = energy - (NEUTRON**2 - PROTON**2 - ELECTRON**2) / (2 * PROTON)
    kappa = (1 + share) ** 2 - (share * cosine) ** 2
    root = np.sqrt(np.maximum(left**2 - ELECTRON**2 * kappa, 0.0))
    total = (left * (1 + share) + share * cosine * root) / kappa
    return np.asarray(np.maximum(total - ELECTRON, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Reactions:
    """What antineutrinos made of protons.

    Args:
        energy: of the antineutrino, MeV.
        positron: kinetic energy, MeV.
        positron_direction: unit vector.
        neutron: kinetic energy, MeV.
        neutron_direction: unit vector.
    """

    energy: Energies
    positron: Energies
    positron_direction: Float64[np.ndarray, "neutrino 3"]
    neutron: Energies
    neutron_direction: Float64[np.ndarray, "neutrino 3"]


def react(
    energy: Energies,
    direction: Float64[np.ndarray, "neutrino 3"],
    *,
    generator: np.random.Generator,
) -> Reactions:
    """Draw the reactions of antineutrinos that react.

    Args:
        energy: of the antineutrinos, MeV, above THRESHOLD.
        direction: they fly in, unit vector.
        generator: random numbers.
    """
    cosine = _cosines(energy, generator)
    positron = positron_energy(energy, cosine)
    across = np.cross(direction, isotropic(len(energy), generator=generator))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    sine = np.sqrt(1 - cosine**2)
    leaves = cosine[:, None] * direction + sine[:, None] * across
    momentum = np.sqrt(positron * (positron + 2 * ELECTRON))
    left = energy[:, None] * direction - momentum[:, None] * leaves
    size = np.linalg.norm(left, axis=1)
    neutron = np.hypot(size, NEUTRON) - NEUTRON
    return Reactions(energy, positron, leaves, neutron, left / size[:, None])


def _cosines(energy: Energies, generator: np.random.Generator) -> Energies:
    """Cosine between antineutrino and positron, by the cross-section at the energy."""
    cosine = generator.uniform(-1.0, 1.0, len(energy))
    most = 1.02 * np.maximum(
        cross_section_by_cosine(energy, np.full_like(energy, -1.0)),
        cross_section_by_cosine(energy, np.full_like(energy, 1.0)),
    )
    waiting = np.arange(len(energy))
    while len(waiting):
        cosine[waiting] = generator.uniform(-1.0, 1.0, len(waiting))
        height = cross_section_by_cosine(energy[waiting], cosine[waiting])
        waiting = waiting[generator.random(len(waiting)) * most[waiting] > height]
    return cosine
