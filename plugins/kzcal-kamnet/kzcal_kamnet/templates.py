"""Filters of two sites: how much better two points explain a hit than one point does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.constants
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.classify.corrected import LIGHT_SPEED
from kzcal_kamnet.arrival import FIRST, N_STEP, STEP, Arrival
from kzcal_kamnet.light import N_KIND
from kzcal_kamnet.pictures import DEGREE, KNOTS

PAIRS = tuple((distance, share) for distance in (0.2, 0.35, 0.55) for share in (0.25, 0.5, 0.75))
"""Distances of two sites, m, and shares of the light that the first one makes."""
N_ANGLE = 16
"""Angles of a Gauss-Legendre rule for the harmonics of a filter."""
GAMMA_SPEED = scipy.constants.c * 1e-9
"""By which the second site shines later than the first, m/ns."""
WIDEST = 3.0
"""Logarithm of the ratio of densities beyond which a filter is cut."""


def two_site_filters(
    arrival: Arrival, pairs: Sequence[tuple[float, float]] = PAIRS
) -> Float[Tensor, "pair degree channel"]:
    """Log-ratio of the densities of two sites and of one, by degree in the angle to their axis.

    Summed over the hits of an event with Legendre polynomials of the angle between hit and axis,
    it is the logarithm of the likelihood ratio for that axis. A gamma lights the second site; the
    mean emission time and the centroid stay.

    Args:
        arrival: density of a single site.
        pairs: distance of the sites, m, and share of the first one.
    """
    grid = FIRST + STEP * (np.arange(N_STEP) + 0.5)
    cosine, weight = np.polynomial.legendre.leggauss(N_ANGLE)
    legendre = np.polynomial.legendre.legvander(cosine, DEGREE)
    project = legendre * weight[:, None] * (np.arange(DEGREE + 1) + 0.5)
    density = arrival.density.double().cpu().numpy()
    time = np.array(KNOTS)[:, None]
    filters = np.zeros((len(pairs), DEGREE + 1, N_KIND, len(KNOTS)))
    for row, (distance, share) in enumerate(pairs):
        apart = distance * (cosine / LIGHT_SPEED + 1.0 / GAMMA_SPEED)
        early, late = (1.0 - share) * apart, share * apart
        for kind in range(N_KIND):
            one = np.interp(time, grid, density[kind])
            first = np.interp(time + early, grid, density[kind])
            second = np.interp(time - late, grid, density[kind])
            ratio = np.log((share * first + (1.0 - share) * second) / one)
            filters[row, :, kind] = (np.clip(ratio, -WIDEST, WIDEST) @ project).T
    return torch.from_numpy(filters.reshape(len(pairs), DEGREE + 1, -1)).float()
