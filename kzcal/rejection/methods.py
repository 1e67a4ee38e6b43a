"""Ways to make one score of several: each learns from events of both classes.

What they give is a logarithm of a likelihood ratio, up to a constant: the larger the more
signal-like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.rejection.density import POINTS, DensityRatio

MOST_JOINT = max(POINTS)
"""Scores whose density is estimated together; a grid of more would be empty."""


class Combiner(Protocol):
    """One score from several."""

    def __call__(
        self, scores: Float64[np.ndarray, "score event"]
    ) -> Float64[np.ndarray, " event"]:
        """The score of each event."""
        ...


Learner = Callable[[Float64[np.ndarray, "score event"], Bool[np.ndarray, " event"]], Combiner]


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """Product of the likelihood ratios of single scores: exact where these are independent.

    Args:
        ratios: of each score.
    """

    ratios: tuple[DensityRatio, ...]

    @classmethod
    def of(
        cls, scores: Float64[np.ndarray, "score event"], signal: Bool[np.ndarray, " event"]
    ) -> Product:
        """From events of both classes."""
        return cls(tuple(DensityRatio.of(row[None], signal) for row in scores))

    def single(
        self, scores: Float64[np.ndarray, "score event"]
    ) -> Float64[np.ndarray, "score event"]:
        """Logarithm of the ratio of each score by itself."""
        rows = zip(self.ratios, scores, strict=True)
        return np.array([ratio(row[None]) for ratio, row in rows])

    def __call__(
        self, scores: Float64[np.ndarray, "score event"]
    ) -> Float64[np.ndarray, " event"]:
        """Sum of their logarithms."""
        return np.asarray(self.single(scores).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """Weighted sum of the logarithms of single ratios: their weights see what scores share.

    Args:
        product: the single ratios.
        weights: of each, and a constant.
    """

    product: Product
    weights: Float64[np.ndarray, " score_plus_1"]

    @classmethod
    def of(
        cls, scores: Float64[np.ndarray, "score event"], signal: Bool[np.ndarray, " event"]
    ) -> Logistic:
        """By maximum likelihood with a weak pull to zero; both classes count as much."""
        from sklearn.linear_model import LogisticRegression

        product = Product.of(scores, signal)
        model = LogisticRegression(class_weight="balanced", tol=1e-8, max_iter=1000)
        model.fit(product.single(scores).T, signal)
        return cls(product, np.append(model.coef_[0], model.intercept_))

    def __call__(
        self, scores: Float64[np.ndarray, "score event"]
    ) -> Float64[np.ndarray, " event"]:
        """The sum for each event."""
        return np.asarray(self.weights[:-1] @ self.product.single(scores) + self.weights[-1])


METHODS: Mapping[str, Learner] = MappingProxyType(
    {"product": Product.of, "logistic": Logistic.of, "joint": DensityRatio.of}
)
"""By name: 1-D densities multiplied, logistic regression on their logarithms, one density."""


def applicable(n_scores: int) -> tuple[str, ...]:
    """Names of the methods for so many scores."""
    return tuple(name for name in METHODS if name != "joint" or n_scores <= MOST_JOINT)
