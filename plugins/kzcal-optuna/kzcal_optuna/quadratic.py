"""The minimum of a noisy objective: not its lowest trial, but that of a paraboloid through many.

The lowest of many noisy values is low by luck, and where it lies is luck, too. Points are drawn
around it as far as the objective rises by what its noise cannot hide, and a quadratic is fitted
to all of them by least squares.

Source: response surfaces, Box and Wilson (1951), doi:10.1111/j.2517-6161.1951.tb00067.x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import CalibrationError, ConfigurationError
from kzcal.fit.newton import Box, Matrix, Vector, covariance
from kzcal.parts import Objective

PER_COEFFICIENT = 3
"""Trials for each coefficient of the quadratic."""

FAR = 2.0
"""A minimum is believed within so many radii of the drawn points."""

Points = Float64[np.ndarray, "point parameter"]


def coefficients(n: int) -> int:
    """Of a quadratic in n parameters."""
    return (n + 1) * (n + 2) // 2


def design_size(n: int, trials: int) -> int:
    """How many of the trials are drawn around the best.

    Raises:
        ConfigurationError: there are too few for that.
    """
    size = PER_COEFFICIENT * coefficients(n)
    if trials < 2 * size:
        message = (
            f"a noisy objective of {n} parameters takes {2 * size} trials or more, got {trials}"
        )
        raise ConfigurationError(message)
    return size


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Coordinates around a point in which the objective rises alike in all directions.

    Args:
        centre: the point, each parameter in its unit.
        axes: a step of one along each, by which -2 log L rises by one or more.
        radius: of the points that are drawn.
    """

    centre: Vector
    axes: Matrix
    radius: float

    @classmethod
    def of(cls, objective: Objective, box: Box, centre: Vector) -> Surroundings:
        """By the objective's information, as far as it rises by five times its noise."""
        every = np.ones(len(centre), np.bool_)
        spread = covariance(objective.slopes(centre)[1], box.names, every)
        radius = float(np.sqrt(max(len(centre), 5 * objective.noise)))
        return cls(centre, np.linalg.cholesky(spread), radius)

    def drawn(self, box: Box, number: int, *, generator: np.random.Generator) -> Points:
        """Points all around, within the box."""
        direction = generator.normal(size=(number, len(self.centre)))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = self.radius * generator.random((number, 1)) ** (1 / len(self.centre))
        points: Points = self.centre + length * direction @ self.axes.T
        inside: Points = np.clip(points, box.lower, box.upper)
        return inside

    def minimum(
        self, points: Points, values: Float64[np.ndarray, " point"], noise: float
    ) -> tuple[Vector, Matrix, float]:
        """Where the quadratic through the points is smallest, its covariance and value.

        The covariance holds what the noise adds to where the minimum is.

        Raises:
            CalibrationError: it has no minimum near the points.
        """
        steps = np.linalg.solve(self.axes, (points - self.centre).T).T / self.radius
        n = len(self.centre)
        row, column = np.triu_indices(n)
        table = np.hstack([np.ones((len(steps), 1)), steps, steps[:, row] * steps[:, column]])
        found = np.linalg.lstsq(table, values, rcond=None)[0]
        second = np.zeros((n, n))
        second[row, column] = found[n + 1 :]
        second = second + second.T
        inverse = np.linalg.inv(second)
        offset: Vector = -inverse @ found[1 : n + 1]
        if np.linalg.eigvalsh(second)[0] <= 0 or np.linalg.norm(offset) > FAR:
            message = (
                "trials around the best one surround the minimum of a noisy objective, got none "
                f"within {FAR:g} radii of them: allow more trials"
            )
            raise CalibrationError(message)
        axes = self.axes * self.radius
        scatter = noise**2 * np.linalg.inv(table.T @ table)
        by_noise = inverse @ _gradient_scatter(scatter, offset, row, column) @ inverse
        lowest = found[0] + found[1 : n + 1] @ offset / 2
        return self.centre + axes @ offset, axes @ (2 * inverse + by_noise) @ axes.T, float(lowest)


def _gradient_scatter(
    scatter: Float64[np.ndarray, "coefficient coefficient"],
    offset: Vector,
    row: Int64[np.ndarray, " pair"],
    column: Int64[np.ndarray, " pair"],
) -> Matrix:
    """Covariance of the quadratic's gradient at its minimum, by that of its coefficients."""
    n = len(offset)
    of_gradient = np.zeros((n, len(scatter)))
    of_gradient[:, 1 : n + 1] = np.eye(n)
    term = np.arange(n + 1, len(scatter))
    of_gradient[row, term] += offset[column]
    of_gradient[column, term] += offset[row]
    of_minimum: Matrix = of_gradient @ scatter @ of_gradient.T
    return of_minimum
