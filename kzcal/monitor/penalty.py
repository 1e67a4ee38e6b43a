r"""The penalty of a change, from the rate of false alarms that one is ready to bear.

A series without any change is given one with the probability that its best single change takes
off more than the penalty. That is found by simulating such series; far out it falls as
:math:`K \sqrt{\beta} e^{-\beta/2}`, the tail of the largest of many dependent chi-squares, and K
is counted where the simulation still has many.

Source: D. Siegmund (1985), Sequential Analysis, ch. IX, the form of the tail for changes of a
level.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.monitor.segments import Measurements, Motion, largest_gain

FEWEST, MEASUREMENTS = 2000, 200_000
"""Simulated series at least, and measurements in all of them if that makes more."""
SLOW = 0.01
"""Variance of what a drift adds up to, over that of a measurement, that no penalty feels."""
COUNTED = 100
"""Simulated series whose best changes fix K: those that take off most."""


def penalty_of(
    rate: float,
    time: Float[Tensor, " run"],
    slope: float,
    walk: float,
    *,
    generator: torch.Generator,
) -> float:
    """Cost of a change with which so large a share of unchanging series is given one.

    Args:
        rate: false alarms per series.
        time: of each run, in runs.
        slope: variance of slopes over that of a measurement.
        walk: variance of the random walk over that of a measurement.
        generator: of the simulated series.
    """
    number = max(FEWEST, MEASUREMENTS // len(time))
    gain = largest_gain(*unchanging(number, time, slope, walk, generator=generator))
    share = COUNTED / number
    counted = float(torch.quantile(gain, 1 - max(share, rate)).clamp(min=1e-3))
    if rate >= share:
        return counted
    penalty = counted
    for _ in range(50):
        grown = math.sqrt(penalty / counted)
        penalty = counted + 2 * math.log(grown * share / rate)
    return penalty


class Penalties:
    """Penalties for series of the same runs that drift differently, each simulated once.

    Args:
        rate: false alarms per series.
        time: of each run, in runs.
        walk: variance of the random walk over that of a measurement.
        seed: of the simulated series, the same for all of them.
    """

    def __init__(self, rate: float, time: Float[Tensor, " run"], walk: float, seed: int) -> None:
        self._rate, self._time, self._walk, self._seed = rate, time, walk, seed
        self._known: dict[float, float] = {}

    def of(self, slope: float) -> float:
        """Penalty where slopes have this variance, over that of a measurement.

        It is rounded to half a power of ten: what the penalty changes by is below a tenth of it.
        """
        span = float(self._time[-1] - self._time[0])
        small = slope * span**2 < SLOW
        rounded = 0.0 if small else 10.0 ** (math.ceil(2 * math.log10(slope)) / 2)
        if rounded not in self._known:
            generator = torch.Generator().manual_seed(self._seed)
            self._known[rounded] = penalty_of(
                self._rate, self._time, rounded, self._walk, generator=generator
            )
        return self._known[rounded]


def unchanging(
    n_series: int,
    time: Float[Tensor, " run"],
    slope: float,
    walk: float,
    *,
    generator: torch.Generator,
) -> tuple[Measurements, Motion]:
    """Series that drift and wander but never change, measured with errors of one."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(time.device)

    steps = torch.diff(time, prepend=time[:1])
    wander = (math.sqrt(walk) * steps.sqrt() * normal(n_series, len(time))).cumsum(1)
    drift = math.sqrt(slope) * normal(n_series, 1) * (time - time[0])
    value = drift + wander + normal(n_series, len(time))
    everywhere = torch.ones(n_series, dtype=torch.float64, device=time.device)
    motion = Motion(slope * everywhere, walk * everywhere)
    return Measurements(value, torch.ones_like(value), time), motion
