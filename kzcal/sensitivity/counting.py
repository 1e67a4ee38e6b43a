"""Limits on a Poisson mean by counting alone: a check of what the likelihood says."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.stats import chi2, poisson

FINEST = 0.01
"""Events between the signals that are tried."""
AT_ONCE = 2000
"""Signals that are tried together."""


def classical_limit(observed: int, background: float, level: float = 0.9) -> float:
    """Upper limit on a signal, events: larger ones give so few counts in 1 - level of all cases.

    Args:
        observed: counts.
        background: expected events.
        level: of confidence.
    """
    return float(max(chi2.ppf(level, 2 * (observed + 1)) / 2 - background, 0.0))


def unified_limits(
    background: float, most: int, level: float = 0.9
) -> Float64[np.ndarray, " observed"]:
    """Upper ends of unified intervals for 0, 1 ... ``most`` counts, events.

    Source: Feldman and Cousins (1998), doi:10.1103/PhysRevD.57.3873, by their ordering; a limit is
    the largest signal that takes the count in. Their tables let no limit rise with the background,
    which raises those of few counts above much background; that is left out here.

    Args:
        background: expected events.
        most: largest count.
        level: of confidence.
    """
    reach = most + 8.0 * np.sqrt(most + 1.0) + 10.0
    largest = reach + background
    counts = np.arange(int(largest + 8.0 * np.sqrt(largest) + 10.0))
    highest = poisson.logpmf(counts, np.maximum(counts, background))
    limits = np.zeros(most + 1)
    signals = np.arange(0.0, reach, FINEST)
    for first in range(0, len(signals), AT_ONCE):
        some = signals[first : first + AT_ONCE]
        chance = poisson.logpmf(counts, some[:, None] + background)
        order = np.argsort(highest - chance, axis=1, kind="stable")
        each = np.exp(np.take_along_axis(chance, order, axis=1))
        taken = np.cumsum(each, axis=1) - each < level
        accepted = np.zeros_like(taken)
        np.put_along_axis(accepted, order, taken, axis=1)
        limits = np.maximum(limits, (accepted[:, : most + 1] * some[:, None]).max(axis=0))
    return np.asarray(limits)


def unified_sensitivity(background: float, level: float = 0.9) -> float:
    """Mean upper limit of experiments that see the background alone, events."""
    most = int(background + 6.0 * np.sqrt(background + 1.0) + 6.0)
    limits = unified_limits(background, most, level)
    return float(limits @ poisson.pmf(np.arange(most + 1), background))
