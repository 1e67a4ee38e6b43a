"""The bottom of a smooth valley and its curvature, by Minuit from the best trial.

MIGRAD takes the objective's derivatives, HESSE differentiates them once more, so that errors are
those of the observed likelihood rather than of the expected one.

Source: James and Roos (1975), doi:10.1016/0010-4655(75)90039-9.
"""

from __future__ import annotations

import numpy as np
from iminuit import Minuit
from jaxtyping import Float64

from kzcal.errors import CalibrationError
from kzcal.fit.newton import Mask, Vector
from kzcal.parts import Minimum, Objective
from kzcal_optuna.study import Space

TOLERANCE = 0.01
"""MIGRAD ends within 2e-5 of the minimum of -2 log L."""

INSIDE = 1e-3
"""Minuit begins no nearer to an end than this share of a range; its limits have no slope there."""

AT_END = 0.01
"""A parameter that is pressed to within so many standard deviations of an end is at it."""


def polished(objective: Objective, space: Space, start: Vector) -> Minimum:
    """The minimum near a point; a parameter that ends at its range has no variance.

    Raises:
        CalibrationError: Minuit finds no minimum, or no covariance there.
    """
    lower, upper = space.ends()
    inset = INSIDE * (upper - lower)
    minuit = Minuit(
        objective,
        np.clip(start, lower + inset, upper - inset),
        grad=lambda values: objective.slopes(values)[0],
        name=space.names,
    )
    minuit.errordef, minuit.tol = Minuit.LEAST_SQUARES, TOLERANCE
    minuit.limits = list(zip(lower, upper, strict=True))
    minuit.errors = _sigma(objective, start, upper - lower)
    minuit.migrad()
    pressed = _pressed(objective, np.array(minuit.values), lower, upper)
    if pressed.any():
        nearest = np.where(np.array(minuit.values) - lower < (upper - lower) / 2, lower, upper)
        minuit.values = np.where(pressed, nearest, minuit.values)
        minuit.fixed = pressed.tolist()
        minuit.migrad()
    if not minuit.valid:
        _refuse(f"its distance to the minimum at {space.by_name(np.array(minuit.values))}", minuit)
    if minuit.nfit:
        minuit.hesse()
        if not minuit.accurate or minuit.covariance is None:
            _refuse("a matrix of errors that is not positive", minuit)
    covariance = np.zeros((len(lower),) * 2) if not minuit.nfit else np.array(minuit.covariance)
    return Minimum(np.array(minuit.values), covariance, float(minuit.fval or 0.0), minuit.nfcn)


def _sigma(objective: Objective, values: Vector, width: Vector) -> Vector:
    """Conditional standard deviations, at most a tenth of the ranges."""
    information: Float64[np.ndarray, " parameter"] = np.diag(objective.slopes(values)[1])
    sigma: Vector = np.sqrt(2 / np.maximum(information, 200 / width**2))
    return sigma


def _pressed(objective: Objective, values: Vector, lower: Vector, upper: Vector) -> Mask:
    """Which parameters the objective presses against an end of their range."""
    gradient, _ = objective.slopes(values)
    near = AT_END * _sigma(objective, values, upper - lower)
    pressed: Mask = ((values - lower < near) & (gradient > 0)) | (
        (upper - values < near) & (gradient < 0)
    )
    return pressed


def _refuse(what: str, minuit: Minuit) -> None:
    edm = minuit.fmin.edm if minuit.fmin else float("nan")
    message = (
        f"a fit ends in a minimum with a covariance, got from Minuit {what} (distance {edm:.2g}): "
        "allow more trials, give a prior, or leave a parameter out"
    )
    raise CalibrationError(message)
