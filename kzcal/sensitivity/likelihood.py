"""The profile likelihood of a signal over backgrounds with uncertain rates, of many data sets.

-2 ln L = 2 sum (m - n ln m) + sum t^2 with m = s S + sum_k exp(u_k t_k) B_k: Poisson counts, and
lognormal rates. All data sets are fitted at once by Fisher's scoring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from kzcal.errors import ConfigurationError
from kzcal.sensitivity.binned import Expected

STEPS = 60
CLOSE = 1e-8
LONGEST = 2.0
"""Standard deviations by which a rate changes in one step at most."""
FLOOR = 1e-12
"""Events that every bin expects at least, so that logarithms are finite."""

Counts = Float64[np.ndarray, "set bin"]
PerSet = Float64[np.ndarray, " set"]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Fits of data sets.

    Args:
        signal: in units of that of the unit half-life.
        rates: of each background, in standard deviations from what is expected.
        deviance: -2 ln L, less what does not hang on the parameters.
        error: of the signal, one standard deviation by the information.
    """

    signal: PerSet
    rates: Float64[np.ndarray, "set source"]
    deviance: PerSet
    error: PerSet


class Likelihood:
    """Of data sets, given what is expected.

    Args:
        expected: signal and backgrounds.
    """

    def __init__(self, expected: Expected) -> None:
        self._expected = expected

    def fitted(self, counts: Counts, signal: PerSet | None = None) -> Fitted:
        """Rates, and the signal where it is not given, that make data sets most likely.

        Args:
            counts: of every bin.
            signal: held there; otherwise fitted, and not below zero.

        Raises:
            ConfigurationError: a fit does not come to rest.
        """
        free = signal is None
        given = np.zeros(len(counts)) if signal is None else signal
        place = np.concatenate(
            [given[:, None], np.zeros((len(counts), len(self._expected.names)))], axis=1
        )
        for _ in range(STEPS):
            slope, information = self._derivatives(place, counts)
            held = np.zeros_like(place, bool)
            held[:, 0] = (place[:, 0] <= 0) & (slope[:, 0] > 0) if free else True
            step = _newton(slope, information, held)
            place[:, 1:] += np.clip(step[:, 1:], -LONGEST, LONGEST)
            place[:, 0] = np.maximum(place[:, 0] + step[:, 0], 0.0)
            gain = np.abs(np.where(held, 0.0, slope) * step).sum(axis=1)
            if (gain < CLOSE).all():
                break
        else:
            message = (
                f"a fit of backgrounds comes to rest within {STEPS} steps, got {gain.max():.2g} "
                "left in -2 ln L: give backgrounds smaller uncertainties"
            )
            raise ConfigurationError(message)
        _, information = self._derivatives(place, counts)
        error = np.sqrt(2.0 * np.linalg.inv(information)[:, 0, 0])
        return Fitted(place[:, 0], place[:, 1:], self._deviance(place, counts), error)

    def _means(
        self, place: Float64[np.ndarray, "set parameter"]
    ) -> tuple[Counts, Float64[np.ndarray, "set source bin"]]:
        """Expected counts, and those of each background."""
        scaled = np.exp(self._expected.uncertainty * place[:, 1:])
        each = scaled[:, :, None] * self._expected.backgrounds
        mean = place[:, :1] * self._expected.signal + each.sum(axis=1)
        return np.maximum(mean, FLOOR), each

    def _deviance(self, place: Float64[np.ndarray, "set parameter"], counts: Counts) -> PerSet:
        mean, _ = self._means(place)
        poisson = 2.0 * (mean - counts * np.log(mean)).sum(axis=1)
        return np.asarray(poisson + (place[:, 1:] ** 2).sum(axis=1))

    def _derivatives(
        self, place: Float64[np.ndarray, "set parameter"], counts: Counts
    ) -> tuple[
        Float64[np.ndarray, "set parameter"], Float64[np.ndarray, "set parameter parameter"]
    ]:
        """Slopes of -2 ln L and twice Fisher's information."""
        mean, each = self._means(place)
        signal = np.broadcast_to(self._expected.signal, (len(place), 1, mean.shape[1]))
        turn = np.concatenate([signal, self._expected.uncertainty[:, None] * each], axis=1)
        slope = 2.0 * np.einsum("spb,sb->sp", turn, 1.0 - counts / mean)
        information = 2.0 * (turn / mean[:, None]) @ turn.transpose(0, 2, 1)
        slope[:, 1:] += 2.0 * place[:, 1:]
        bound = np.arange(1, place.shape[1])
        information[:, bound, bound] += 2.0
        return slope, information


def _newton(
    slope: Float64[np.ndarray, "set parameter"],
    information: Float64[np.ndarray, "set parameter parameter"],
    held: Float64[np.ndarray, "set parameter"],
) -> Float64[np.ndarray, "set parameter"]:
    """The step to where the slopes would vanish; none of parameters that are held."""
    matrix = np.where(held[:, :, None] | held[:, None, :], 0.0, information)
    every = np.arange(slope.shape[1])
    matrix[:, every, every] += held
    return np.asarray(-np.linalg.solve(matrix, np.where(held, 0.0, slope)[..., None])[..., 0])
