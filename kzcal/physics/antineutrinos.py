"""Spectra of antineutrinos that react with protons: from reactors and from the Earth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float64

from kzcal.physics.decay_table import read_nuclides
from kzcal.physics.inverse_beta import THRESHOLD, cross_section
from kzcal.physics.scheme import flatten

Nodes = Float64[np.ndarray, " node"]

REACTOR_MEV = np.linspace(THRESHOLD, 10.0, 821)
GEO_MEV = np.linspace(THRESHOLD, 3.4, 641)
FISSION_SPECTRA: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "u235": (4.367, -4.577, 2.100, -5.294e-1, 6.186e-2, -2.777e-3),
        "u238": (4.833e-1, 1.927e-1, -1.283e-1, -6.762e-3, 2.233e-3, -1.536e-4),
        "pu239": (4.757, -5.392, 2.563, -6.596e-1, 7.820e-2, -3.536e-3),
        "pu241": (2.990, -2.882, 1.278, -3.343e-1, 3.905e-2, -1.754e-3),
    }
)
"""Logarithm of the antineutrinos per MeV and fission, as a polynomial in the energy.

Source: Huber (2011), doi:10.1103/PhysRevC.84.024617, and for 238U Mueller et al. (2011),
doi:10.1103/PhysRevC.83.054615; they hold from 2 to 8 MeV.
Assumption: the polynomials go on below 2 MeV, where 0.5 % react, and above 8 MeV.
"""
FISSION_SHARES: Mapping[str, float] = MappingProxyType(
    {"u235": 0.567, "u238": 0.078, "pu239": 0.298, "pu241": 0.057}
)
"""Of the fissions. Source: KamLAND (2013), arXiv:1303.4667."""
MIXING_12, MIXING_13, SPLITTING_EV2 = 0.436, 0.023, 7.53e-5
"""tan^2 of theta_12, sin^2 of theta_13 and the mass difference. Source: KamLAND (2013)."""
BASELINES_KM = (138.0, 214.0)
"""From where most of the flux comes. Source: KamLAND (2003), hep-ex/0212021. Assumption: equal
flux from each kilometre between; the reactors' distances and powers would settle it."""
CHAINS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "u238": MappingProxyType({"pa234m": 0.9984, "bi214": 0.9998, "tl210": 0.0002}),
        "th232": MappingProxyType({"ac228": 1.0, "bi212": 1.0}),
    }
)
"""Beta emitters with energy enough, and how often a chain comes through each; what 210Tl sends out
above 3.4 MeV is left out."""
NEUTRINOS: Mapping[str, int] = MappingProxyType({"u238": 6, "th232": 4})
"""Antineutrinos of a chain."""
THORIUM_FLUX = 0.85
"""Antineutrinos of the thorium chain over those of the uranium chain, for 3.9 times as much
thorium by mass. Source: Fiorentini, Lissia and Mantovani (2007), arXiv:0707.3203."""


@dataclass(frozen=True, slots=True, eq=False)
class Reacting:
    """Energies of the antineutrinos that react with protons.

    Args:
        energy: MeV, ascending.
        density: of reactions at these energies, relative; linear between them.
    """

    energy: Nodes
    density: Nodes

    @property
    def cumulative(self) -> Nodes:
        """Share of the reactions below each node."""
        areas = np.diff(self.energy) * (self.density[1:] + self.density[:-1]) / 2
        below = np.append(0.0, np.cumsum(areas))
        return np.asarray(below / below[-1])

    def mean(self) -> float:
        """Mean energy of the reacting antineutrinos, MeV."""
        weight = np.diff(self.cumulative)
        return float(weight @ (self.energy[1:] + self.energy[:-1]) / 2)

    def sample(self, n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, " n"]:
        """Energies of reacting antineutrinos, MeV."""
        return np.asarray(np.interp(generator.random(n), self.cumulative, self.energy))


def fission_spectrum(fuel: str, energy: Nodes) -> Nodes:
    """Antineutrinos per MeV and fission of a nuclide."""
    return np.asarray(np.exp(np.polynomial.polynomial.polyval(energy, FISSION_SPECTRA[fuel])))


def survival(energy: Nodes, baselines_km: tuple[float, float]) -> Nodes:
    """Share of electron antineutrinos that are still such after their way.

    Args:
        energy: MeV.
        baselines_km: nearest and farthest of sources that are spread evenly between.

    Source: three flavours with the fast oscillation of theta_13 averaged, as KamLAND (2013), eq. 1
        to 4, without matter.
    """
    way = np.linspace(*baselines_km, 257)
    phase = 1.267 * SPLITTING_EV2 * 1e3 * way / energy[:, None]
    mixing = 4 * MIXING_12 / (1 + MIXING_12) ** 2
    two = 1 - mixing * (np.sin(phase) ** 2).mean(axis=1)
    return np.asarray((1 - MIXING_13) ** 2 * two + MIXING_13**2)


def reactor(baselines_km: tuple[float, float] = BASELINES_KM) -> Reacting:
    """Antineutrinos of reactors; baselines of 0 km leave all of them."""
    flux = sum(s * fission_spectrum(fuel, REACTOR_MEV) for fuel, s in FISSION_SHARES.items())
    left = survival(REACTOR_MEV, baselines_km) if any(baselines_km) else 1.0
    return Reacting(REACTOR_MEV, flux * left * cross_section(REACTOR_MEV))


def chain_spectrum(chain: str, energy: Nodes) -> Nodes:
    """Antineutrinos per MeV and decay of the head of a chain, at energies above THRESHOLD.

    Assumption: the shapes of kzcal.physics.beta, whose non-unique forbidden transitions have the
        allowed shape; 214Bi's to the ground state of 214Po carries most.
    """
    total = np.zeros_like(energy)
    for name, share in CHAINS[chain].items():
        scheme = flatten(*read_nuclides(name))
        starts, spectra = scheme.starts, scheme.spectra
        chance = np.diff(starts.cumulative, prepend=0.0)
        size = len(spectra.energy) // max(1, round(float(spectra.cumulative[-1])))
        for row in np.flatnonzero((starts.spectrum >= 0) & (starts.positron == 0)):
            part = slice(starts.spectrum[row] * size, (starts.spectrum[row] + 1) * size)
            kinetic, below = spectra.energy[part], spectra.cumulative[part]
            density = np.diff(below) / np.diff(kinetic)
            neutrino = kinetic[-1] - (kinetic[1:] + kinetic[:-1]) / 2
            bent = np.interp(energy, neutrino[::-1], density[::-1], left=0.0, right=0.0)
            total += share * chance[row] * bent
    return total


def geo(thorium_flux: float = THORIUM_FLUX) -> Reacting:
    """Antineutrinos of uranium and thorium in the Earth.

    Args:
        thorium_flux: antineutrinos of the thorium chain over those of the uranium chain.

    Assumption: oscillation has averaged out and changes no shape.
    """
    uranium = chain_spectrum("u238", GEO_MEV) / NEUTRINOS["u238"]
    thorium = chain_spectrum("th232", GEO_MEV) / NEUTRINOS["th232"]
    return Reacting(GEO_MEV, (uranium + thorium_flux * thorium) * cross_section(GEO_MEV))
