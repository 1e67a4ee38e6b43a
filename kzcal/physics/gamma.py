"""Gammas through concentric shells, from birth to absorption or out of the detector.

Compton scattering, photo-effect with K X-rays of xenon, pair and triplet production and Rayleigh
scattering; each photon has its own stream of random numbers. Electrons are left where they are
made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32

from kzcal.errors import ConfigurationError
from kzcal.physics.cross_sections import HIGHEST_MEV, LOWEST_MEV, PhotonTables
from kzcal.physics.photon_kernel import follow


@dataclass(frozen=True, slots=True, eq=False)
class Photons:
    """Photons as they set out.

    Args:
        energy: MeV.
        position: m.
        direction: unit vector.
        time: ns.
    """

    energy: Float64[np.ndarray, " photon"]
    position: Float64[np.ndarray, "photon 3"]
    direction: Float64[np.ndarray, "photon 3"]
    time: Float64[np.ndarray, " photon"]


@dataclass(frozen=True, slots=True, eq=False)
class PhotonDeposits:
    """Electrons and positrons that photons set free, in the order of their photons.

    Args:
        photon: row of the photon.
        process: COMPTON, PHOTO, XENON_PHOTO or PAIR of cross_sections.
        particle: PDG code.
        energy: kinetic, with what stays in the atom, MeV.
        position: m.
        direction: unit vector.
        time: ns.
        medium: row of the shell.
        escaped: energy that left the last shell, by photon, MeV.
    """

    photon: Int32[np.ndarray, " deposit"]
    process: Int32[np.ndarray, " deposit"]
    particle: Int32[np.ndarray, " deposit"]
    energy: Float64[np.ndarray, " deposit"]
    position: Float64[np.ndarray, "deposit 3"]
    direction: Float64[np.ndarray, "deposit 3"]
    time: Float64[np.ndarray, " deposit"]
    medium: Int32[np.ndarray, " deposit"]
    escaped: Float64[np.ndarray, " photon"]


def follow_photons(
    photons: Photons,
    tables: PhotonTables,
    outer_radius: Float64[np.ndarray, " medium"],
    *,
    ortho_positronium: tuple[float, float] = (0.0, 0.0),
    cutoff: float = LOWEST_MEV,
    generator: np.random.Generator,
) -> PhotonDeposits:
    """Follow photons until they are absorbed or leave the last shell.

    Args:
        photons: at their start; those outside the last shell are lost.
        tables: cross-sections by medium.
        outer_radius: where each medium ends, m, increasing.
        ortho_positronium: share of the pairs' positrons that form it and its lifetime, ns.
        cutoff: energy below which a photon is absorbed where it is, MeV.
        generator: gives one number, the key of all streams.

    Raises:
        ConfigurationError: an energy lies beyond the tables.
    """
    if len(photons.energy) and not 0 < photons.energy.min() <= photons.energy.max() <= HIGHEST_MEV:
        wrong = photons.energy[~((photons.energy > 0) & (photons.energy <= HIGHEST_MEV))][0]
        message = f"energies of gammas must lie above 0 and up to {HIGHEST_MEV} MeV, got {wrong}"
        raise ConfigurationError(message)
    key = int(generator.integers(2**62))
    starts = np.column_stack([photons.energy, photons.position, photons.direction, photons.time])
    radii = np.ascontiguousarray(outer_radius, np.float64)
    columns, labels, n, escaped = follow(
        key, starts, tables, radii, ortho_positronium, max(cutoff, LOWEST_MEV)
    )
    return PhotonDeposits(
        photon=labels[:n, 0],
        process=labels[:n, 1],
        particle=labels[:n, 2],
        energy=columns[:n, 0],
        position=columns[:n, 1:4],
        direction=columns[:n, 4:7],
        time=columns[:n, 7],
        medium=labels[:n, 3],
        escaped=escaped,
    )
