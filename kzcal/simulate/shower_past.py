"""Muons before decays, with what is seen after them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.simulate.shower_detection import SeenCaptures, detect
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.showers import Showers, draw_captures


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Muons before decays, and the captures that were seen after them.

    Args:
        history: row of the decay that each muon belongs to.
        parent: whether it made the decay.
        lag: of the muon before the decay, s.
        showers: the muons.
        seen: their captures.
    """

    history: Int64[np.ndarray, " muon"]
    parent: Bool[np.ndarray, " muon"]
    lag: Float64[np.ndarray, " muon"]
    showers: Showers
    seen: SeenCaptures

    def where(self, kept: Bool[np.ndarray, " muon"]) -> Past:
        """The muons kept, with their captures."""
        row = np.cumsum(kept) - 1
        seen = self.seen.where(kept[self.seen.muon])
        return Past(
            self.history[kept],
            self.parent[kept],
            self.lag[kept],
            self.showers.take(np.flatnonzero(kept)),
            replace(seen, muon=row[seen.muon]),
        )

    @classmethod
    def joined(cls, *parts: Past) -> Past:
        """Muons one after the other."""
        return cls(
            np.concatenate([part.history for part in parts]),
            np.concatenate([part.parent for part in parts]),
            np.concatenate([part.lag for part in parts]),
            Showers.joined(*(part.showers for part in parts)),
            SeenCaptures.joined(*((part.seen, len(part.history)) for part in parts)),
        )


def see_captures(
    model: ShowerModel, showers: Showers, radius: float, *, generator: np.random.Generator
) -> SeenCaptures:
    """Captures after muons, as they are seen."""
    captured = draw_captures(model, showers, radius, generator=generator)
    return detect(model.showers, showers, captured, generator=generator)


def latest(past: Past) -> Int64[np.ndarray, " history"]:
    """Rows of the last muon of each history that has any."""
    order = np.lexsort((past.lag, past.history))
    first = np.flatnonzero(np.diff(past.history[order], prepend=-1) > 0)
    return np.asarray(order[first])
