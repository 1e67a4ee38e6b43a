"""Histograms of traced photons that follow the parameters of the light by exact slopes.

A photon's history has a probability whose logarithm has slopes in the logarithms of the
parameters. In a bin of weights w their weighted mean is the slope of the logarithm of its sum, so
that one trace serves all values near those it was made with: first order in the logarithms, but
exact in the angular slope, in which a PMT's response is linear, and in what a PMT mirrors of the
light that would enter it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.fit.terms import Values
from kzcal.geometry import LightParameters
from kzcal.optics.tracer import SLOPES

MIRROR = SLOPES.index("pmt_reflectivity")
INCLINED = SLOPES.index("angular_slope")


@dataclass(frozen=True, slots=True, eq=False)
class SlopedHistogram:
    """Sums of weights by bin, with their slopes; photons are added in place.

    Args:
        total: sum of weights.
        slopes: sum of weights times slopes, in the order of ``kzcal.optics.tracer.SLOPES``.
        squares: sum of squared weights.
    """

    total: Float[Tensor, " bin"]
    slopes: Float[Tensor, "bin scale"]
    squares: Float[Tensor, " bin"]

    @classmethod
    def zeros(cls, n_bins: int, device: torch.device | str = "cpu") -> SlopedHistogram:
        """Nothing added yet; in double precision."""

        def zero(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        return cls(zero(n_bins), zero(n_bins, len(SLOPES)), zero(n_bins))

    def add(
        self,
        index: Int[Tensor, " photon"],
        weight: Float[Tensor, " photon"],
        slopes: Float[Tensor, "photon scale"],
    ) -> None:
        """Add traced photons to bins."""
        weight = weight.double()
        n = len(self.total)
        self.total.add_(torch.bincount(index, weight, n))
        self.squares.add_(torch.bincount(index, weight * weight, n))
        for column, slope in zip(self.slopes.T, slopes.T, strict=True):
            column.add_(torch.bincount(index, weight * slope, n))

    def expected(self, values: Values, anchor: LightParameters) -> Float[Tensor, " bin"]:
        """Sums of weights at other values of the parameters.

        Args:
            values: of which those named in SLOPES are used; a missing one is unmoved.
            anchor: parameters that the photons were traced with.

        Raises:
            ConfigurationError: light was traced without what a value scales.
        """
        move = log_ratios(values, anchor, self.total)
        by_log = self.slopes / self.total.clamp(min=torch.finfo(torch.float64).tiny)[:, None]
        inclined = 1 + torch.expm1(move[INCLINED]) * by_log[:, INCLINED]
        others = by_log[:, :INCLINED] @ move[:INCLINED] + entering(values, anchor)
        moved: Tensor = self.total * torch.exp(others) * inclined
        return moved

    @property
    def relative_variance(self) -> Float[Tensor, " bin"]:
        """Of the sums, from the number of photons; zero where there are none."""
        return self.squares / (self.total**2).clamp(min=torch.finfo(torch.float64).tiny)


def log_ratios(values: Values, anchor: LightParameters, like: Tensor) -> Float[Tensor, " scale"]:
    """Logarithms of values over those of the anchor, in the order of SLOPES.

    Raises:
        ConfigurationError: light was traced without what a value scales.
    """
    columns = []
    for name in SLOPES:
        at, value = float(getattr(anchor, name)), values.get(name)
        if value is None:
            columns.append(like.new_zeros(()))
            continue
        if not at > 0:
            message = (
                f"light is moved in {name} from a positive value, got {at}: "
                f"trace it with {name} above zero, or do not fit {name}"
            )
            raise ConfigurationError(message)
        columns.append(torch.log(value / at))
    return torch.stack(columns)


def entering(values: Values, anchor: LightParameters) -> Tensor | float:
    """What slopes leave out of the log of the light that enters the PMT that it meets."""
    value = values.get(SLOPES[MIRROR])
    if value is None:
        return 0.0
    at = anchor.pmt_reflectivity
    exact = torch.log((1 - value) / (1 - at))
    left_out: Tensor = exact + at / (1 - at) * torch.log(value / at)
    return left_out
