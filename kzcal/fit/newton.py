r"""Damped Newton steps within the ranges of the parameters.

With gradient g and twice the Fisher information H of -2 log L, every step s minimises

.. math:: g^T s + \tfrac12 s^T (H + \lambda \operatorname{diag} H) s

among the points within the ranges, exactly. The damping :math:`\lambda` falls by a step that
lowers the objective and rises by one that does not, so that far steps keep downhill and near ones
are Newton's. The decrease that an undamped step promises is the distance to the minimum.

Source: Levenberg (1944), doi:10.1090/qam/10666; Marquardt (1963), doi:10.1137/0111030; bounded
    least squares by Stark and Parker (1995), as in SciPy's lsq_linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import lsq_linear

from kzcal.errors import CalibrationError, ConfigurationError
from kzcal.parts import DEFAULT_EFFORT, Effort, Minimum, Objective, Parameter

Vector = Float64[np.ndarray, " parameter"]
Matrix = Float64[np.ndarray, "parameter parameter"]
Mask = Bool[np.ndarray, " parameter"]

GOAL = 1e-6
"""A fit ends where a further step promises no more of -2 log L than this."""

NEAR = 0.01
"""It may end where no step lowers the objective, if at most this is promised: 0.1 sigma."""

LARGEST_DAMPING = 1e10


@dataclass(frozen=True, slots=True)
class Damping:
    """How much steps are shortened.

    Args:
        value: of the diagonal of the second derivatives that is added to them.
    """

    value: float = 1e-3

    def eased(self) -> Damping:
        """After a step that lowered the objective."""
        return Damping(max(self.value / 10, 1e-12))

    def raised(self) -> Damping:
        """After a step that did not."""
        return Damping(max(10 * self.value, 1e-3))

    def settled(self, promised: float, noise: float) -> bool:
        """Whether a minimum is reached, by what an undamped step promises."""
        goal = max(GOAL, noise)
        return promised < goal or (self.value > LARGEST_DAMPING and promised < max(NEAR, goal))

    @property
    def over(self) -> bool:
        """Whether no step is short enough to lower the objective."""
        return self.value > 1e3 * LARGEST_DAMPING


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A point with what is known of the objective there.

    Args:
        values: of the parameters, each in its unit.
        objective: -2 log L.
        gradient: its first derivatives.
        information: twice the Fisher information.
    """

    values: Vector
    objective: float
    gradient: Vector
    information: Matrix

    @classmethod
    def of(cls, objective: Objective, values: Vector, known: float) -> Place:
        """The point at values where the objective is known."""
        return cls(values, known, *objective.slopes(values))


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """The ranges of the parameters.

    Args:
        names: of the parameters.
        lower: smallest values, each in its unit.
        upper: largest.
    """

    names: tuple[str, ...]
    lower: Vector
    upper: Vector

    @classmethod
    def of(cls, parameters: Sequence[Parameter]) -> Box:
        """The ranges.

        Raises:
            ConfigurationError: a range is empty or its parameter starts outside.
        """
        for p in parameters:
            if not p.lower < p.upper or not p.lower <= p.start <= p.upper:
                message = (
                    f"a parameter starts within its range, got {p.name} starting at {p.start:g} "
                    f"{p.unit} in [{p.lower:g}, {p.upper:g}]"
                )
                raise ConfigurationError(message)
        lower, upper = np.array([(p.lower, p.upper) for p in parameters], float).reshape(-1, 2).T
        return cls(tuple(p.name for p in parameters), lower, upper)

    def step(self, place: Place, damping: float) -> tuple[Vector, float]:
        """The best point within the box for a damped quadratic, and the decrease it promises."""
        width = self.upper - self.lower
        second = place.information * np.outer(width, width)
        second = second + damping * np.diag(np.diag(second))
        stretch, axes = np.linalg.eigh(second)
        root = np.sqrt(np.maximum(stretch, max(stretch[-1], 1.0) * 1e-14))
        slope = axes.T @ (place.gradient * width)
        low, high = (self.lower - place.values) / width, (self.upper - place.values) / width
        within = (low - 1e-15, high + 1e-15)
        move = lsq_linear(root[:, None] * axes.T, -slope / root, within, method="bvls").x
        promised = -(place.gradient * width) @ move - move @ second @ move / 2
        return np.clip(place.values + move * width, self.lower, self.upper), float(promised)

    def inside(self, values: Vector) -> Mask:
        """Which parameters are not at an end of their range."""
        near = 1e-9 * (self.upper - self.lower)
        inside: Mask = (values > self.lower + near) & (values < self.upper - near)
        return inside


