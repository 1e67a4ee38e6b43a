"""How much of each isotope a score rejects, at one threshold for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Shaped

from kzcal.evaluate.curve import shares_above
from kzcal.evaluate.dependence import Share


@dataclass(frozen=True, slots=True)
class Isotope:
    """One isotope among the background.

    Args:
        name: of it.
        n: candidates.
        rejected: share of them below the threshold of each score.
    """

    name: str
    n: int
    rejected: tuple[Share, ...]


def isotopes(
    scores: Float64[np.ndarray, "score event"],
    signal: Bool[np.ndarray, " event"],
    isotope: Shaped[np.ndarray, " event"],
    acceptance: float,
) -> tuple[Isotope, ...]:
    """Each isotope of the background, the most frequent first.

    Args:
        scores: of each event.
        signal: whether each event is signal.
        isotope: name for each event; empty where there is none.
        acceptance: share of the signal above the threshold.
    """
    rejected = np.array([1.0 - shares_above(row, signal, acceptance) for row in scores])
    name = isotope.astype(str)
    names, counts = np.unique(name[~signal & (name != "")], return_counts=True)
    return tuple(
        Isotope(
            str(names[i]),
            int(counts[i]),
            tuple(Share.of(row[~signal & (name == names[i])]) for row in rejected),
        )
        for i in np.argsort(-counts, kind="stable")
    )
