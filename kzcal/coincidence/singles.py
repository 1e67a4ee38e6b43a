"""Single events of a run that may be half of a pair, as a table in time order."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped

from kzcal.coincidence.captures import group_of
from kzcal.hits import Events

TEXT = "S24"


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """Events that may be prompt, delayed or both, in time order.

    Args:
        event: number in the run.
        time: ns.
        position: m.
        energy: visible, MeV.
        prompt: whether the energy may be that of a prompt event.
        delayed: whether it may be that of a delayed one.
        group: in the truth; -1 where it is not known.
        kind: in the truth; empty where it is not known.
        scores: given from outside, a column each.
    """

    event: Int64[np.ndarray, " single"]
    time: Int64[np.ndarray, " single"]
    position: Float32[np.ndarray, "single 3"]
    energy: Float32[np.ndarray, " single"]
    prompt: Bool[np.ndarray, " single"]
    delayed: Bool[np.ndarray, " single"]
    group: Int64[np.ndarray, " single"]
    kind: Shaped[np.ndarray, " single"]
    scores: Float32[np.ndarray, "single score"]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.event)

    @classmethod
    def of(
        cls,
        events: Events,
        rows: Int64[np.ndarray, " single"],
        prompt: Bool[np.ndarray, " single"],
        delayed: Bool[np.ndarray, " single"],
        scores: Float32[np.ndarray, "single score"],
    ) -> Singles:
        """Some events of a slab."""
        kind = events.truth.get("kind", np.zeros(len(events), TEXT))
        return cls(
            events.event[rows],
            events.timestamp[rows],
            events.vertex[rows],
            events.energy[rows],
            prompt,
            delayed,
            group_of(events)[rows],
            kind[rows].astype(TEXT),
            scores,
        )

    def after(self, first: int) -> Singles:
        """Those from a row on, as views."""
        return Singles(*(getattr(self, column.name)[first:] for column in fields(self)))

    def followed_by(self, later: Singles) -> Singles:
        """These events and later ones."""
        pairs = ((getattr(s, column.name) for s in (self, later)) for column in fields(self))
        return Singles(*(np.concatenate(list(pair)) for pair in pairs))
