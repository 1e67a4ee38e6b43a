"""The verdict on repeated fits: every parameter by itself, then all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from scipy.stats import norm

from kzcal.closure.experiment import Fitted
from kzcal.closure.ranks import EvenRanks, RankTest, ranks_of, ranks_of_distances
from kzcal.closure.statistics import (
    FAIL,
    PASS,
    SHARES,
    UNRESOLVED,
    Check,
    Limits,
    Pulls,
    bias,
    coverage,
    even,
    width,
)
from kzcal.errors import CalibrationError

FEWEST_TRIALS = 5
JOINT = "all together"
"""Row of the ranks of all parameters in their joint distribution."""


@dataclass(frozen=True, slots=True, eq=False)
class ParameterClosure:
    """One parameter, over all trials.

    Args:
        name: of the parameter, or "all together".
        unit: of offset and error.
        n: number of pulls.
        offset: mean of fitted less true values.
        stated: median of the stated errors.
        checks: of its pulls.
        pulls: by row.
        ranks: against uniform ones; None where rows of a trial hang together.
    """

    name: str
    unit: str
    n: int
    offset: float
    stated: float
    checks: tuple[Check, ...]
    pulls: Float64[np.ndarray, " row"] = field(repr=False)
    ranks: RankTest | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A closure as a whole.

    Args:
        verdict: pass, fail or unresolved.
        trials: with a fit.
        failed: without one.
        parameters: each with its checks.
    """

    verdict: str
    trials: int
    failed: int
    parameters: tuple[ParameterClosure, ...]


@dataclass(frozen=True, slots=True)
class _Even:
    """Even ranks, simulated once for each number of them."""

    generator: np.random.Generator
    known: dict[int, EvenRanks]

    def of(self, n: int) -> EvenRanks:
        if n not in self.known:
            self.known[n] = EvenRanks.simulated(n, generator=self.generator)
        return self.known[n]


def judge(
    fits: Sequence[Fitted],
    failed: int,
    units: Mapping[str, str],
    limits: Limits,
    *,
    seed: int = 0,
) -> Verdict:
    """The verdict on repeated fits.

    Args:
        fits: one per trial.
        failed: number of trials without a fit.
        units: of the parameters.
        limits: what is tolerated.
        seed: of the simulated uniform ranks.

    Raises:
        CalibrationError: there are too few fits.
    """
    if len(fits) < FEWEST_TRIALS:
        message = (
            f"a closure needs {FEWEST_TRIALS} fits at least, got {len(fits)} and {failed} trials "
            f"that failed: run more trials"
        )
        raise CalibrationError(message)
    names = tuple(fits[0].truth)
    level = limits.false_alarm / (5 * len(names) + 1)
    even_ranks = _Even(np.random.default_rng([seed, len(fits)]), {})
    parameters = [_parameter(fits, n, units[n], limits, level, even_ranks) for n in names]
    if len(names) > 1 and all(fit.covariance is not None for fit in fits):
        parameters.append(_together(fits, names, level, even_ranks))
    found = {check.verdict for p in parameters for check in p.checks}
    if failed > limits.failed * (failed + len(fits)):
        found.add(FAIL)
    verdict = next((v for v in (FAIL, UNRESOLVED) if v in found), PASS)
    return Verdict(verdict, len(fits), failed, tuple(parameters))


def _parameter(
    fits: Sequence[Fitted],
    name: str,
    unit: str,
    limits: Limits,
    level: float,
    even_ranks: _Even,
) -> ParameterClosure:
    rows = [fit.pulls(name) for fit in fits]
    trial = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    pulls = Pulls(np.concatenate(rows), trial)
    off = np.concatenate([(fit.values[name] - fit.truth[name]) for fit in fits])
    errors = np.concatenate([fit.errors[name] for fit in fits])
    checks = [bias(pulls, limits, level), width(pulls, limits, level)]
    checks += [coverage(pulls, share, limits, level) for share in SHARES]
    ranks = None
    if not pulls.clustered:
        ranks = even_ranks.of(len(pulls.pull)).test(ranks_of(pulls.pull), false_alarm=level)
        checks.append(even(ranks, level))
    return ParameterClosure(
        name=name,
        unit=unit,
        n=len(pulls.pull),
        offset=float(np.nanmean(off)),
        stated=float(np.nanmedian(errors)),
        checks=tuple(checks),
        pulls=pulls.pull,
        ranks=ranks,
    )


def _together(
    fits: Sequence[Fitted],
    names: Sequence[str],
    level: float,
    even_ranks: _Even,
) -> ParameterClosure:
    """Ranks of the truth in the joint distribution: what correlations say is tested by them."""
    squared = np.array([fit.distance() for fit in fits])
    ranks = ranks_of_distances(squared, len(names))
    test = even_ranks.of(len(ranks)).test(ranks, false_alarm=level)
    checks = (even(test, level),)
    pulls = -norm.ppf(np.clip(ranks, 1e-12, 1 - 1e-12))
    return ParameterClosure(JOINT, "1", len(ranks), np.nan, np.nan, checks, pulls, test)
