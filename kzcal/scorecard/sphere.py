"""Hit patterns on the sphere: angles between the hits of an event, and neighbours that fire."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int, Int64
from scipy.special import lpmv
from torch import Tensor

LARGEST_DEGREE = 6
"""Finest pattern looked at has this many waves around the sphere: angles from 15 degrees on."""
N_NEIGHBOURS = 6


@dataclass(frozen=True, slots=True, eq=False)
class SphereTables:
    """What hit patterns are measured with.

    Args:
        harmonics: real spherical harmonics of degree 1 to LARGEST_DEGREE at every PMT, times
            sqrt(4 pi / (2 degree + 1)), so that a degree's squares add up to one.
        degree: of each harmonic.
        neighbours: nearest PMTs of every PMT.
    """

    harmonics: Float[Tensor, "pmt harmonic"]
    degree: Int[Tensor, " harmonic"]
    neighbours: Int[Tensor, "pmt neighbour"]

    @classmethod
    def of(cls, directions: Float64[np.ndarray, "pmt 3"], device: torch.device) -> SphereTables:
        """Tables of a detector; directions are unit vectors."""
        harmonics, degree = _harmonics(directions)
        return cls(
            torch.from_numpy(harmonics.astype(np.float32)).to(device),
            torch.from_numpy(degree).to(device),
            torch.from_numpy(nearest(directions, N_NEIGHBOURS)).to(device),
        )

    def pair_angles(self, present: Float[Tensor, "event pmt"]) -> Float[Tensor, "event degree"]:
        """Mean Legendre polynomial of the angle between two hit PMTs, by degree from 1.

        By the addition theorem the squared sum of the harmonics over the hits is the sum of the
        polynomials over all pairs of hits, each with itself included.
        """
        n_hits = present.sum(1, keepdim=True)
        squared = (present @ self.harmonics) ** 2
        total = torch.zeros(len(present), LARGEST_DEGREE, device=present.device)
        total.index_add_(1, self.degree - 1, squared)
        return (total - n_hits) / (n_hits * (n_hits - 1)).clamp(min=1)

    def adjacency(self, present: Float[Tensor, "event pmt"]) -> Float[Tensor, " event"]:
        """Pairs of hit neighbours over what as many hits anywhere would give."""
        n_hits, n_pmt = present.sum(1), present.shape[1]
        pairs = torch.zeros_like(n_hits)
        for column in self.neighbours.T:
            pairs += (present * present[:, column]).sum(1)
        expected = n_hits * (n_hits - 1) * self.neighbours.shape[1] / (n_pmt - 1)
        return pairs / expected.clamp(min=1e-3)


def smooth_patterns(
    directions: Float64[np.ndarray, "pmt 3"], largest_degree: int
) -> Float64[np.ndarray, "pmt harmonic"]:
    """Real spherical harmonics up to a degree, the constant included, at every PMT."""
    harmonics, degree = _harmonics(directions)
    chosen = harmonics[:, degree <= largest_degree]
    return np.column_stack([np.ones(len(chosen)), chosen])


def nearest(
    directions: Float64[np.ndarray, "pmt 3"], n_neighbours: int
) -> Int64[np.ndarray, "pmt neighbour"]:
    """The nearest other PMTs of each, the nearest first."""
    cosine = directions @ directions.T
    np.fill_diagonal(cosine, -2.0)
    return np.argsort(-cosine, axis=1, kind="stable")[:, :n_neighbours].astype(np.int64)


def _harmonics(
    directions: Float64[np.ndarray, "pmt 3"],
) -> tuple[Float64[np.ndarray, "pmt harmonic"], Int64[np.ndarray, " harmonic"]]:
    x, y, z = directions.T
    azimuth = np.arctan2(y, x)
    columns, degrees = [], []
    for degree in range(1, LARGEST_DEGREE + 1):
        for order in range(degree + 1):
            size = 1.0 if order == 0 else np.sqrt(2.0)
            size *= np.sqrt(factorial(degree - order) / factorial(degree + order))
            along = size * lpmv(order, degree, np.clip(z, -1.0, 1.0))
            waves = (np.cos, np.sin) if order else (np.cos,)
            columns += [along * wave(order * azimuth) for wave in waves]
            degrees += [degree] * len(waves)
    return np.column_stack(columns), np.array(degrees, np.int64)


def presence(
    event: Int[Tensor, " hit"], pmt: Int[Tensor, " hit"], n_event: int, n_pmt: int
) -> Float[Tensor, "event pmt"]:
    """One where a PMT has a hit in an event, else zero."""
    flags: Bool[Tensor, " cell"] = torch.zeros(
        n_event * n_pmt, dtype=torch.bool, device=pmt.device
    )
    flags[event * n_pmt + pmt] = True
    return flags.reshape(n_event, n_pmt).float()
