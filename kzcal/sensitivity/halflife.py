"""Decays of an exposure, and the half-life that a number of them means."""

from __future__ import annotations

import numpy as np

from kzcal.physics.double_beta import HALF_LIFE

DAYS = 365.25
"""In a year."""
TWO_NEUTRINO = HALF_LIFE / (DAYS * 86400.0)
"""Half-life of the decay with two neutrinos, years."""
MOLAR_MASS = 0.13590722
"""Of 136Xe, kg per mol. Source: Wang et al. (2021), AME2020, doi:10.1088/1674-1137/abddaf."""
AVOGADRO = 6.02214076e23
UNIT = 1e26
"""Years: signals are counted in units of the rate at this half-life."""


def decays(xenon_kg: float, enrichment: float, days: float, half_life: float) -> float:
    """Decays of 136Xe in a livetime that is short beside the half-life.

    Args:
        xenon_kg: mass of all xenon, kg.
        enrichment: share of it by mass that is 136Xe.
        days: livetime.
        half_life: years.
    """
    atoms = xenon_kg * enrichment / MOLAR_MASS * AVOGADRO
    return float(np.log(2.0) * atoms * days / DAYS / half_life)
