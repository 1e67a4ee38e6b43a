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

SIMULATED = 2000
COUNTED = 0.05
"""Share of the simulated series that fixes K."""


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
        rate: false alarms per series, below COUNTED.
        time: of each run, in runs.
        slope: variance of slopes over that of a measurement.
        walk: variance of the random walk over that of a measurement.
        generator: of the simulated series.
    """
    gain = largest_gain(*unchanging(SIMULATED, time, slope, walk, generator=generator))
    counted = float(torch.quantile(gain, 1 - COUNTED).clamp(min=1e-3))
    factor = COUNTED / (math.sqrt(counted) * math.exp(-counted / 2))
    penalty = max(counted, 1.0)
    for _ in range(50):
        penalty = max(2 * math.log(factor * math.sqrt(penalty) / rate), counted)
    return penalty


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
