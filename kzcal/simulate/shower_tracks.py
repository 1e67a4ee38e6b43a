"""What the detector sees of muons: tracks that err, charges, and energies along the tracks."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import ndtr

from kzcal.hits import PIECE_M, Muons, Profile
from kzcal.simulate.muons import downward, entries, perpendicular
from kzcal.simulate.shower_laws import ShowerLaws
from kzcal.simulate.showers import Showers, Vectors

Along = Float64[np.ndarray, " muon"]
GRAZING = 0.9999
"""Tracks that are found outside the scintillator are moved to this share of its radius."""


def deposited(laws: ShowerLaws, showers: Showers) -> Along:
    """Energy that muons and their showers leave in the scintillator, MeV."""
    shower = _share(laws, showers.centre, np.zeros(len(showers)), showers.length)
    return np.asarray(laws.loss * showers.length + showers.energy * shower)


def reconstructed(
    laws: ShowerLaws,
    showers: Showers,
    timestamp: Int64[np.ndarray, " muon"],
    radius: float,
    *,
    generator: np.random.Generator,
) -> Muons:
    """Muons as they are seen, with as much energy along each track as they left.

    Args:
        laws: of showers and their detection.
        showers: the muons.
        timestamp: of each, ns.
        radius: of the scintillator, m.
        generator: of all that is drawn.
    """
    n = len(showers)
    direction, middle = _tracks(laws, showers, generator)
    wrong = generator.random(n) < laws.misfits
    other = downward(n, generator)
    passing = entries(other, radius * np.sqrt(generator.random(n)), radius, generator)
    direction = np.where(wrong[:, None], other, direction)
    shift = np.sum(middle * direction, axis=1)
    foot = middle - shift[:, None] * direction
    away = np.linalg.norm(foot, axis=1)
    foot *= np.minimum(1.0, GRAZING * radius / np.maximum(away, 1e-9))[:, None]
    half = np.sqrt(radius**2 - np.sum(foot**2, axis=1))
    entry = np.where(wrong[:, None], passing, foot - half[:, None] * direction)
    length = -2.0 * np.sum(entry * direction, axis=1)
    shift = np.where(wrong, length / 2, shift + half)
    energy = deposited(laws, showers)
    centre = showers.centre - showers.length / 2 + shift
    profile = _profile(laws, energy, showers.energy, centre, length, generator)
    return Muons(
        timestamp,
        entry.astype(np.float32),
        direction.astype(np.float32),
        (laws.light_yield * energy).astype(np.float32),
        profile,
    )


def _tracks(
    laws: ShowerLaws, showers: Showers, generator: np.random.Generator
) -> tuple[Vectors, Vectors]:
    """Directions and middles of tracks as they are found."""
    n, true = len(showers), showers.direction
    first = perpendicular(true, generator)
    second = np.cross(true, first)
    tilt = math.tan(math.radians(laws.track_degrees)) * generator.standard_normal((n, 2))
    direction = true + tilt[:, :1] * first + tilt[:, 1:] * second
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    off = laws.track_m * generator.standard_normal((n, 2))
    middle = showers.entry + 0.5 * showers.length[:, None] * true
    return direction, middle + off[:, :1] * first + off[:, 1:] * second


def _profile(
    laws: ShowerLaws,
    total: Along,
    energy: Along,
    centre: Along,
    length: Along,
    generator: np.random.Generator,
) -> Profile:
    """Energy in the pieces of tracks, which add up to the total before each one errs."""
    counts = np.maximum(np.ceil(length / PIECE_M), 1).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    muon = np.repeat(np.arange(len(counts)), counts)
    begin = PIECE_M * (np.arange(len(muon)) - offsets[muon])
    end = np.minimum(begin + PIECE_M, length[muon])
    piece = laws.loss * (end - begin) + energy[muon] * _share(laws, centre[muon], begin, end)
    whole = np.bincount(muon, piece, len(counts))
    piece *= (total / np.maximum(whole, 1e-9))[muon]
    piece *= 1 + laws.profile_resolution * generator.standard_normal(len(muon))
    return Profile(offsets, np.maximum(piece, 0.0).astype(np.float32))


def _share(laws: ShowerLaws, centre: Along, begin: Along, end: Along) -> Along:
    """Share of a shower between two places along its track, m; 0 where there is no shower."""
    core = max(laws.core_m, 1e-6)
    share = ndtr((end - centre) / core) - ndtr((begin - centre) / core)
    return np.asarray(np.where(np.isfinite(centre), share, 0.0))
