"""Points spread evenly among many, such as a few PMTs all over the sphere."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64


def farthest_points(
    direction: Float[np.ndarray, "point 3"], n: int
) -> Int64[np.ndarray, " chosen"]:
    """Choose points one by one: the first one given, then each farthest from those before.

    Source: Gonzalez (1985), Clustering to minimize the maximum intercluster distance,
    doi:10.1016/0304-3975(85)90224-5.

    Args:
        direction: unit vectors to the points.
        n: number of points to choose, at most as many as there are.
    """
    chosen = np.zeros(n, np.int64)
    nearness = direction @ direction[0]
    for i in range(1, n):
        chosen[i] = np.argmin(nearness)
        nearness = np.maximum(nearness, direction @ direction[chosen[i]])
    return chosen
