"""What is told of a pair: numbers of its two events, and scores of its prompt event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float32

from kzcal.candidates import Candidates
from kzcal.errors import ConfigurationError

DIRECTIONS: Mapping[str, int] = MappingProxyType(
    {"e_prompt": 0, "e_delayed": 0, "r_prompt": -1, "r_delayed": -1, "dr": -1, "dt": -1}
)
"""Inputs that every pair has, and how they may move a score that is held to be monotone.

-1: the larger the number, the more accidental the pair, as singles come from the edge and pair up
at any distance and delay. Energies have peaks, and may move it either way.
"""
LARGER = 1
"""Scores are the larger, the more signal-like, and so move a monotone one up."""


def inputs_of(candidates: Candidates, *, scores: bool) -> tuple[str, ...]:
    """Names of the inputs: the six numbers, and scores of the prompt event in their order.

    Args:
        candidates: pairs.
        scores: whether scores are inputs.

    Raises:
        ConfigurationError: a number or the scores are missing.
    """
    missing = [name for name in DIRECTIONS if name not in candidates.columns]
    if missing:
        message = (
            f"a pair is told by {', '.join(DIRECTIONS)}, got candidates for {candidates.purpose} "
            f"without {', '.join(missing)}: `kzcal coincidence build --with ibd` writes them"
        )
        raise ConfigurationError(message)
    if not scores:
        return tuple(DIRECTIONS)
    further = tuple(n for n in candidates.columns if n not in DIRECTIONS)
    if not further:
        message = (
            "trees with scores=1 need pairs with scores, got none beside the six numbers: give "
            "`kzcal coincidence build` some by --scores NAME=FILE"
        )
        raise ConfigurationError(message)
    return (*DIRECTIONS, *further)


def values_of(
    candidates: Candidates, names: Sequence[str]
) -> Float32[np.ndarray, "candidate input"]:
    """Inputs side by side; NaN where a number is not known or not finite.

    Args:
        candidates: pairs.
        names: of the inputs.

    Raises:
        ConfigurationError: an input is missing.
    """
    table = candidates.table(names)
    return np.where(np.isfinite(table), table, np.float32(np.nan))


def constraints(inputs: Sequence[str]) -> tuple[int, ...]:
    """How each input may move a monotone score: -1 down, 1 up, 0 either way."""
    return tuple(DIRECTIONS.get(name, LARGER) for name in inputs)
