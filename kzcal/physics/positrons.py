"""Positrons that have come to rest: when and where they annihilate."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from kzcal.physics.gamma import Photons
from kzcal.physics.photon_scattering import ELECTRON_MASS


def annihilation_photons(
    position: Float64[np.ndarray, "positron 3"],
    time: Float64[np.ndarray, " positron"],
    *,
    ortho_positronium: tuple[float, float],
    generator: np.random.Generator,
) -> Photons:
    """Two photons back to back for every positron; those of positron i are rows 2 i and 2 i + 1.

    Args:
        position: where they come to rest, m.
        time: when, ns.
        ortho_positronium: share that forms it, and its lifetime, ns.
        generator: random numbers.

    Assumption: none annihilate in flight (by Heitler 2 % of 0.5 MeV and 3.5 % of 1 MeV would),
        nor into three photons, which collisions in a liquid leave no time for; without
        ortho-positronium they annihilate at once (in fact after 0.1 to 0.4 ns).
    """
    n = len(time)
    share, lifetime = ortho_positronium
    waits = generator.random(n) < share
    delay = np.where(waits, generator.exponential(1.0, n) * lifetime, 0.0)
    direction = generator.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Photons(
        energy=np.full(2 * n, ELECTRON_MASS),
        position=np.repeat(position, 2, axis=0),
        direction=np.stack([direction, -direction], axis=1).reshape(-1, 3),
        time=np.repeat(time + delay, 2),
    )
