"""Kinds of events: which are signal and background, and the last of each in a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Shaped

from kzcal.errors import ConfigurationError
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


def check_kinds(
    signal: Sequence[str], background: Sequence[str], tables: Sequence[Events]
) -> None:
    """Refuse kinds that no file has, or that are of both classes.

    Args:
        signal: values of truth/kind that are signal.
        background: those that are background.
        tables: events of all files; those without a kind are passed over.

    Raises:
        ConfigurationError: a kind is in no file, or signal and background at once.
    """
    both = [name for name in signal if name in background]
    if both:
        message = (
            f"a kind is signal or background, got {', '.join(both)} as both: name another by "
            f"--signal or --background"
        )
        raise ConfigurationError(message)
    columns = [table.truth[KIND].astype(str) for table in tables if KIND in table.truth]
    known = np.unique(np.concatenate(columns)).tolist() if columns else []
    unknown = [name for name in (*signal, *background) if name not in known]
    if known and unknown:
        message = (
            f"signal and background are kinds that the events have, got {', '.join(unknown)}: "
            f"choose from {', '.join(known)}"
        )
        raise ConfigurationError(message)
