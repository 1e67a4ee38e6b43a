"""Which PMT of the detector a tube of somebody else's table is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.geometry import Detector

OUTSIDE = -1
"""Cable number of a tube that the inner detector does not have."""
NEAR = 0.02
"""Greatest angle to a PMT's own direction, rad; neighbours are at least 0.07 rad apart."""


def cable_numbers(
    tube: Int64[np.ndarray, " tube"],
    position: Float64[np.ndarray, "tube 3"],
    detector: Detector,
) -> Int64[np.ndarray, " number"]:
    """Cable number for every tube number, found by direction; OUTSIDE where there is none.

    Args:
        tube: number of each tube in the other table.
        position: where it is, m; the radius of the sphere may differ from the detector's.
        detector: whose cable numbers are wanted.
    """
    from scipy.spatial import cKDTree

    radius = np.linalg.norm(position, axis=1)
    inside = (radius > detector.scintillator_radius) & (radius < detector.media[-1].outer_radius_m)
    direction = position[inside] / radius[inside, None]
    distance, nearest = cKDTree(detector.directions).query(direction, distance_upper_bound=NEAR)
    found = np.full(int(tube.max(initial=-1)) + 1, OUTSIDE, dtype=np.int64)
    found[tube[inside]] = np.where(np.isfinite(distance), nearest, OUTSIDE)
    return found
