"""Particles of given energies, rather than those of a decay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kzcal.errors import ConfigurationError
from kzcal.particles import ELECTRON, GAMMA, Primaries
from kzcal.physics.emission import Emission, in_order


@dataclass(frozen=True, slots=True)
class GivenParticle:
    """One particle of one energy, or of any energy in a range, in any direction.

    Args:
        particle: PDG code.
        energy: kinetic, MeV; the lower end of a range.
        energy_to: upper end of a flat spectrum, MeV; 0 for one energy.
    """

    particle: int
    energy: float
    energy_to: float = 0.0

    def __post_init__(self) -> None:
        _check("energy", self.energy)
        if self.energy_to and not self.energy <= self.energy_to < np.inf:
            message = f"energy_to is at least energy={self.energy} MeV, got {self.energy_to}"
            raise ConfigurationError(message)

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        """Draw ``n`` particles."""
        energy = generator.uniform(self.energy, self.energy_to or self.energy, n)
        rows, now = np.arange(n), np.zeros(n)
        emission = Emission.isotropic(rows, self.particle, energy, now, generator=generator)
        return in_order([emission], n)


@dataclass(frozen=True, slots=True)
class GivenGammas:
    """Gammas of given energies at once, alone or with an electron, each in any direction.

    Args:
        energies: of the gammas, MeV.
        electron: kinetic energy of the electron, MeV; 0 for none.
    """

    energies: tuple[float, ...]
    electron: float = 0.0

    def __post_init__(self) -> None:
        for energy in self.energies:
            _check("energies", energy)
        if self.electron:
            _check("electron", self.electron)
        if not self.energies and not self.electron:
            message = "a set has a gamma or an electron, got none: name energies"
            raise ConfigurationError(message)

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        """Draw ``n`` sets."""
        rows, now = np.arange(n), np.zeros(n)
        given = [(GAMMA, energy) for energy in self.energies]
        if self.electron:
            given.append((ELECTRON, self.electron))
        emissions = [
            Emission.isotropic(rows, particle, np.full(n, energy), now, generator=generator)
            for particle, energy in given
        ]
        return in_order(emissions, n)


def _check(name: str, energy: float) -> None:
    """Refuse an energy that no particle has."""
    if not 0.0 < energy < np.inf:
        message = f"{name} is positive and finite, in MeV, got {energy}"
        raise ConfigurationError(message)
