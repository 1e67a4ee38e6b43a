"""A frame of each event's own: up is where early light leans to, more than its vertex explains.

Sites of energy away from the vertex send light that is early on their side. The frame turns that
side up in every event, so that places on the sphere mean the same in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.geometry import Detector
from kzcal.learning import CorrectedEvents

EARLY_NS = (-5.0, 1.5)
"""Residuals whose hits count as early."""
AT_ONCE = 500
"""Events calculated at a time."""


def axes_of(events: CorrectedEvents, detector: Detector) -> Float64[np.ndarray, "event 3"]:
    """Unit vector towards more early light than the vertex explains; +z without early light.

    What the vertex explains: solid angles of the PMTs in use, times the mean yield of early hits
    that each shows in all of these events.

    Args:
        events: with corrected hits.
        detector: whose PMTs the hits belong to.
    """
    hits = events.hits
    early = hits.where((hits.time >= EARLY_NS[0]) & (hits.time < EARLY_NS[1]))
    counts = early.counts.astype(np.float64)
    fired = np.bincount(early.pmt, minlength=detector.n_pmt).astype(np.float64)
    solid = np.zeros(detector.n_pmt)
    for rows in _blocks(len(events)):
        solid += (_solid_angles(events, rows, detector) * counts[rows, None]).sum(0)
    yields = np.divide(fired, solid, out=np.zeros_like(fired), where=solid > 0)
    directions = detector.directions
    lean = np.stack([early.sum_per_event(directions[early.pmt, i]) for i in range(3)], axis=1)
    for rows in _blocks(len(events)):
        expected = _solid_angles(events, rows, detector) * yields
        total = np.maximum(expected.sum(1, keepdims=True), np.finfo(float).tiny)
        lean[rows] -= counts[rows, None] * (expected / total) @ directions
    length = np.linalg.norm(lean, axis=1, keepdims=True)
    up = np.broadcast_to([0.0, 0.0, 1.0], lean.shape)
    return np.where(length > 0, lean / np.where(length > 0, length, 1.0), up)


def frames(
    up: Float64[np.ndarray, "event 3"], towards: Float64[np.ndarray, "event 3"]
) -> Float64[np.ndarray, "event 3 3"]:
    """Rotations that turn ``up`` to +z and ``towards`` into the half plane of positive x."""
    spare = np.eye(3)[np.abs(up).argmin(axis=1)]
    across = _across(towards, up)
    weak = np.linalg.norm(across, axis=1, keepdims=True) < 1e-9
    forward = np.where(weak, _across(spare, up), across)
    forward = forward / np.linalg.norm(forward, axis=1, keepdims=True)
    return np.stack([forward, np.cross(up, forward), up], axis=1)


def _across(
    vector: Float64[np.ndarray, "event 3"], up: Float64[np.ndarray, "event 3"]
) -> Float64[np.ndarray, "event 3"]:
    """The part of a vector at right angles to ``up``."""
    return np.asarray(vector - (vector * up).sum(1, keepdims=True) * up)


def _solid_angles(
    events: CorrectedEvents, rows: Int64[np.ndarray, " row"], detector: Detector
) -> Float64[np.ndarray, "row pmt"]:
    """Solid angles of the PMTs in use as seen from the vertices, to a common factor."""
    away = detector.positions[None] - events.vertex[rows, None].astype(np.float64)
    distance = np.linalg.norm(away, axis=2)
    facing = np.einsum("epx,px->ep", away, detector.directions)
    solid = detector.aperture_radius**2 * facing / distance**3
    return np.asarray(solid * events.live[events.run[rows]])


def _blocks(n: int) -> Iterator[Int64[np.ndarray, " row"]]:
    for first in range(0, n, AT_ONCE):
        yield np.arange(first, min(first + AT_ONCE, n))
