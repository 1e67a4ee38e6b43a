"""Rank correlations with errors, and which of several is the strongest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import rankdata

Column = Float64[np.ndarray, " thing"]

DRAWS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Correlations:
    """How the ranks of several properties go with those of one quantity.

    Args:
        value: correlation of each property.
        error: one standard deviation of it.
        strongest: chance of each to have the largest absolute value, were other things drawn.
    """

    value: Mapping[str, float]
    error: Mapping[str, float]
    strongest: Mapping[str, float]


def correlations(
    properties: Mapping[str, Column],
    quantity: Column,
    error: Column,
    *,
    generator: np.random.Generator,
) -> Correlations:
    """Spearman's correlations; things are drawn anew, and the quantity within its errors.

    Args:
        properties: by name, of each thing.
        quantity: of each thing.
        error: of the quantity.
        generator: of what is drawn.
    """
    names, n = list(properties), len(quantity)
    table = np.stack([properties[name] for name in names])
    rows = generator.integers(n, size=(DRAWS, n))
    moved = quantity[rows] + error[rows] * generator.standard_normal((DRAWS, n))
    drawn = spearman(table[:, rows], moved).T
    best = np.abs(drawn).argmax(axis=1)
    columns = (
        spearman(table, quantity),
        drawn.std(axis=0),
        np.bincount(best, minlength=len(names)) / DRAWS,
    )
    return Correlations(*(dict(zip(names, column.tolist(), strict=True)) for column in columns))


def spearman(
    properties: Float64[np.ndarray, "property ..."],
    quantity: Float64[np.ndarray, "..."],
) -> Float64[np.ndarray, "..."]:
    """Correlation of the ranks of each property with those of a quantity; 0 for constants."""
    ranks, other = (rankdata(column, axis=-1) for column in (properties, quantity))
    ranks -= ranks.mean(axis=-1, keepdims=True)
    other -= other.mean(axis=-1, keepdims=True)
    norm = np.sqrt((ranks**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return np.asarray((ranks * other).sum(axis=-1) / np.where(norm > 0, norm, 1.0))
