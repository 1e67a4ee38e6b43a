"""Cherenkov light that comes straight from its track, on a cone, in a map of averaged directions.

Of the Cherenkov light that a PMT gets from random tracks, a share that falls with the distance
has come straight; the rest was scattered, re-emitted or reflected and has no direction.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.polynomial import Polynomial
from torch import Tensor

INDEX = 1.455
"""Refractive index that belongs to the cone: of the scintillator at 420 nm."""

SPREAD = 0.03
"""Standard deviation of the angle to the track about the cone's, rad.

Assumption: discs span less than that from most vertices, and tracks scatter by more; a cone of
every PMT's own width would settle what it moves.
"""

LEAST_SINE = 0.2
"""Of the cone's angle: tracks next to the threshold count as having it."""

STEP_M, FIRST_M, N_DISTANCES = 1.0, 1.5, 15
WINDOW = 0.12
"""Half the width of the ring in which straight light is counted, rad."""


def cone_angle(beta: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Angle of the cone of tracks of speed ``beta`` c, rad."""
    return (beta * INDEX).clamp(min=1.0).reciprocal().acos()


def ring_density(
    cosine: Float[Tensor, " way"], cone: Float[Tensor, " way"]
) -> Float[Tensor, " way"]:
    """Straight light at an angle to the track, over that of random tracks."""
    off = (cosine.clamp(-1, 1).acos() - cone) / SPREAD
    density: Tensor = largest_density(cone) * torch.exp(-0.5 * off**2)
    return density


def largest_density(cone: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The same on the cone."""
    density: Tensor = 2 / (SPREAD * (2 * np.pi) ** 0.5 * cone.sin().clamp(min=LEAST_SINE))
    return density


def straight_share(
    table: Float[Tensor, " distance"], distance: Float[Tensor, " way"]
) -> Float[Tensor, " way"]:
    """Share of straight light at distances [m]."""
    position = ((distance - FIRST_M) / STEP_M).clamp(0, len(table) - 1)
    below = position.long().clamp(max=len(table) - 2)
    return torch.lerp(table.take(below), table.take(below + 1), position - below)


def straight_shares(
    distance: Float64[np.ndarray, " way"], cosine: Float64[np.ndarray, " way"]
) -> Float64[np.ndarray, " distance"]:
    """Shares of straight light from the angles of photoelectrons of random tracks at beta 1.

    A ring of random tracks holds its part of the sphere, and all of the light that is straight.
    A parabola takes the scatter away.

    Args:
        distance: from track to PMT, m.
        cosine: of the angle between the track and the PMT.
    """
    angle = np.arccos(1 / INDEX)
    within = np.abs(np.arccos(np.clip(cosine, -1, 1)) - angle) < WINDOW
    node = np.rint((distance - FIRST_M) / STEP_M).astype(np.int64).clip(0, N_DISTANCES - 1)
    total = np.bincount(node, minlength=N_DISTANCES)
    ring = np.bincount(node, within, N_DISTANCES) / np.maximum(total, 1)
    sphere = 0.5 * (np.cos(angle - WINDOW) - np.cos(angle + WINDOW))
    curve = Polynomial.fit(
        np.arange(N_DISTANCES), (ring - sphere) / (1 - sphere), 2, w=np.sqrt(total)
    )
    share: Float64[np.ndarray, " distance"] = np.clip(curve(np.arange(N_DISTANCES)), 0.0, 1.0)
    return share
