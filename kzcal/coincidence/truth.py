"""What simulations say of candidates: copied from their events, and linked by their groups."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, Shaped

from kzcal.coincidence.captures import Captures, group_of
from kzcal.hits import Events

Points = Int64[np.ndarray, " point"]
Truth = dict[str, Shaped[np.ndarray, " decay"]]
TEXT = "S24"
"""Type of names, so that files of several runs agree."""


def decay_truth(
    events: Events,
    decays: Int64[np.ndarray, " decay"],
    decay: Points,
    captures: Captures,
    capture: Points,
) -> Truth:
    """Truth of decays, and how many of their captures are of their own shower; empty for data.

    Args:
        events: of a slab.
        decays: rows of the decays.
        decay: of each pair of decay and capture, as a row of ``decays``.
        captures: that are known.
        capture: of each pair.
    """
    if not events.truth:
        return {}
    group = group_of(events)[decays]
    own = (captures.group[capture] == group[decay]) & (group[decay] >= 0)
    truth: Truth = {"group": group}
    for name in ("kind", "isotope"):
        if name in events.truth:
            truth[name] = events.truth[name][decays].astype(TEXT)
    if "lag" in events.truth:
        truth["lag"] = events.truth["lag"][decays].astype(np.float32)
    truth["n_related"] = np.bincount(decay[own], minlength=len(decays))
    return truth
