r"""Random numbers of given means and covariances, of which some must stay positive.

What may have either sign is Gaussian. What is positive is log-normal, :math:`\mu\,e^{z - s^2/2}`,
so that a small error is as good as Gaussian and a large one never reaches zero. Both come from one
Gaussian vector z, whose covariance follows in closed form from that of the numbers:

.. math:: \Sigma_{ij} = \ln\left(1 + \frac{C_{ij}}{\mu_i \mu_j}\right),\quad
   \frac{C_{ij}}{\mu_i},\quad C_{ij}

for two positive numbers, a positive and a signed one, and two signed ones. Means, standard
deviations and correlations are exactly those asked for, unless they are such that no numbers of
this kind have them (a correlation near -1 with errors as large as the values): then correlations
are the nearest ones that can be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

LEAST = 1e-9
"""Smallest mean of a product of two positive numbers, over the product of their means."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Numbers that are drawn together, one set in every row.

    Args:
        mean: of each number.
        positive: which must stay positive.
        covariance: of the Gaussian numbers z behind them.
    """

    mean: Float64[np.ndarray, "row number"]
    positive: Bool[np.ndarray, "row number"]
    covariance: Float64[np.ndarray, "row number number"]

    @classmethod
    def of(
        cls,
        mean: Float64[np.ndarray, "row number"],
        covariance: Float64[np.ndarray, "row number number"],
        positive: Bool[np.ndarray, "row number"],
    ) -> Spread:
        """Numbers with these moments; what must be positive and has a mean of zero stays there."""
        held = positive & (mean == 0)
        free = ~held[:, :, None] & ~held[:, None, :]
        positive = positive & (mean > 0)
        scale = np.where(positive, mean, 1.0)
        relative = np.where(free, covariance, 0.0) / (scale[:, :, None] * scale[:, None, :])
        both = positive[:, :, None] & positive[:, None, :]
        logarithm = np.log1p(np.maximum(np.where(both, relative, 0.0), LEAST - 1))
        return cls(mean, positive, _nearest(np.where(both, logarithm, relative)))

    @property
    def scale(self) -> Float64[np.ndarray, "row number"]:
        """By how much each number changes with its z."""
        return np.where(self.positive, self.mean, 1.0)

    def draw(self, generator: np.random.Generator) -> Float64[np.ndarray, "row number"]:
        """Draw z of every number; the same generator state gives the same ones."""
        size, vectors = np.linalg.eigh(self.covariance)
        root = np.sqrt(np.maximum(size, 0.0))[:, None, :]
        unit = generator.standard_normal(self.mean.shape)
        along = np.swapaxes(vectors, 1, 2) @ unit[..., None]
        return np.asarray(((vectors * root) @ along)[..., 0])

    def at(self, z: Float64[np.ndarray, "row number"]) -> Float64[np.ndarray, "row number"]:
        """The numbers that belong to z."""
        half = np.diagonal(self.covariance, axis1=1, axis2=2) / 2
        grown = self.mean * np.exp(np.where(self.positive, z - half, 0.0))
        return np.where(self.positive, grown, self.mean + z)

    def moved_by(
        self,
        other: Spread,
        slope: Float64[np.ndarray, "row number other"],
    ) -> tuple[Spread, Float64[np.ndarray, "row number other"]]:
        """These numbers when they follow others, of which there is one row.

        Args:
            other: what they follow.
            slope: change of each number with each of the others.

        Returns:
            The numbers, more widely spread, and the slopes of their z by the z of the others.
        """
        steep = slope * other.scale / self.scale[:, :, None]
        added = steep @ other.covariance[0] @ np.swapaxes(steep, 1, 2)
        return replace(self, covariance=self.covariance + added), steep


def _nearest(
    covariance: Float64[np.ndarray, "row number number"],
) -> Float64[np.ndarray, "row number number"]:
    """The same variances with correlations that can be, where they cannot."""
    size, vectors = np.linalg.eigh(covariance)
    possible = size.min(axis=1, initial=0.0) >= -LEAST * size.max(axis=1, initial=0.0)
    if possible.all():
        return covariance
    clipped = (vectors * np.maximum(size, 0.0)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    sigma, found = (np.sqrt(np.diagonal(part, axis1=1, axis2=2)) for part in (covariance, clipped))
    grow = np.divide(sigma, found, out=np.zeros_like(sigma), where=found > 0)
    nearest = clipped * grow[:, :, None] * grow[:, None, :]
    return np.where(possible[:, None, None], covariance, nearest)
