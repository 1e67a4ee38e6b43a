"""Where to cut a score, for rates of antineutrinos and accidental pairs as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.errors import ConfigurationError
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.resampling import weights


@dataclass(frozen=True, slots=True)
class Rates:
    """Pairs per day before any cut on the score.

    Args:
        signal: antineutrinos.
        accidental: pairs of unrelated events.

    Raises:
        ConfigurationError: a rate is not positive and finite.
    """

    signal: float
    accidental: float

    def __post_init__(self) -> None:
        for name in ("signal", "accidental"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                message = f"a rate of pairs is positive and finite, got {value:g}/day ({name})"
                raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """What a threshold leaves.

    Args:
        threshold: pairs whose score is larger are kept.
        efficiency: share of the antineutrinos that is kept.
        passed: share of the accidental pairs that is.
        rates: of both before the cut.
    """

    threshold: float
    efficiency: float
    passed: float
    rates: Rates

    @property
    def signal(self) -> float:
        """Antineutrinos kept per day."""
        return self.rates.signal * self.efficiency

    @property
    def accidental(self) -> float:
        """Accidental pairs kept per day."""
        return self.rates.accidental * self.passed

    @property
    def purity(self) -> float:
        """Share of antineutrinos in what is kept; NaN if nothing is."""
        kept = self.signal + self.accidental
        return self.signal / kept if kept else float("nan")

    @property
    def merit(self) -> float:
        """S / sqrt(S + B) of one day; it grows as the square root of time."""
        kept = self.signal + self.accidental
        return self.signal / kept**0.5 if kept else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The best working point.

    Args:
        point: with the threshold of all pairs, and what halves keep with each other's threshold.
        drawn: efficiency, purity and merit of pairs drawn anew.
    """

    point: WorkingPoint
    drawn: Float64[np.ndarray, "draw 3"]

    @property
    def errors(self) -> Float64[np.ndarray, " 3"]:
        """One standard deviation of efficiency, purity and merit."""
        return np.asarray(self.drawn.std(axis=0, ddof=1))

    def as_dict(self) -> Mapping[str, float]:
        """Every number, with its error where it has one."""
        named = zip(("efficiency", "purity", "merit"), self.errors, strict=True)
        return {
            "threshold": self.point.threshold,
            "signal_per_day": self.point.signal,
            "accidental_per_day": self.point.accidental,
            **{name: getattr(self.point, name) for name in ("efficiency", "purity", "merit")},
            **{f"{name}_error": float(error) for name, error in named},
        }


def best_threshold(
    score: Float64[np.ndarray, " pair"],
    signal: Bool[np.ndarray, " pair"],
    rates: Rates,
    weight: Float64[np.ndarray, " pair"] | None = None,
) -> float:
    """The threshold with the largest S / sqrt(S + B), between two scores.

    Args:
        score: of every pair.
        signal: whether each is an antineutrino.
        rates: of both per day.
        weight: how often each counts; once, if None.
    """
    ranking = Ranking.of(score, signal)
    curve = ranking.curve(weight)
    kept = rates.signal * curve.accepted
    merit = kept / np.sqrt(np.maximum(kept + rates.accidental * curve.passed, 1e-300))
    best = int(np.argmax(merit))
    levels = score[ranking.order[ranking.ends]]
    last = levels[max(best - 1, 0)]
    below = levels[best] if best < len(levels) else levels[-1] - 1.0
    return float((last + below) / 2)


def working_point(
    score: Float64[np.ndarray, " pair"],
    signal: Bool[np.ndarray, " pair"],
    rates: Rates,
    *,
    draws: int,
    generator: np.random.Generator,
) -> Found:
    """The best threshold, and what it keeps of pairs that had no say in it.

    Each half of the pairs is cut at the threshold of the other half, so that a threshold that fits
    its own pairs by chance is not taken for a good one.

    Args:
        score: of every pair.
        signal: whether each is an antineutrino.
        rates: of both per day.
        draws: how often pairs are drawn anew, for the errors.
        generator: draws them.
    """
    threshold = best_threshold(score, signal, rates)

    def crossed(weight: Float64[np.ndarray, " pair"]) -> WorkingPoint:
        return WorkingPoint(threshold, *_crossed(score, signal, rates, weight), rates)

    drawn = [crossed(weight) for weight in weights(signal, draws, generator=generator)]
    return Found(
        crossed(np.ones(len(score))),
        np.array([(point.efficiency, point.purity, point.merit) for point in drawn]),
    )


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Mean share of either class on its own side of a logit of zero.

    Args:
        value: the mean.
        error: one standard deviation, of the binomial laws of both shares.
    """

    value: float
    error: float

    def as_dict(self) -> Mapping[str, float]:
        """Value and error."""
        return {"balanced_accuracy": self.value, "balanced_accuracy_error": self.error}


def balanced_accuracy(
    score: Float64[np.ndarray, " pair"], signal: Bool[np.ndarray, " pair"]
) -> Accuracy:
    """How often a logit is on the right side of zero, both classes counting alike."""
    shares = np.array([(score[signal] > 0).mean(), (score[~signal] <= 0).mean()])
    numbers = np.array([signal.sum(), (~signal).sum()])
    variance = (shares * (1 - shares) / numbers).sum() / 4
    return Accuracy(float(shares.mean()), float(np.sqrt(variance)))


def _crossed(
    score: Float64[np.ndarray, " pair"],
    signal: Bool[np.ndarray, " pair"],
    rates: Rates,
    weight: Float64[np.ndarray, " pair"],
) -> tuple[float, float]:
    """Shares of antineutrinos and accidentals above the threshold of the other half."""
    half = np.zeros(len(score), bool)
    for rows in (np.flatnonzero(signal), np.flatnonzero(~signal)):
        half[rows[::2]] = True
    kept = np.zeros(len(score), bool)
    for learned in (half, ~half):
        cut = best_threshold(score[learned], signal[learned], rates, weight[learned])
        kept[~learned] = score[~learned] > cut
    efficiency, passed = (
        float(weight[chosen & kept].sum() / weight[chosen].sum()) for chosen in (signal, ~signal)
    )
    return efficiency, passed
