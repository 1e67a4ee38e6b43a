"""The energy spectra of beta decays.

Source: Hayen et al. (2018), 10.1103/RevModPhys.90.015008, for F0 and L0; Behrens and Buehring
(1982) for the shape factors of unique forbidden transitions.
Assumption: every other forbidden transition has the allowed shape (xi approximation; mean
energies within 0.7 % of evaluated ones; 210Bi is known to differ), and screening by the atom's
electrons is left out; BetaShape would settle both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import factorial2, gammaln, loggamma

ALPHA = 1.0 / 137.035999
ELECTRON_MASS = 0.51099895
"""MeV, CODATA 2018."""
COMPTON_FM = 386.15927
"""Reduced Compton wavelength of the electron, fm."""
BINS = 512

Energies = Float64[np.ndarray, "..."]
UNIQUE_FACTORS = ((1.0,), (1.0, 1.0), (1.0, 10.0 / 3.0, 1.0), (1.0, 7.0, 7.0, 1.0))
"""Coefficients of lambda p^2n q^2(k-n), n = 0 to k, by degree k."""


def partial_wave(charge: int, mass: int, kinetic: Energies, k: int) -> Energies:
    """F(k-1): density at the nucleus of a point charge, of electrons with j = k - 1/2.

    Args:
        charge: of the daughter; negative for positrons.
        mass: mass number.
        kinetic: of the electron or positron, MeV.
        k: 1 for the waves that allowed decays feed.
    """
    total = 1.0 + kinetic / ELECTRON_MASS
    momentum = np.sqrt(total**2 - 1.0)
    gamma = np.sqrt(k**2 - (ALPHA * charge) ** 2)
    eta = ALPHA * charge * total / momentum
    size = 2.0 * (gamma - k) * np.log(2.0 * momentum * _radius(mass))
    phase = 2.0 * loggamma(gamma + 1j * eta).real - 2.0 * gammaln(2.0 * gamma + 1.0)
    weight = 4.0 ** (k - 1) * 2.0 * k * (k + gamma) * factorial2(2 * k - 1) ** 2
    return np.asarray(weight * np.exp(size + np.pi * eta + phase))


def extended(charge: int, mass: int, kinetic: Energies) -> Energies:
    """L0: what the extent of the nucleus changes."""
    total = 1.0 + kinetic / ELECTRON_MASS
    coupling, radius = ALPHA * charge, _radius(mass)
    gamma = np.sqrt(1.0 - coupling**2)
    slope = total * radius * coupling * (41.0 - 26.0 * gamma) / (15.0 * (2.0 * gamma - 1.0))
    inverse = coupling * radius * gamma * (17.0 - 2.0 * gamma)
    inverse = inverse / (30.0 * total * (2.0 * gamma - 1.0))
    return np.asarray(1.0 + 13.0 * coupling**2 / 60.0 - slope - inverse)


def _radius(mass: int) -> float:
    """Of the nucleus, in Compton wavelengths of the electron."""
    return float(1.2 * mass ** (1.0 / 3.0) / COMPTON_FM)


def beta_shape(
    charge: int, mass: int, end_point: float, unique: int, kinetic: Energies
) -> Energies:
    """Relative number of electrons or positrons per MeV.

    Args:
        charge: of the daughter; negative for positrons.
        mass: mass number.
        end_point: largest kinetic energy, MeV.
        unique: degree of a unique forbidden transition, 0 for the allowed shape.
        kinetic: MeV, above 0 and below the end point.
    """
    total = 1.0 + kinetic / ELECTRON_MASS
    momentum_2 = total**2 - 1.0
    neutrino = (end_point - kinetic) / ELECTRON_MASS
    phase_space = np.sqrt(momentum_2) * total * neutrino**2
    wave = partial_wave(charge, mass, kinetic, 1)
    factor = sum(
        coefficient
        * (partial_wave(charge, mass, kinetic, n + 1) / wave)
        * momentum_2**n
        * neutrino ** (2 * (unique - n))
        for n, coefficient in enumerate(UNIQUE_FACTORS[unique])
    )
    return np.asarray(phase_space * wave * extended(charge, mass, kinetic) * factor)


@dataclass(frozen=True, slots=True)
class BetaBranch:
    """What fixes the spectrum of one beta decay; the charge is negative for positrons."""

    charge: int
    mass: int
    end_point: float
    unique: int


@dataclass(frozen=True, slots=True, eq=False)
class BetaSpectra:
    """Cumulative spectra of several branches, end to end: that of branch i rises from i to i + 1.

    Args:
        cumulative: i plus the share of branch i below ``energy``.
        energy: kinetic, MeV.
    """

    cumulative: Float64[np.ndarray, " node"]
    energy: Float64[np.ndarray, " node"]

    @classmethod
    def of(cls, branches: Sequence[BetaBranch]) -> BetaSpectra:
        """Tabulate the spectra of these branches."""
        edges = np.linspace(0.0, 1.0, BINS + 1)
        middle = (edges[1:] + edges[:-1]) / 2.0
        cumulative, energy = [np.zeros(0)], [np.zeros(0)]
        for index, branch in enumerate(branches):
            end = branch.end_point
            shape = beta_shape(branch.charge, branch.mass, end, branch.unique, end * middle)
            share = np.append(0.0, np.cumsum(shape))
            cumulative.append(index + share / share[-1])
            energy.append(end * edges)
        return cls(np.concatenate(cumulative), np.concatenate(energy))

    def sample(
        self, branch: Int64[np.ndarray, " decay"], *, generator: np.random.Generator
    ) -> Float64[np.ndarray, " decay"]:
        """Kinetic energy of one electron or positron of each of these branches, MeV."""
        if len(branch) == 0:
            return np.zeros(0)
        chance = branch + generator.random(len(branch))
        return np.asarray(np.interp(chance, self.cumulative, self.energy))
