"""What a closure repeats: draw a truth, make data from it, fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64

from kzcal.errors import CalibrationError

Rows = Float64[np.ndarray, " row"]


@dataclass(frozen=True, slots=True)
class TrueParameter:
    """A parameter whose truth is drawn evenly between two values.

    Args:
        name: what results call it.
        low: smallest true value.
        high: largest.
        unit: of both; "1" for a pure number.
    """

    name: str
    low: float
    high: float
    unit: str = "1"

    def draw(self, generator: np.random.Generator) -> float:
        """One true value."""
        return float(generator.uniform(self.low, self.high))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What one fit found, against the truth of its data.

    Args:
        truth: of every parameter; one row, or one for each of many that share a name (PMTs).
        values: fitted; NaN where a row was not fitted.
        errors: one standard deviation that the fit states.
        covariance: of the parameters in the order of ``truth``; None where there are many rows.

    Raises:
        CalibrationError: names or shapes differ, or an error is not positive.
    """

    truth: Mapping[str, Rows]
    values: Mapping[str, Rows]
    errors: Mapping[str, Rows]
    covariance: Float64[np.ndarray, "parameter parameter"] | None = None

    def __post_init__(self) -> None:
        for name, truth in self.truth.items():
            columns = self.values.get(name), self.errors.get(name)
            if any(column is None or column.shape != truth.shape for column in columns):
                message = f"a fit has a value and an error for each truth, got others for {name}"
                raise CalibrationError(message)
            known = np.isfinite(self.values[name])
            if not (np.isfinite(self.errors[name]) & (self.errors[name] > 0))[known].all():
                message = f"the error of a fitted value must be positive, got others for {name}"
                raise CalibrationError(message)

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        truth: Sequence[float],
        values: Sequence[float],
        covariance: Float64[np.ndarray, "parameter parameter"],
    ) -> Fitted:
        """A fit of parameters with one value each."""
        errors = np.sqrt(np.diag(covariance))

        def rows(numbers: Sequence[float]) -> dict[str, Rows]:
            return {n: np.array([float(v)]) for n, v in zip(names, numbers, strict=True)}

        return cls(rows(truth), rows(values), rows(errors.tolist()), covariance)

    def pulls(self, name: str) -> Rows:
        """Fitted less true values over the stated errors, where there are any."""
        known = np.isfinite(self.values[name]) & np.isfinite(self.truth[name])
        pulls = (self.values[name] - self.truth[name])[known] / self.errors[name][known]
        return np.asarray(pulls)

    def distance(self) -> float:
        """All parameters from their truth, squared, in the metric of the covariance.

        Raises:
            CalibrationError: there is no covariance.
        """
        if self.covariance is None:
            message = "a distance of all parameters needs their covariance, got none"
            raise CalibrationError(message)
        off = np.array([self.values[n][0] - self.truth[n][0] for n in self.truth])
        return float(off @ np.linalg.pinv(self.covariance, hermitian=True) @ off)


class Experiment(Protocol):
    """Data with a known truth and a fit of them; can be pickled."""

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of every parameter that a fit of it gives, by name."""

    def run(self, *, seed: int) -> Fitted:
        """Draw a truth, make data, fit them; the same seed gives the same.

        Raises:
            KzcalError: the data do not allow the fit; the closure counts and reports it.
        """
