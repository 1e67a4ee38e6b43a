"""Rows of an event file: captures after muons, and decays with or without a parent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from kzcal.hits import PHYSICS, Events, Hits
from kzcal.simulate.order import joined
from kzcal.simulate.shower_detection import SeenCaptures

CAPTURE, SIGNAL, LONG_LIVED = "capture", "xe136", "long-lived"
"""What the truth calls captures, double beta decays and isotopes."""
KIND, ISOTOPE = "S10", "S12"
ALONE = -1
"""Group of events that nothing made that the simulation knows of."""


def truth(
    n: int,
    kind: str,
    group: Int64[np.ndarray, " event"] | int = ALONE,
    isotope: Shaped[np.ndarray, " event"] | str = "",
    lag: Float64[np.ndarray, " event"] | float = np.nan,
) -> dict[str, Shaped[np.ndarray, " event"]]:
    """Truth of events of a kind.

    Args:
        n: number of events.
        kind: what they are.
        group: number of the muon that made them.
        isotope: name of what decayed.
        lag: time since that muon, s.
    """
    return {
        "kind": np.full(n, kind, KIND),
        "group": np.full(n, group, np.int64),
        "isotope": np.full(n, isotope, ISOTOPE),
        "lag": np.full(n, lag, np.float32),
    }


def capture_events(
    seen: SeenCaptures,
    timestamp: Int64[np.ndarray, " muon"],
    group: Int64[np.ndarray, " muon"],
) -> Events:
    """Captures as events without hits.

    Args:
        seen: the captures.
        timestamp: of the muons, ns.
        group: numbers of the muons.
    """
    n = len(seen.muon)
    none = np.zeros(0, np.float32)
    lag = 1e-9 * seen.delay_ns
    return Events(
        event=np.arange(n),
        timestamp=timestamp[seen.muon] + seen.delay_ns,
        trigger=np.full(n, PHYSICS, np.uint8),
        vertex=seen.vertex.astype(np.float32),
        energy=seen.energy.astype(np.float32),
        t0=np.zeros(n, np.float32),
        hits=Hits(np.zeros(n + 1, np.int64), np.zeros(0, np.uint16), none, none),
        truth=truth(n, CAPTURE, group[seen.muon], lag=lag),
    )


def in_order(*parts: Events) -> Events:
    """Events of several tables by time."""
    whole = joined(parts)
    return whole.take(np.argsort(whole.timestamp, kind="stable"))


def numbered(events: Events, first: int) -> Events:
    """The same with consecutive numbers."""
    return replace(events, event=first + np.arange(len(events)))
