"""Mean, width and coverage of pulls, each with its error, against limits.

A number fails if it lies outside of its limits and chance explains it with less than the false-
alarm rate, shared out among all tests of a closure: a right fit fails a closure no more often
than that rate. Outside of its limits, but explained by chance, it is unresolved: more trials tell.
Where a trial has many rows, as a run has PMTs, they may hang together; errors then come from the
scatter of the trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.stats import binomtest, chi2, norm, t

from kzcal.closure.ranks import RankTest

PASS, FAIL, UNRESOLVED = "pass", "fail", "unresolved"
SHARES = {"coverage_68": (1.0, 0.6827), "coverage_95": (1.96, 0.95)}
"""Half-width of an interval in standard deviations, and the share that it must hold."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a closure tolerates.

    Args:
        bias: of the pulls' mean, either way.
        width: least and largest standard deviation of the pulls.
        coverage_68: least and largest share of truths within one standard deviation.
        coverage_95: the same within 1.96.
        failed: largest share of trials without a fit.
        false_alarm: rate at which a right fit fails.
    """

    bias: float = 0.2
    width: tuple[float, float] = (0.9, 1.1)
    coverage_68: tuple[float, float] = (0.60, 0.76)
    coverage_95: tuple[float, float] = (0.91, 0.985)
    failed: float = 0.02
    false_alarm: float = 0.01


@dataclass(frozen=True, slots=True)
class Check:
    """One number of one parameter.

    Args:
        name: bias, width, coverage_68, coverage_95 or ranks.
        value: of the number; of ranks the probability.
        error: one standard deviation.
        least: lower limit.
        most: upper limit.
        probability: that a right fit gives this or something stranger.
        verdict: pass, fail or unresolved.
    """

    name: str
    value: float
    error: float
    least: float
    most: float
    probability: float
    verdict: str


@dataclass(frozen=True, slots=True, eq=False)
class Pulls:
    """Pulls of one parameter with the trial that each belongs to."""

    pull: Float64[np.ndarray, " row"]
    trial: Int64[np.ndarray, " row"]

    @property
    def clustered(self) -> bool:
        """Whether trials have several rows, which may hang together."""
        return len(np.unique(self.trial)) < len(self.pull)

    def by_trial(self, numbers: Float64[np.ndarray, " row"]) -> tuple[float, float, int]:
        """Mean of a number, its error from the scatter of trials, and number of trials."""
        _, row = np.unique(self.trial, return_inverse=True)
        weight = np.bincount(row)
        mean = float(numbers.mean())
        share = weight / weight.sum()
        off = np.bincount(row, numbers) / weight - mean
        n = len(weight)
        return mean, float(np.sqrt((share**2 * off**2).sum() * n / (n - 1))), n


def bias(pulls: Pulls, limits: Limits, level: float) -> Check:
    """Mean of the pulls, against nothing."""
    n = len(pulls.pull)
    value, error = float(pulls.pull.mean()), n**-0.5
    chance = 2 * norm.sf(abs(value) / error)
    if pulls.clustered:
        value, error, trials = pulls.by_trial(pulls.pull)
        chance = 2 * t.sf(abs(value) / error, trials - 1)
    return _check("bias", value, error, (-limits.bias, limits.bias), float(chance), level)


def width(pulls: Pulls, limits: Limits, level: float) -> Check:
    """Standard deviation of the pulls, against one."""
    n = len(pulls.pull)
    variance = float(pulls.pull.var(ddof=1))
    value, error = variance**0.5, (2 * (n - 1)) ** -0.5
    scaled = (n - 1) * variance
    chance = 2 * min(chi2.sf(scaled, n - 1), chi2.cdf(scaled, n - 1))
    if pulls.clustered:
        squared = (pulls.pull - pulls.pull.mean()) ** 2
        mean, spread, trials = pulls.by_trial(squared)
        value, error = mean**0.5, spread / (2 * mean**0.5)
        chance = 2 * t.sf(abs(value - 1) / error, trials - 1)
    return _check("width", value, error, limits.width, min(1.0, float(chance)), level)


def coverage(pulls: Pulls, share: str, limits: Limits, level: float) -> Check:
    """Share of the truths in an interval of SHARES, against what it promises."""
    half, expected = SHARES[share]
    inside = np.abs(pulls.pull) < half
    n, value = len(inside), float(inside.mean())
    error = (max(value * (1 - value), 1 / (n + 1)) / n) ** 0.5
    chance = binomtest(int(inside.sum()), n, expected).pvalue
    if pulls.clustered:
        value, error, trials = pulls.by_trial(inside.astype(float))
        error = max(error, (expected * (1 - expected) / n) ** 0.5)
        chance = 2 * t.sf(abs(value - expected) / error, trials - 1)
    return _check(share, value, error, getattr(limits, share), float(chance), level)


def even(ranks: RankTest, level: float) -> Check:
    """Ranks of the truths, which have no size that could be tolerated."""
    chance = ranks.probability
    return Check("ranks", chance, 0.0, level, 1.0, chance, FAIL if chance < level else PASS)


def _check(
    name: str,
    value: float,
    error: float,
    bounds: tuple[float, float],
    chance: float,
    level: float,
) -> Check:
    least, most = bounds
    verdict = PASS if least <= value <= most else FAIL if chance < level else UNRESOLVED
    return Check(name, value, error, least, most, chance, verdict)
