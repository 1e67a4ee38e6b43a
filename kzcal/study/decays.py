"""What the photons of a decay are like: the properties that rejection may follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kzcal.particles import GAMMA, POSITRON
from kzcal.parts import ParticleSource
from kzcal.physics.beta import ELECTRON_MASS

LEAST_MEV = 0.1
"""Photons with less, such as X-rays, go no farther than electrons and are not counted."""
DRAWN = 8192


@dataclass(frozen=True, slots=True)
class Photons:
    """Photons of the decays of a source, those of annihilation among them.

    Args:
        number: mean of a decay: the total gamma intensity.
        energy: mean of a photon, MeV: the weighted gamma energy; 0 without photons.
        gamma_energy: the same without photons of annihilation.
    """

    number: float
    energy: float
    gamma_energy: float


def photons_of(source: ParticleSource, *, generator: np.random.Generator) -> Photons:
    """The photons of a source, from decays drawn for them; errors are below 2 per cent."""
    primaries = source.sample(DRAWN, generator=generator)
    gamma = (primaries.particle == GAMMA) & (primaries.energy > LEAST_MEV)
    n_annihilation = 2 * int((primaries.particle == POSITRON).sum())
    n_gamma, total = int(gamma.sum()), float(primaries.energy[gamma].sum())
    number = n_gamma + n_annihilation
    both = total + n_annihilation * ELECTRON_MASS
    return Photons(number / DRAWN, both / max(number, 1), total / max(n_gamma, 1))
