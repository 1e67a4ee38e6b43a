"""Labelled candidates with a column alike in both classes, so that no score lives on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from kzcal.errors import ConfigurationError
from kzcal.rejection.material import FEWEST_OF_EACH, Material

N_BINS = 20
"""Of equal numbers of signal."""


def matched(material: Material, name: str, *, generator: np.random.Generator) -> Material:
    """Leave as many candidates of either class in each bin of a column.

    The others stay without a label: they are scored, and judge nothing.

    Args:
        material: candidates.
        name: of the column.
        generator: draws who stays.

    Raises:
        ConfigurationError: there is no such column, or too few candidates are left.
    """
    columns = {column.name: column.values for column in material.columns}
    if name not in columns:
        message = f"candidates have no column {name!r} to match: choose from {', '.join(columns)}"
        raise ConfigurationError(message)
    values = columns[name]
    edges = np.quantile(values[material.signal], np.linspace(0.0, 1.0, N_BINS + 1))
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = N_BINS - 1
    kept = np.zeros(len(values), bool)
    for one in range(N_BINS):
        inside = place == one
        kept |= _as_many(inside & material.signal, inside & material.background, generator)
    signal, background = material.signal & kept, material.background & kept
    fewest = min(len(np.unique(material.group[rows])) for rows in (signal, background))
    if fewest < FEWEST_OF_EACH:
        message = (
            f"a combination needs {FEWEST_OF_EACH} candidates of each class, those of one shower "
            f"counted once, got {fewest} with the same {name}: give more, or match another column"
        )
        raise ConfigurationError(message)
    return replace(material, signal=signal, background=background)


def _as_many(
    first: Bool[np.ndarray, " candidate"],
    second: Bool[np.ndarray, " candidate"],
    generator: np.random.Generator,
) -> Bool[np.ndarray, " candidate"]:
    """As many of either, chosen by chance from the larger."""
    n = int(min(first.sum(), second.sum()))
    kept = np.zeros(len(first), bool)
    for rows in (np.flatnonzero(first), np.flatnonzero(second)):
        kept[generator.permutation(rows)[:n]] = True
    return kept
