"""Where events lie: shares in shells about the centre of the balloon."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

UNIFORM, FILM = "uniform", "film"
PLACES = (UNIFORM, FILM)


def equal_shells(n: int, outer: float) -> Float64[np.ndarray, " edge"]:
    """Edges of shells of equal volume, m."""
    return np.asarray(outer * np.linspace(0.0, 1.0, n + 1) ** (1 / 3))


def shares(
    place: str, edges: Float64[np.ndarray, " edge"], balloon: float, length: float
) -> Float64[np.ndarray, " shell"]:
    """Share in each shell of the events that are reconstructed within the balloon.

    Args:
        place: ``uniform`` in the liquid, or from its ``film``.
        edges: of the shells, m.
        balloon: radius, m.
        length: over which events from the film become fewer inwards by a factor e, m.
    """
    radius = np.clip(edges, 0.0, balloon)
    if place == UNIFORM:
        return np.diff((radius / balloon) ** 3)
    whole = 1.0 - np.exp(-balloon / length)
    below = (np.exp((radius - balloon) / length) - np.exp(-balloon / length)) / whole
    return np.diff(below)
