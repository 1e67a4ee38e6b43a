"""Particles as they are drawn, before they are put into the order of decays and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32, Int64

from kzcal.particles import Primaries


def isotropic(n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, "particle 3"]:
    """Unit vectors without a preferred direction."""
    cosine = generator.uniform(-1.0, 1.0, n)
    azimuth = generator.uniform(0.0, 2.0 * np.pi, n)
    sine = np.sqrt(1.0 - cosine**2)
    return np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """Particles of many decays in any order.

    Args:
        decay: row of the decay.
        particle: PDG code.
        energy: kinetic, MeV.
        time: ns after the decay.
        direction: unit vector.
    """

    decay: Int64[np.ndarray, " particle"]
    particle: Int32[np.ndarray, " particle"]
    energy: Float64[np.ndarray, " particle"]
    time: Float64[np.ndarray, " particle"]
    direction: Float64[np.ndarray, "particle 3"]

    @classmethod
    def isotropic(
        cls,
        decay: Int64[np.ndarray, " particle"],
        particle: int,
        energy: Float64[np.ndarray, " particle"],
        time: Float64[np.ndarray, " particle"],
        *,
        generator: np.random.Generator,
    ) -> Emission:
        """Particles of one kind that leave in any direction."""
        kind = np.full(len(decay), particle, np.int32)
        return cls(decay, kind, energy, time, isotropic(len(decay), generator=generator))


def in_order(emissions: Sequence[Emission], n: int) -> Primaries:
    """The particles of ``n`` decays, sorted by decay and then by time."""
    decay = np.concatenate([np.zeros(0, np.int64), *(e.decay for e in emissions)])
    time = np.concatenate([np.zeros(0), *(e.time for e in emissions)])
    order = np.lexsort((time, decay))
    offsets = np.append(0, np.cumsum(np.bincount(decay, minlength=n)))
    return Primaries(
        offsets,
        np.concatenate([np.zeros(0, np.int32), *(e.particle for e in emissions)])[order],
        np.concatenate([np.zeros(0), *(e.energy for e in emissions)])[order],
        time[order],
        np.concatenate([np.zeros((0, 3)), *(e.direction for e in emissions)])[order],
    )
