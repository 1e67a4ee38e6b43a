r"""What the global fit compares: counts in bins, and what parameters make of their expectation.

Every term is a table of counts with a differentiable expectation. The expectation comes from a
finite number of simulated decays and traced photons, so that it has a relative variance v of its
own. With the factor :math:`\beta` by which it is off, known to be :math:`1 \pm \sqrt v`,

.. math:: -2 \ln L = 2 \sum_b \left(\beta m - n + n \ln\frac{n}{\beta m}\right)
   + \frac{(\beta - 1)^2}{v}

is smallest for the root of :math:`\beta^2 + (m v - 1) \beta - n v = 0`.

Source: Barlow and Beeston (1993), doi:10.1016/0010-4655(93)90005-W, with one factor per bin and
    its Gaussian constraint after Conway (2011), arXiv:1103.0354.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

FEWEST = 1e-9
"""Expected counts are at least this, so that their logarithm is finite."""

Values = Mapping[str, Tensor]
"""Value of every parameter by name, as a scalar tensor in double precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """Expected counts.

    Args:
        mean: of each bin; differentiable by the parameters.
        variance: relative, of the mean, from finite simulation; a constant.
    """

    mean: Float[Tensor, " bin"]
    variance: Float[Tensor, " bin"]


class Term(Protocol):
    """One comparison of data and expectation; can be pickled.

    ``expected`` is pure torch in double precision without in-place changes, so that it can be
    differentiated forwards. Normalisations that are free are profiled inside of it.
    """

    @property
    def name(self) -> str:
        """What it compares, such as "occupancy"."""

    @property
    def counts(self) -> Float[Tensor, " bin"]:
        """Observed counts; need not be integers where hits carry weights."""

    def expected(self, values: Values) -> Expectation:
        """What the parameters expect."""


def deviance(counts: Float[Tensor, " bin"], expected: Expectation) -> Float[Tensor, " bin"]:
    """-2 log L of each bin against the best possible, the expectation's own error profiled."""
    mean = expected.mean.clamp(min=FEWEST)
    factor = off_by(counts, mean, expected.variance)
    likely = (factor * mean).clamp(min=FEWEST)
    entropy = torch.special.xlogy(counts, counts) - torch.special.xlogy(counts, likely)
    poisson = likely - counts + entropy
    known = expected.variance > 0
    safe = torch.where(known, expected.variance, 1.0)
    pull = torch.where(known, (factor - 1) ** 2 / safe, 0.0)
    total: Tensor = 2 * poisson + pull
    return total


def off_by(
    counts: Float[Tensor, " bin"], mean: Float[Tensor, " bin"], variance: Float[Tensor, " bin"]
) -> Float[Tensor, " bin"]:
    """Factor by which each expectation is most likely off."""
    half = (1 - mean * variance) / 2
    root = torch.sqrt(half**2 + counts * variance)
    away = (root - half).clamp(min=FEWEST)
    return torch.where(half > 0, half + root, counts * variance / away)


def information_weight(expected: Expectation) -> Float[Tensor, " bin"]:
    """Fisher information of each bin on its mean: inverse of Poisson's and its own variance."""
    mean = expected.mean.clamp(min=FEWEST)
    return 1 / (mean + mean**2 * expected.variance)
