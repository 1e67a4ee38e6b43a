"""The end of a file, set aside by a training and judged by an evaluation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Shaped

from kzcal.hits import Events

KIND = "kind"
"""Column of the truth that says what an event is."""


def last_of_each_kind(
    events: Events, kind: Shaped[np.ndarray, " event"], share: float
) -> Bool[np.ndarray, " event"]:
    """The last events of each kind, among those that were reconstructed.

    Which events of a kind these are does not hang on the other kinds that somebody asks for, so
    that a training and an evaluation mean the same events.

    Args:
        events: of one file, in its order.
        kind: of each.
        share: of each kind, from 0 to 1.
    """
    usable, last = events.reconstructed, np.zeros(len(events), bool)
    for one in np.unique(kind):
        rows = np.flatnonzero(usable & (kind == one))
        last[rows[len(rows) - round(share * len(rows)) :]] = True
    return last
