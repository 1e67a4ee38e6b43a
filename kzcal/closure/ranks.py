r"""Whether ranks of the truth in what a fit believes are evenly spread, as they must be.

The rank of the truth among draws from a fitted distribution is uniform over repeated experiments,
whatever the truths, if the fit is right (simulation-based calibration). Of a Gaussian with pull p
the rank among infinitely many draws is :math:`\Phi(-p)`. A fit that claims too small errors has
too many ranks near 0 and 1, one that is biased a slope.

Source: Talts et al. (2018), arXiv:1804.06788; simultaneous bands of the empirical distribution
    after Säilynoja, Bürkner and Vehtari (2022), doi:10.1007/s11222-022-10090-6, algorithm 1, with
    the simulation done on bin counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.stats import binom, chi2, norm

SIMULATED = 20_000
"""Sets of uniform ranks that the band is found from: probabilities to 5e-5."""
MOST_BINS = 20
PER_BIN = 5


@dataclass(frozen=True, slots=True, eq=False)
class RankTest:
    """Ranks against uniform ones.

    Args:
        edges: inner edges of the bins, of ranks from 0 to 1.
        below: ranks below each.
        band: least and most of them that all edges together allow, but for the false-alarm rate.
        probability: of a worst edge like this, or worse, if ranks are uniform.
        chi_square: probability of bins like these, or worse, by Pearson's chi-square.
    """

    edges: Float64[np.ndarray, " edge"]
    below: Int64[np.ndarray, " edge"]
    band: Float64[np.ndarray, "2 edge"]
    probability: float
    chi_square: float


def ranks_of(pulls: Float64[np.ndarray, " row"]) -> Float64[np.ndarray, " row"]:
    """Rank of each truth, from 0 to 1, in the Gaussian that the fit believes."""
    return np.asarray(norm.cdf(-pulls))


def ranks_of_distances(
    squared: Float64[np.ndarray, " row"], n_parameters: int
) -> Float64[np.ndarray, " row"]:
    """Rank of each truth by its distance in the metric of the whole covariance."""
    return np.asarray(chi2.cdf(squared, n_parameters))


@dataclass(frozen=True, slots=True, eq=False)
class EvenRanks:
    """What ranks of right fits look like.

    Args:
        n: number of ranks.
        edges: inner edges of the bins.
        tail: two-sided probability of each number of ranks below each edge.
        least: smallest of these over the edges, in simulated sets of even ranks.
    """

    n: int
    edges: Float64[np.ndarray, " edge"]
    tail: Float64[np.ndarray, "edge count"]
    least: Float64[np.ndarray, " set"]

    @classmethod
    def simulated(cls, n: int, *, generator: np.random.Generator) -> EvenRanks:
        """Simulate sets of n even ranks."""
        bins = max(2, min(MOST_BINS, n // PER_BIN))
        edges = np.arange(1, bins) / bins
        tail = np.stack([_tail(n, edge) for edge in edges])
        counts = generator.multinomial(n, np.full(bins, 1 / bins), SIMULATED)
        least = tail[np.arange(bins - 1), counts.cumsum(1)[:, :-1]].min(1)
        return cls(n, edges, tail, least)

    def test(self, ranks: Float64[np.ndarray, " row"], *, false_alarm: float) -> RankTest:
        """Test that ranks are even.

        Args:
            ranks: n of them, from 0 to 1.
            false_alarm: share of even sets that leave the band.
        """
        n, edges, bins = self.n, self.edges, len(self.edges) + 1
        counts, _ = np.histogram(ranks, np.linspace(0, 1, bins + 1))
        below = counts.cumsum()[:-1]
        found = self.tail[np.arange(bins - 1), below].min()
        probability = (1 + int((self.least <= found).sum())) / (1 + len(self.least))
        level = float(np.quantile(self.least, false_alarm))
        band = np.stack([binom.ppf(level / 2, n, edges), binom.isf(level / 2, n, edges)])
        pearson = float(((counts - n / bins) ** 2).sum() / (n / bins))
        return RankTest(edges, below, band, probability, float(chi2.sf(pearson, bins - 1)))


def _tail(n: int, chance: float) -> Float64[np.ndarray, " count"]:
    """Two-sided probability of each number of successes in n, or of a stranger one."""
    count = np.arange(n + 1)
    low, high = binom.cdf(count, n, chance), binom.sf(count - 1, n, chance)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(low, high)))
