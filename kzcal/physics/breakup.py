"""Light nuclei that fall apart into alphas.

Source: TUNL; 8Be is 91.84 keV above two alphas, and 12C comes apart by way of it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.particles import ALPHA
from kzcal.physics.emission import Emission

PAIR_ENERGY = 0.09184
"""8Be above two alphas, MeV."""
STEP_ENERGY = 7.3666
"""8Be and an alpha above 12C, MeV."""

Energies = Float64[np.ndarray, " decay"]


def fall_apart(
    decay: Int64[np.ndarray, " decay"],
    excitation: Energies,
    alphas: Int64[np.ndarray, " decay"],
    time: Energies,
    *,
    generator: np.random.Generator,
) -> list[Emission]:
    """Alphas of excited 8Be (two) and 12C (three).

    Args:
        decay: row of the decay.
        excitation: of the nucleus, MeV.
        alphas: two or three.
        time: ns after the decay.
        generator: of the directions.
    """
    three = alphas == 3
    first = np.where(three, (excitation - STEP_ENERGY) * 2.0 / 3.0, 0.0)
    moving = first / 2.0
    inner = np.where(three, PAIR_ENERGY, excitation + PAIR_ENERGY)
    cosine = generator.uniform(-1.0, 1.0, len(decay))
    apart = np.sqrt(moving * inner) * cosine
    energies = (first, (moving + inner) / 2.0 + apart, (moving + inner) / 2.0 - apart)
    emissions = []
    for energy in energies:
        rows = np.flatnonzero(energy > 0.0)
        emissions.append(
            Emission.isotropic(decay[rows], ALPHA, energy[rows], time[rows], generator=generator)
        )
    return emissions
