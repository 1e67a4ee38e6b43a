"""Purity of a sample from counts, with its error."""

from __future__ import annotations

import math


def counted(n_selected: int, contamination: float, error: float) -> tuple[float, float]:
    """Purity of a sample with an expected contamination.

    The error holds that of the expectation and the Poisson fluctuation of how many of these
    very events are contamination.

    Args:
        n_selected: events in the sample.
        contamination: expected number of them that do not belong.
        error: one standard deviation of ``contamination``.

    Returns:
        Purity, clipped to 0..1, and one standard deviation; an empty sample has purity 0 +- 1.
    """
    if n_selected == 0:
        return 0.0, 1.0
    share = min(max(contamination / n_selected, 0.0), 1.0)
    spread = math.sqrt(error**2 + max(contamination, 0.0)) / n_selected
    return 1.0 - share, min(spread, 1.0)