def covariance(
    information: Matrix, names: Sequence[str], free: Bool[np.ndarray, " parameter"]
) -> Matrix:
    """Twice the inverse of second derivatives; 0 for parameters that are not free.

    Args:
        information: second derivatives of -2 log L, or twice the Fisher information.
        names: of the parameters.
        free: which parameters are not at an end of their range, where they count as fixed.

    Raises:
        CalibrationError: nothing in data and priors tells some of the parameters apart.
    """
    rows = np.flatnonzero(free)
    second = information[np.ix_(rows, rows)]
    scale = np.sqrt(np.diag(second))
    unseen = [names[row] for row in rows[scale <= 0]]
    result = np.zeros_like(information)
    if not unseen and len(rows):
        stretch, axes = np.linalg.eigh(second / np.outer(scale, scale))
        if stretch[0] > 1e-12:
            inverse = (axes / stretch) @ axes.T
            result[np.ix_(rows, rows)] = 2 * inverse / np.outer(scale, scale)
            return result
        unseen = [names[row] for row in rows[np.abs(axes[:, 0]) > 0.1]]
    if unseen:
        message = (
            f"data or priors must tell every parameter, got none for {', '.join(unseen)}: give "
            "a prior or leave one out of the fit"
        )
        raise CalibrationError(message)
    return result


class Newton:
    """Finds the minimum of a smooth objective by its own derivatives."""

    def minimise(
        self,
        objective: Objective,
        parameters: Sequence[Parameter],
        *,
        seed: int,  # noqa: ARG002  nothing here is random
        effort: Effort = DEFAULT_EFFORT,
    ) -> Minimum:
        """Minimise within the ranges; a parameter that ends at one has no variance.

        Raises:
            CalibrationError: the objective is not finite at the start, or no minimum was reached.
            ConfigurationError: trials are to be kept, which it does not.
        """
        if effort.storage:
            message = (
                f"the fitter newton keeps no trials, got storage={effort.storage!r}: leave it "
                "out or choose another fitter"
            )
            raise ConfigurationError(message)
        box = Box.of(parameters)
        start = np.array([p.start for p in parameters], np.float64)
        place, n_calls = _descend(objective, box, start, effort)
        spread = covariance(place.information, box.names, box.inside(place.values))
        return Minimum(place.values, spread, place.objective, n_calls)


def _descend(objective: Objective, box: Box, start: Vector, effort: Effort) -> tuple[Place, int]:
    """Steps until the minimum, and how many points were asked about."""
    first = objective(start)
    if not np.isfinite(first):
        message = f"an objective is finite where a fit starts, got {first} at {start}"
        raise CalibrationError(message)
    place, damping = Place.of(objective, start, first), Damping()
    promised, n_calls = box.step(place, 0.0)[1], 1
    for n_calls in range(1, effort.trials + 1):
        if damping.settled(promised, objective.noise):
            return place, n_calls
        if damping.over:
            break
        values, _ = box.step(place, damping.value)
        found = objective(values)
        if found < place.objective:
            place, damping = Place.of(objective, values, found), damping.eased()
            promised = box.step(place, 0.0)[1]
        else:
            damping = damping.raised()
    message = (
        f"a fit ends where -2 log L is within {max(GOAL, objective.noise):.1g} of its minimum, "
        f"got {promised:.3g} after {n_calls} trials at "
        f"{dict(zip(box.names, place.values.tolist(), strict=True))}: allow more trials, or start "
        "elsewhere"
    )
    raise CalibrationError(message)
