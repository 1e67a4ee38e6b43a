"""Alpha particles that slow down.

Source: ASTAR, NIST Standard Reference Database 124, for toluene, carried over to a liquid by the
    ratio of Bethe's formulae.
Assumption: below 1 MeV the ratio is that of 1 MeV, because Bethe's formula fails there; above the
    table (8 MeV) the stopping power follows Bethe's formula. The error is about 3 %.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from kzcal.geometry.compositions import Composition, composition
from kzcal.physics.electrons import ELECTRON_MASS, mean_excitation_energy

ALPHA_MASS = 3727.3794
"""MeV."""

SLOWEST_BETHE = 1.0
"""Energy from which the ratio of Bethe's formulae is trusted, MeV."""

Energy = Float64[np.ndarray, " energy"]


def alpha_stopping(material: Composition, energy: Energy) -> Energy:
    """Total stopping power, MeV cm2/g.

    Args:
        material: what the alpha particles cross.
        energy: kinetic, MeV.
    """
    toluene = composition("toluene", 0.8669, {"H": 0.08751, "C": 0.91249})
    nodes, values = _astar()
    inside = np.exp(np.interp(np.log(energy), np.log(nodes), np.log(values)))
    last = nodes[-1:]
    beyond = _bethe(toluene, np.maximum(energy, last)) / _bethe(toluene, last)
    trusted = np.maximum(energy, SLOWEST_BETHE)
    stopping: Energy = inside * beyond * _bethe(material, trusted) / _bethe(toluene, trusted)
    return stopping


def _bethe(material: Composition, energy: Energy) -> Energy:
    """Bethe's stopping power up to a constant, without shell corrections."""
    gamma = 1 + energy / ALPHA_MASS
    beta2 = 1 - 1 / gamma**2
    excitation = mean_excitation_energy(material)
    logarithm = np.log(2 * ELECTRON_MASS * beta2 * gamma**2 / excitation)
    return material.electrons_per_gram / beta2 * (logarithm - beta2)


def _astar() -> tuple[Energy, Energy]:
    path = Path(__file__).parent / "data" / "alpha_stopping_toluene.csv"
    energy, stopping = np.loadtxt(path, delimiter=",", comments="#", skiprows=3).T
    return energy, stopping
