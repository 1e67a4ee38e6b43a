"""X-rays and Auger electrons that fill a hole in an atom's shells.

Assumption: a hole outside the K shell becomes one electron, and an Auger transition from the K
shell leaves two holes in the L shell; a scintillator cannot tell finer steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.particles import ELECTRON, GAMMA
from kzcal.physics.decay_table import Atom
from kzcal.physics.emission import Emission

NONE, K, L, M = -1, 0, 1, 2
"""Shells."""


@dataclass(frozen=True, slots=True, eq=False)
class Holes:
    """Holes of many atoms.

    Args:
        decay: row of the decay.
        atom: index into the list of atoms.
        shell: K, L or M.
        time: ns after the decay.
    """

    decay: Int64[np.ndarray, " hole"]
    atom: Int64[np.ndarray, " hole"]
    shell: Int64[np.ndarray, " hole"]
    time: Float64[np.ndarray, " hole"]

    @classmethod
    def joined(cls, parts: Sequence[Holes]) -> Holes:
        """All of them."""
        return cls(
            np.concatenate([part.decay for part in parts]),
            np.concatenate([part.atom for part in parts]),
            np.concatenate([part.shell for part in parts]),
            np.concatenate([part.time for part in parts]),
        )


def relax(
    holes: Holes, atoms: tuple[Atom, ...], *, generator: np.random.Generator
) -> list[Emission]:
    """Fill the holes; what is emitted adds up to the binding energies."""
    binding = np.array([atom.binding for atom in atoms])[holes.atom]
    lines = np.array([(a.fluorescence, a.beta_share, a.k_alpha, a.k_beta) for a in atoms])
    fluorescence, beta_share, alpha, beta = lines[holes.atom].T
    chance = generator.random((2, len(holes.decay)))
    glows = (holes.shell == K) & (chance[0] < fluorescence)
    photon = np.where(glows, np.where(chance[1] < beta_share, beta, alpha), 0.0)
    bound = np.take_along_axis(binding, holes.shell[:, None], axis=1)[:, 0]
    auger = (holes.shell == K) & ~glows & (bound > 2.0 * binding[:, L])
    later = np.where(auger, 2.0 * binding[:, L], 0.0)
    emissions = []
    for particle, energy in (
        (GAMMA, photon),
        (ELECTRON, bound - photon - later),
        (ELECTRON, later),
    ):
        rows = np.flatnonzero(energy > 0.0)
        emissions.append(
            Emission.isotropic(
                holes.decay[rows], particle, energy[rows], holes.time[rows], generator=generator
            )
        )
    return emissions
