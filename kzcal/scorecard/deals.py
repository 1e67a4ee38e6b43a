"""Blocks dealt anew between two files: what chance alone makes of a difference.

If both files follow one law, which block belongs to which file says nothing. Statistics of many
random deals are then drawn from the same distribution as that of the true one, whatever that is.
Source: Fisher's permutation test; exactness with the true deal counted among them: Phipson and
Smyth (2010), doi:10.2202/1544-6115.1585.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Float64
from scipy.stats import gamma, t

BALANCED = 0.1
"""Share of the deals that are balanced best."""
AT_ONCE = 250
"""Deals calculated at a time."""
MARGIN = 10
"""Arrangements of the blocks for each that would do: few random deals then repeat the true one."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How far a difference is from what chance makes.

    Args:
        probability: share of the deals, the true one among them, that are as far from alike.
        order: the same, or an extrapolation where no deal is as far. That only orders rows which
            differ beyond the reach of the deals: it is no probability.
        at_reach: whether no deal is as far, so that the probability is an upper limit.
    """

    probability: float
    order: float
    at_reach: bool


@dataclass(frozen=True, slots=True, eq=False)
class Deals:
    """Which blocks make up the first file, in many random deals.

    Args:
        first: one where a block belongs to the first file, else zero; blocks of the first file
            come before those of the second.
    """

    first: Float64[np.ndarray, "deal block"]

    @classmethod
    def drawn(
        cls,
        n_blocks: int,
        n_deals: int,
        *,
        paired: bool,
        generator: np.random.Generator,
    ) -> Deals:
        """Random deals.

        Args:
            n_blocks: of each file.
            n_deals: number of deals.
            paired: whether block i of both holds the same events, so that only their exchange
                says nothing.
            generator: of the deals.
        """
        if paired:
            kept = generator.integers(0, 2, (n_deals, n_blocks)).astype(np.float64)
            return cls(np.concatenate([kept, 1.0 - kept], 1))
        true = np.repeat([1.0, 0.0], n_blocks)
        return cls(generator.permuted(np.repeat(true[None], n_deals, 0), axis=1))

    def parts(self) -> Iterator[Float64[np.ndarray, "some block"]]:
        """The deals, some at a time."""
        for start in range(0, len(self.first), AT_ONCE):
            yield self.first[start : start + AT_ONCE]

    def chance(
        self,
        statistic: Callable[[Float64[np.ndarray, "deal block"]], Float64[np.ndarray, " deal"]],
        found: float,
        freedom: float,
    ) -> Chance:
        """How many deals, the true one among them, are as far from alike as was found.

        Where no other is, a gamma distribution orders rows. Its mean is what the most balanced
        deals have, as the difference itself is in all others.

        Args:
            statistic: of deals; a square, or a sum of squares.
            found: its value for the files as they are.
            freedom: squares that it is worth.
        """
        values = np.concatenate([statistic(part) for part in self.parts()])
        beyond = int((values >= found * (1 - 1e-9)).sum())
        least, level = 1 / (1 + len(values)), float(np.quantile(values, BALANCED))
        probability, order = (1 + beyond) * least, (1 + beyond) * least
        if not beyond and level > 0:
            order = min(least, float(gamma.sf(found, freedom / 2, scale=2 * level / freedom)))
        return Chance(probability, order, not beyond)


def blocks_for(probability: float, *, paired: bool) -> int:
    """Blocks of each file whose arrangements, with a margin, reach so small a probability.

    Pairs of blocks can be exchanged in 2 ** (blocks - 1) ways that differ, and 2 blocks be dealt
    to two files in half of "2 blocks over blocks".
    """
    n_blocks = 1
    while _arrangements(n_blocks, paired=paired) * probability < MARGIN:
        n_blocks += 1
    return n_blocks


def _arrangements(n_blocks: int, *, paired: bool) -> int:
    return 2 ** (n_blocks - 1) if paired else comb(2 * n_blocks, n_blocks) // 2


def jackknifed(
    statistic: Callable[[Float64[np.ndarray, " block"]], float], n_blocks: int
) -> tuple[float, Float64[np.ndarray, " block"]]:
    """A number from all blocks, and what it is without each.

    Source: Quenouille's and Tukey's jackknife; Efron and Stein (1981), doi:10.1214/aos/1176345462.
    """
    everything = np.ones(n_blocks)
    without = [statistic(everything - row) for row in np.eye(n_blocks)]
    return statistic(everything), np.array(without)


def jackknife_error(without: Float64[np.ndarray, " block"]) -> float:
    """Standard deviation of a number from its values without each block."""
    n = len(without)
    return float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def two_sided(difference: float, error: float, freedom: int) -> float:
    """Probability of a difference as large, either way; NaN if it is not known."""
    if not np.isfinite(difference) or not error > 0:
        return float("nan")
    return float(2 * t.sf(abs(difference) / error, freedom))
