"""Cuts that several samples share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

from kzcal.hits import Events, Muons

NEVER = np.iinfo(np.int64).max


def since_muon(events: Events, muons: Muons) -> Int64[np.ndarray, " event"]:
    """Time since the preceding muon, ns; the largest integer where there was none."""
    if len(muons) == 0:
        return np.full(len(events), NEVER)
    times = np.sort(muons.timestamp)
    before = np.searchsorted(times, events.timestamp, side="right") - 1
    delay: Int64[np.ndarray, " event"] = events.timestamp - times[before]
    return np.where(before >= 0, delay, NEVER)


def within(events: Events, radius_m: float) -> Bool[np.ndarray, " event"]:
    """Physics triggers reconstructed inside a sphere about the centre."""
    square = np.einsum("ea,ea->e", events.vertex, events.vertex)
    inside: Bool[np.ndarray, " event"] = events.physics & (square < radius_m**2)
    return inside


def alone(events: Events, gap_ns: int) -> Bool[np.ndarray, " event"]:
    """Physics triggers with no other physics trigger closer in time than ``gap_ns``."""
    rows = np.flatnonzero(events.physics)
    rows = rows[np.argsort(events.timestamp[rows], kind="stable")]
    close = np.diff(events.timestamp[rows]) < gap_ns
    lonely = np.ones(len(rows), bool)
    lonely[1:] &= ~close
    lonely[:-1] &= ~close
    mask = np.zeros(len(events), bool)
    mask[rows] = lonely
    return mask
