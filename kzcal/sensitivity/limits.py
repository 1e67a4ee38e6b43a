"""Limits on the half-life: the one that is expected, and those of made-up data."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from kzcal.errors import ConfigurationError
from kzcal.sensitivity.binned import Expected
from kzcal.sensitivity.halflife import UNIT
from kzcal.sensitivity.likelihood import Counts, Likelihood, PerSet

TURNS = 40
CLOSE = 1e-4
AT_ONCE = 200
"""Data sets that are fitted together."""


def expected_limit(expected: Expected, excess: float) -> float:
    """Half-life in years that data without signal and without scatter exclude.

    Source: Cowan, Cranmer, Gross and Vitells (2011), doi:10.1140/epjc/s10052-011-1554-0: such data
    give the median limit of many data sets.

    Args:
        expected: signal and backgrounds.
        excess: of -2 ln L over its minimum at which a signal is excluded.
    """
    counts = expected.backgrounds.sum(axis=0)[None]
    return float(UNIT / signal_limits(expected, counts, excess)[0])


def toy_limits(
    expected: Expected, excess: float, sets: int, *, generator: np.random.Generator
) -> Float64[np.ndarray, " set"]:
    """Half-lives in years that data sets without signal exclude.

    Args:
        expected: signal and backgrounds; the data have these rates and Poisson's scatter.
        excess: of -2 ln L over its minimum at which a signal is excluded.
        sets: how many.
        generator: draws them.
    """
    mean = expected.backgrounds.sum(axis=0)
    parts = [
        signal_limits(
            expected,
            generator.poisson(mean, (min(AT_ONCE, sets - first), len(mean))).astype(float),
            excess,
        )
        for first in range(0, sets, AT_ONCE)
    ]
    return UNIT / np.concatenate(parts)


def signal_limits(expected: Expected, counts: Counts, excess: float) -> PerSet:
    """Signals, in units of that of the unit half-life, that data sets exclude.

    The root of the excess of -2 ln L grows nearly evenly with the signal, so that secants find
    where it has the value asked for.

    Raises:
        ConfigurationError: there is no signal in the bins, or no limit is found.
    """
    if not expected.signal.any():
        message = "a limit needs bins that hold signal, got none: change energies or radius"
        raise ConfigurationError(message)
    likelihood = Likelihood(expected)
    best = likelihood.fitted(counts)
    target = np.sqrt(excess)

    def height(signal: PerSet) -> PerSet:
        fitted = likelihood.fitted(counts, signal)
        return np.asarray(np.sqrt(np.maximum(fitted.deviance - best.deviance, 0.0)) - target)

    low, low_height = best.signal, np.full(len(counts), -target)
    high: PerSet = best.signal + target * best.error
    for _ in range(TURNS):
        high_height = height(high)
        done = np.abs(high_height) < CLOSE
        if done.all():
            return high
        rise = (high_height - low_height) / np.where(high == low, 1.0, high - low)
        step = np.where(rise > 0, -high_height / np.where(rise > 0, rise, 1.0), best.error)
        low, low_height = np.where(done, low, high), np.where(done, low_height, high_height)
        high = np.where(done, high, np.maximum(high + step, best.signal))
    message = (
        f"a limit is found within {TURNS} turns, got -2 ln L off by "
        f"{float(np.abs(high_height).max()):.2g}: give more of the signal"
    )
    raise ConfigurationError(message)
