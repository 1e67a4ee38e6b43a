"""Deposits close to each other shine as one: fewer sources of light for the same light.

Merging two sources adds w1 w2 / (w1 + w2) d^2 to the second moment of the light about its
sources (w quenched energy, d distance, with time counted as the way of light). A source joins the
one of its event that costs least, if that is less than TOLERANCE; the centroid and the mean time
of an event's light do not change.
"""

from __future__ import annotations

import numba
import numpy as np
from jaxtyping import Float64, Int64

TOLERANCE = 2.5e-5
"""MeV m2: two deposits of 0.5 MeV at 1 cm, or 10 keV at 5 cm from a large one."""

METRES_PER_NS = 0.2
"""Speed of light in the liquid: 0.1 ns counts as 2 cm."""

Sources = Float64[np.ndarray, "source 5"]


@numba.njit(cache=True, error_model="numpy")
def merged(
    offsets: Int64[np.ndarray, " event_plus_1"],
    sources: Sources,
    kind: Int64[np.ndarray, " source"],
    alone: Int64[np.ndarray, " source"],
) -> Int64[np.ndarray, " source"]:
    """Row of the first source that each source is merged into, itself if it stays.

    Args:
        offsets: sources of event i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
        sources: quenched energy [MeV], position [m] and time [ns].
        kind: only sources of one kind (medium and profile) are merged.
        alone: 1 for tracks with Cherenkov light worth keeping apart: two are never merged.
    """
    into = np.arange(len(sources))
    sums = sources.copy()
    strong = alone.copy()
    for event in range(len(offsets) - 1):
        for new in range(offsets[event], offsets[event + 1]):
            best, least = new, TOLERANCE
            for old in range(offsets[event], new):
                if into[old] != old or kind[old] != kind[new] or strong[old] + alone[new] > 1:
                    continue
                delay = METRES_PER_NS * (sums[old, 4] - sources[new, 4])
                square = delay * delay
                for axis in range(1, 4):
                    square += (sums[old, axis] - sources[new, axis]) ** 2
                both = sums[old, 0] + sources[new, 0]
                cost = sums[old, 0] * sources[new, 0] / both * square if both > 0 else 0.0
                if cost < least:
                    best, least = old, cost
            if best != new:
                both = sums[best, 0] + sources[new, 0]
                share = sources[new, 0] / both if both > 0 else 0.0
                for column in range(1, 5):
                    sums[best, column] += share * (sources[new, column] - sums[best, column])
                sums[best, 0] = both
                strong[best] += alone[new]
                into[new] = best
    return into
