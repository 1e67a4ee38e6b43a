"""Electrons that slow down: stopping power, range and how far forward they get.

Positrons are treated as electrons; their stopping power differs by up to 4 % below 100 keV and by
2 % above 1 MeV.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from kzcal.geometry.compositions import Composition

ELECTRON_MASS = 0.51099895
"""MeV."""

ELECTRON_RADIUS = 2.8179403e-13
"""Classical, cm."""

FINE_STRUCTURE = 1 / 137.035999
MEAN_EXCITATION_EV = {1: 19.2, 6: 81.0, 7: 82.0, 8: 106.0, 54: 1.13 * 482.0}
"""Of the elements in condensed compounds, by atomic number. Source: ICRU Report 37 (1984)."""

Energy = Float64[np.ndarray, " energy"]


def mean_excitation_energy(material: Composition) -> float:
    """Mean excitation energy by Bragg's rule, MeV."""
    electrons = material.atoms_per_gram * material.atomic_number
    logs = np.log([1e-6 * MEAN_EXCITATION_EV[int(z)] for z in material.atomic_number])
    return math.exp(float(electrons @ logs) / float(electrons.sum()))


def density_effect(material: Composition, energy: Energy) -> Energy:
    """Sternheimer's delta of an electron's kinetic energy [MeV].

    Source: Sternheimer and Peierls (1971), general expression for condensed matter,
        doi:10.1103/PhysRevB.3.3681.
    """
    excitation = mean_excitation_energy(material)
    electrons_per_cm3 = material.density * material.electrons_per_gram
    plasma = (
        ELECTRON_MASS
        / FINE_STRUCTURE
        * math.sqrt(4 * math.pi * electrons_per_cm3 * ELECTRON_RADIUS**3)
    )
    c = 2 * math.log(excitation / plasma) + 1
    end, threshold = (2.0, 3.681) if excitation < 1e-4 else (3.0, 5.215)
    begin = 0.2 if c < threshold else 0.326 * c - (1.0 if end == 2.0 else 1.5)
    bend = (c - 2 * math.log(10) * begin) / (end - begin) ** 3
    gamma = 1 + energy / ELECTRON_MASS
    x = 0.5 * np.log10(gamma**2 - 1)
    straight = 2 * math.log(10) * x - c
    curved = straight + bend * np.maximum(end - x, 0) ** 3
    delta: Energy = np.where(x < begin, 0.0, np.where(x < end, curved, straight))
    return delta


def collision_stopping(material: Composition, energy: Energy) -> Energy:
    """Collision stopping power of electrons, MeV cm2/g.

    Args:
        material: what they cross.
        energy: kinetic, MeV.

    Source: Berger and Seltzer, in ICRU Report 37 (1984), eq. 3.3.
    Assumption: the formula is used down to 0.1 keV, below what it was made for; tracks end with
        5 keV of at most 1 % of the light.
    """
    tau = energy / ELECTRON_MASS
    beta2 = tau * (tau + 2) / (tau + 1) ** 2
    shape = (1 - beta2) * (1 + tau**2 / 8 - (2 * tau + 1) * math.log(2))
    excitation = mean_excitation_energy(material)
    logarithm = 2 * np.log(energy / excitation) + np.log1p(tau / 2)
    constant = 2 * math.pi * ELECTRON_RADIUS**2 * ELECTRON_MASS * material.electrons_per_gram
    bracket = logarithm + shape - density_effect(material, energy)
    stopping: Energy = constant / beta2 * bracket
    return stopping


def transport_mean_free_path(material: Composition, energy: Energy) -> Energy:
    """Length over which multiple scattering halts the forward motion by a factor e, cm.

    Source: screened Rutherford scattering with Moliere's angle, Moliere (1947); electrons of the
        atoms count by Z (Z + 1).
    """
    gamma = 1 + energy / ELECTRON_MASS
    beta2 = 1 - 1 / gamma**2
    momentum2 = beta2 * gamma**2
    inverse = np.zeros_like(energy)
    for z, atoms in zip(material.atomic_number, material.atoms_per_gram, strict=True):
        screening = (
            0.25
            * (FINE_STRUCTURE * z ** (1 / 3) / 0.885) ** 2
            / momentum2
            * (1.13 + 3.76 * (FINE_STRUCTURE * z) ** 2 / beta2)
        )
        angular = np.log1p(1 / screening) - 1 / (1 + screening)
        rutherford = 2 * math.pi * ELECTRON_RADIUS**2 * z * (z + 1) / (momentum2 * beta2)
        inverse += atoms * material.density * rutherford * angular
    return 1 / inverse


def integral(energy: Energy, per_energy: Energy) -> Energy:
    """Integral from zero energy up to each node; the integrand is constant below the first.

    Args:
        energy: nodes, MeV, increasing.
        per_energy: integrand at the nodes, per MeV.
    """
    slices = 0.5 * (per_energy[1:] + per_energy[:-1]) * np.diff(energy)
    total: Energy = energy[0] * per_energy[0] + np.concatenate([[0.0], np.cumsum(slices)])
    return total


def forward_distances(material: Composition, energy: Energy) -> tuple[Energy, Energy]:
    """How far from its start, along its first direction, an electron leaves its energy.

    Args:
        material: what it crosses.
        energy: kinetic, as nodes of the integrals, MeV, increasing.

    Returns:
        Mean of the distance weighted by energy, and mean distance of the end, cm.

    Source: mean cosine after a path by Lewis (1950), doi:10.1103/PhysRev.78.526, with the path of
        the continuous slowing-down approximation.
    """
    per_mev = 1 / (material.density * collision_stopping(material, energy))
    turns = integral(energy, per_mev / transport_mean_free_path(material, energy))
    turns -= turns[-1]
    # exp(turns - turns') is the mean cosine at an energy above that of the primed turns.
    kept = np.exp(turns)
    mean = integral(energy, energy * per_mev * kept) / (kept * energy)
    return mean, integral(energy, per_mev * kept) / kept
