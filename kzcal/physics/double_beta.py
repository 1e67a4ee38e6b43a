"""Double beta decay of 136Xe, with two neutrinos and without.

Both electrons feel the charge of the daughter, and leave opposite to each other more often than
side by side: the cosine between them has the density (1 - b1 b2 cos) / 2.

Source: Doi, Kotani and Takasugi (1985), 10.1143/PTPS.83.1; Q of Redshaw et al. (2007),
10.1103/PhysRevLett.98.053003; half-life of KamLAND-Zen (2019), 10.1103/PhysRevLett.122.192501.
Assumption: point-charge Fermi functions and closure, which full lepton energy denominators
change by less than 0.5 % above 0.1 MeV; without neutrinos, exchange of a light neutrino.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.particles import ELECTRON, GAMMA, Primaries
from kzcal.physics.beta import ELECTRON_MASS, partial_wave
from kzcal.physics.emission import Emission, in_order, isotropic
from kzcal.physics.given import GivenParticle

Q_VALUE = 2.45783
"""MeV."""
HALF_LIFE = 2.23e21 * 365.25 * 86400.0
"""With two neutrinos, s."""
BARIUM = (56, 136)
EXCITED = (0.76050, 0.81850)
"""Gammas of the first excited 0+ state of 136Ba, MeV; their sum is its energy."""
SUMS, SHARES, NODES, WEIGHTS = 4096, 128, 257, 8192

Energies = Float64[np.ndarray, "..."]


def electron_weight(kinetic: Energies) -> Energies:
    """Phase space and Fermi function of one electron."""
    total = 1.0 + kinetic / ELECTRON_MASS
    return np.asarray(np.sqrt(total**2 - 1.0) * total * partial_wave(*BARIUM, kinetic, 1))


def pair_weight(total: Float64[np.ndarray, " sum"], n: int) -> Float64[np.ndarray, "sum share"]:
    """Weight of both electrons at the middles of ``n`` equal shares of each sum, MeV."""
    kinetic = np.linspace(1e-6, total.max(), WEIGHTS)
    weight = np.interp(total[:, None] * _middle(n), kinetic, electron_weight(kinetic))
    return np.asarray(weight * weight[:, ::-1])


def _middle(n: int) -> Energies:
    """Middles of ``n`` equal parts of 0 to 1."""
    return (np.arange(n) + 0.5) / n


@dataclass(frozen=True, slots=True, eq=False)
class EnergySharing:
    """How two electrons share the energy that they have together.

    Args:
        total: sums of the electrons' energies, MeV.
        first: share of the first electron at evenly spaced quantiles, for each sum.
    """

    total: Float64[np.ndarray, " sum"]
    first: Float64[np.ndarray, "sum quantile"]

    @classmethod
    def up_to(cls, most: float) -> EnergySharing:
        """For sums up to ``most``, MeV."""
        total = np.linspace(most / 128, most, 128)
        edges = np.linspace(0.0, 1.0, SHARES + 1)
        weight = pair_weight(total, SHARES)
        cumulative = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
        levels = np.linspace(0.0, 1.0, NODES)
        rows = [np.interp(levels, np.append(0.0, row), edges) for row in cumulative]
        return cls(total, np.array(rows))

    def sample(
        self, total: Float64[np.ndarray, " decay"], *, generator: np.random.Generator
    ) -> Float64[np.ndarray, " decay"]:
        """Energy of the first electron of decays with these sums, MeV."""
        n_sum, n_node = self.first.shape
        place = np.clip(total / self.total[0] - 1.0, 0.0, n_sum - 1.0)
        row = np.minimum(place.astype(np.int64), n_sum - 2)
        quantile = generator.random(len(total)) * (n_node - 1)
        node = np.minimum(quantile.astype(np.int64), n_node - 2)
        across, along = place - row, quantile - node
        low = self.first[row, node] * (1.0 - along) + self.first[row, node + 1] * along
        high = self.first[row + 1, node] * (1.0 - along) + self.first[row + 1, node + 1] * along
        return np.asarray(total * (low * (1.0 - across) + high * across))


def sum_spectrum(
    q_value: float, total: Float64[np.ndarray, " sum"]
) -> Float64[np.ndarray, " sum"]:
    """Relative number of decays with two neutrinos per MeV of the electrons' sum.

    Args:
        q_value: MeV.
        total: sums of the electrons' energies, MeV.
    """
    pairs = pair_weight(total, SHARES).mean(axis=1)
    return np.asarray(pairs * total * (q_value - total) ** 5)


def opening(
    first: Float64[np.ndarray, " decay"],
    second: Float64[np.ndarray, " decay"],
    *,
    generator: np.random.Generator,
) -> Float64[np.ndarray, " decay"]:
    """Cosine of the angle between electrons of these energies, MeV."""
    slope = np.ones(len(first))
    for energy in (first, second):
        gamma = 1.0 + energy / ELECTRON_MASS
        slope = slope * np.sqrt(1.0 - 1.0 / gamma**2)
    chance = 4.0 * generator.random(len(first))
    root = np.sqrt((1.0 + slope) ** 2 - slope * chance)
    return np.clip((chance - 2.0 - slope) / (1.0 + root), -1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class DoubleBeta:
    """Double beta decays.

    Args:
        cumulative: share of the decays below each of ``total``; None where the sum is fixed.
        total: sums of the electrons' energies, MeV.
        sharing: how the electrons share it.
        gammas: energies of gammas that follow, MeV.
    """

    cumulative: Float64[np.ndarray, " sum"] | None
    total: Float64[np.ndarray, " sum"]
    sharing: EnergySharing
    gammas: tuple[float, ...] = ()

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        """Draw ``n`` decays."""
        total = np.full(n, self.total[-1])
        if self.cumulative is not None:
            total = np.interp(generator.random(n), self.cumulative, self.total)
        first = self.sharing.sample(total, generator=generator)
        second = total - first
        cosine = opening(first, second, generator=generator)
        along = isotropic(n, generator=generator)
        across = np.cross(along, isotropic(n, generator=generator))
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        other = cosine[:, None] * along + np.sqrt(1.0 - cosine**2)[:, None] * across
        rows, kind, now = np.arange(n), np.full(n, ELECTRON, np.int32), np.zeros(n)
        electrons = [
            Emission(rows, kind, first, now, along),
            Emission(rows, kind, second, now, other),
        ]
        gammas = [
            Emission.isotropic(rows, GAMMA, np.full(n, energy), now, generator=generator)
            for energy in self.gammas
        ]
        return in_order([*electrons, *gammas], n)


def two_neutrino(gammas: tuple[float, ...] = ()) -> DoubleBeta:
    """Decays with two neutrinos, to the ground state or to a state that emits these gammas."""
    left = Q_VALUE - sum(gammas)
    shape = sum_spectrum(left, left * _middle(SUMS))
    cumulative = np.append(0.0, np.cumsum(shape))
    edges = left * np.linspace(0.0, 1.0, SUMS + 1)
    return DoubleBeta(cumulative / cumulative[-1], edges, EnergySharing.up_to(left), gammas)


def neutrinoless() -> DoubleBeta:
    """Decays without neutrinos: the electrons share all of Q."""
    return DoubleBeta(None, np.array([Q_VALUE]), EnergySharing.up_to(Q_VALUE))


def excited() -> DoubleBeta:
    """Decays with two neutrinos to the first excited 0+ state."""
    return two_neutrino(EXCITED)


def electron_pairs(energy: float, energy_to: float = 0.0) -> DoubleBeta:
    """Pairs of electrons like those of double beta decay, whose sum is any energy in a range.

    Args:
        energy: kinetic, of both together, MeV; the lower end of a range.
        energy_to: upper end of a flat spectrum, MeV; 0 for one energy.

    Raises:
        ConfigurationError: no electrons have such energies.
    """
    GivenParticle(ELECTRON, energy, energy_to)
    ends = np.array([energy, energy_to or energy])
    return DoubleBeta(np.array([0.0, 1.0]), ends, EnergySharing.up_to(float(ends[1])))
