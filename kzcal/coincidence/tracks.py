"""Points beside the tracks of muons: how far, in which direction, and what was deposited there."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.hits import Muons

HALF_M = 0.2
"""Energy is summed up over so much of the track on either side, m."""


def along_track(
    point: Float64[np.ndarray, "point 3"],
    entry: Float64[np.ndarray, "point 3"],
    direction: Float64[np.ndarray, "point 3"],
) -> Float64[np.ndarray, " point"]:
    """Where each track is nearest to its point, m from the entry point.

    The track ends where it leaves the sphere about the centre that its entry point lies on.
    """
    chord = np.maximum(-2 * np.einsum("pa,pa->p", entry, direction), 0)
    along = np.einsum("pa,pa->p", point - entry, direction)
    return np.asarray(np.clip(along, 0, chord))


def displacement(
    point: Float64[np.ndarray, "point 3"],
    entry: Float64[np.ndarray, "point 3"],
    direction: Float64[np.ndarray, "point 3"],
) -> Float64[np.ndarray, "point 3"]:
    """From the nearest point of each track to its point, m."""
    along = along_track(point, entry, direction)
    beside: Float64[np.ndarray, "point 3"] = point - entry - along[:, None] * direction
    return beside


def deposited(
    muons: Muons, muon: Int64[np.ndarray, " point"], along: Float64[np.ndarray, " point"]
) -> Float64[np.ndarray, " point"]:
    """Energy deposited within HALF_M of places along tracks, MeV; NaN where it is not known."""
    if muons.profile is None:
        return np.full(len(muon), np.nan)
    known = np.isfinite(along)
    energy = np.full(len(muon), np.nan)
    at = along[known]
    energy[known] = muons.profile.between(muon[known], at - HALF_M, at + HALF_M)
    return energy
