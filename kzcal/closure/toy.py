"""A closure that is right by construction, or wrong on request: it shows what a verdict can see.

Truths are drawn evenly, data are Gaussian numbers about them with correlated errors, and the fit
states what it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kzcal.closure.experiment import Fitted, TrueParameter
from kzcal.errors import CalibrationError

PARAMETERS = (
    TrueParameter("light_yield", 0.9, 1.1),
    TrueParameter("absorption_scale", 0.8, 1.2),
    TrueParameter("scattering_scale", 0.8, 1.2),
)
SIGMA = np.array([0.01, 0.03, 0.06])
CORRELATION = np.array([[1.0, -0.7, 0.2], [-0.7, 1.0, -0.4], [0.2, -0.4, 1.0]])


@dataclass(frozen=True, slots=True)
class Toy:
    """Three parameters with the errors that a global fit aims at.

    Args:
        bias: added to every fitted value, in standard deviations.
        stated: stated over true errors; below one the fit is overconfident.
        correlated: whether the stated covariance knows the correlations.
        fails: share of trials whose fit fails.
    """

    bias: float = 0.0
    stated: float = 1.0
    correlated: bool = True
    fails: float = 0.0

    @property
    def units(self) -> Mapping[str, str]:
        """Pure numbers all."""
        return {p.name: p.unit for p in PARAMETERS}

    def run(self, *, seed: int) -> Fitted:
        """One trial.

        Raises:
            CalibrationError: in the share of trials that was asked for.
        """
        generator = np.random.default_rng(seed)
        truth = np.array([p.draw(generator) for p in PARAMETERS])
        if generator.random() < self.fails:
            message = f"a toy fits but for the share that fails, got seed {seed} of it"
            raise CalibrationError(message)
        root = np.linalg.cholesky(CORRELATION)
        found = truth + SIGMA * (root @ generator.standard_normal(len(SIGMA)) + self.bias)
        correlation = CORRELATION if self.correlated else np.eye(len(SIGMA))
        covariance = self.stated**2 * correlation * np.outer(SIGMA, SIGMA)
        names = [p.name for p in PARAMETERS]
        return Fitted.of(names, truth.tolist(), found.tolist(), covariance)
