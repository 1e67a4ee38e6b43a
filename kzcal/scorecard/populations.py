"""Which events of two files may be compared: the same ones, or all of the kinds that both have."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

from kzcal.errors import ConfigurationError
from kzcal.hits import Events

Rows = Int64[np.ndarray, " event"]


def matched(first: Events, second: Events, *, same_run: bool = True) -> tuple[Rows, Rows]:
    """Rows of two event tables that follow one law if the detector does the same in both.

    If all events of the first are in the second, by number, timestamp and trigger, the second is
    cut to them: a file made from a run's own events, or the same simulated events with other hits.
    Else all physics and forced triggers take part, each kind if both have it.

    Args:
        first: made from the second, perhaps; hits do not matter.
        second: data.
        same_run: whether both are of one run, so that equal numbers mean equal events.

    Returns:
        Rows of the first and of the second; where each event is there once, in the same order.

    Raises:
        ConfigurationError: there is no kind of event that both have.
    """
    if same_run and len(first):
        same = _same_events(first, second)
        if same is not None:
            return same
    kinds = [_both(first.physics, second.physics), _both(first.forced, second.forced)]
    rows = [np.flatnonzero(np.logical_or(*masks)) for masks in zip(*kinds, strict=True)]
    if not len(rows[0]):
        message = (
            f"two files are compared by the kinds of events that both have, got {len(first)} and "
            f"{len(second)} events without physics or forced triggers in common"
        )
        raise ConfigurationError(message)
    return rows[0], rows[1]


def paired(first: Events, second: Events, rows: tuple[Rows, Rows]) -> bool:
    """Whether the chosen rows are the same events one by one."""
    return len(rows[0]) == len(rows[1]) and all(
        np.array_equal(getattr(first, column)[rows[0]], getattr(second, column)[rows[1]])
        for column in ("event", "timestamp", "trigger")
    )


def _same_events(first: Events, second: Events) -> tuple[Rows, Rows] | None:
    """All of the first, and of the second each event that is among them, in their order.

    None if an event of the first is not in the second.
    """
    order = np.argsort(second.event, kind="stable")
    place = np.searchsorted(second.event[order], first.event)
    if not len(order) or (place == len(order)).any():
        return None
    found = order[place]
    for column in ("event", "timestamp", "trigger"):
        if not np.array_equal(getattr(first, column), getattr(second, column)[found]):
            return None
    _, appears = np.unique(found, return_index=True)
    return np.arange(len(first)), found[np.sort(appears)]


def _both(
    first: Bool[np.ndarray, " event"], second: Bool[np.ndarray, " other"]
) -> tuple[Bool[np.ndarray, " event"], Bool[np.ndarray, " other"]]:
    """Events of a kind, none if one file has none of it."""
    there = bool(first.any() and second.any())
    return first & there, second & there
