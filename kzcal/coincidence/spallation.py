"""Candidates for spallation: decays with the captures around them after the muons before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Int64

from kzcal.candidates import SPALLATION, Candidates
from kzcal.coincidence.captures import Captures, capture_rows, captures_in, in_windows
from kzcal.coincidence.config import NS_PER_S, NS_PER_US, S_PER_H, SpallationSettings
from kzcal.coincidence.names import POINT_UNITS, SPALLATION_UNITS
from kzcal.coincidence.slabs import Slab
from kzcal.coincidence.tracks import displacement
from kzcal.coincidence.truth import decay_truth
from kzcal.coincidence.windows import window_pairs
from kzcal.hits import Events
from kzcal.samples.cuts import within

Decays = Int64[np.ndarray, " decay"]
Points = Int64[np.ndarray, " point"]
Vertices = Float32[np.ndarray, "decay 3"]


class SpallationSearch:
    """Looks for decays slab by slab, and keeps the captures that later ones may need.

    Args:
        settings: what is looked for.
        decay_radius: decays lie within it, m.
        scintillator_radius: captures lie within it, m.
        run: number of the run.
    """

    def __init__(
        self,
        settings: SpallationSettings,
        *,
        decay_radius: float,
        scintillator_radius: float,
        run: int,
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._radii = decay_radius, scintillator_radius
        self._run = run
        self._back = round(settings.look_back * S_PER_H * NS_PER_S)
        self._captures: Captures | None = None

    def take(self, slab: Slab) -> Candidates:
        """The candidates of the next slab."""
        rows = capture_rows(slab, self.settings)
        placed = np.isfinite(slab.events.vertex[rows]).all(axis=1)
        self.counts["captures without a vertex"] += int((~placed).sum())
        found = captures_in(slab, rows, self._radii[1])
        captures = found if self._captures is None else self._captures.followed_by(found)
        decays = self._decays(slab)
        candidates = self._with_captures(slab, decays, captures)
        self._captures = captures.since(slab.end_ns - self._back)
        self.counts["captures"] += len(found)
        self.counts["captures near decays"] += len(candidates.points["dt"])
        self.counts["decays without a muon before"] += int((slab.parent[decays] < 0).sum())
        return candidates

    def _decays(self, slab: Slab) -> Decays:
        """Events that may be decays: in the window of energy, inside, and long after a muon."""
        events, settings = slab.events, self.settings
        rows = np.flatnonzero(events.physics & in_windows(events.energy, (settings.energy,)))
        placed = np.isfinite(events.vertex[rows]).all(axis=1)
        self.counts["events without a vertex"] += int((~placed).sum())
        rows = rows[within(events.take(rows), self._radii[0])]
        calm = _since_muon(slab, rows) >= round(settings.veto * NS_PER_US)
        self.counts["events vetoed after muons"] += int((~calm).sum())
        return np.asarray(rows[calm])

    def _with_captures(self, slab: Slab, decays: Decays, captures: Captures) -> Candidates:
        events = slab.events
        decay, capture = self._near(events, decays, captures)
        counts = np.bincount(decay, minlength=len(decays))
        vertex = events.vertex[decays]
        since = _since_muon(slab, decays) / NS_PER_S
        columns = {
            "energy": events.energy[decays],
            **dict(zip("xyz", vertex.T, strict=True)),
            "radius": np.linalg.norm(vertex, axis=1),
            "dt_muon": np.where(slab.parent[decays] < 0, np.nan, since),
            "n_captures": counts,
        }
        return Candidates(
            SPALLATION,
            events.event[decays],
            np.full(len(decays), self._run),
            {name: np.asarray(values, np.float32) for name, values in columns.items()},
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            _points(events.timestamp[decays], vertex, decay, captures, capture),
            {**SPALLATION_UNITS, **POINT_UNITS},
            decay_truth(events, decays, decay, captures, capture),
        )

    def _near(self, events: Events, decays: Decays, captures: Captures) -> tuple[Points, Points]:
        """Rows of decays and of captures near them, the newest muon of each decay first."""
        time = events.timestamp[decays]
        first = np.searchsorted(captures.muon_time, time - self._back)
        last = np.searchsorted(captures.time, time, side="left")
        vertex = events.vertex[decays]
        near = list(self._nearby(vertex, first, last, captures.position))
        decay = np.concatenate([np.zeros(0, np.int64), *(pair[0] for pair in near)])
        capture = np.concatenate([np.zeros(0, np.int64), *(pair[1] for pair in near)])
        order = np.lexsort((capture, -captures.muon[capture], decay))
        return decay[order], capture[order]

    def _nearby(
        self,
        vertex: Vertices,
        first: Decays,
        last: Decays,
        position: Float32[np.ndarray, "capture 3"],
    ) -> Iterator[tuple[Points, Points]]:
        """Pairs within the distance, axis by axis, so that few are left for the second."""
        limit = np.float32(self.settings.distance)
        for decay, capture in window_pairs(first, last):
            square = np.zeros(len(decay), np.float32)
            for axis in range(3):
                square += (position[capture, axis] - vertex[decay, axis]) ** 2
                keep: Bool[np.ndarray, " pair"] = square < limit**2
                decay, capture, square = decay[keep], capture[keep], square[keep]
            yield decay, capture


def _since_muon(slab: Slab, rows: Decays) -> Int64[np.ndarray, " decay"]:
    """Time since the preceding muon, ns; the largest integer where there was none."""
    parent = slab.parent[rows]
    never = np.full(len(rows), np.iinfo(np.int64).max)
    if not len(slab.muons):
        return never
    return np.where(parent < 0, never, slab.events.timestamp[rows] - slab.muons.timestamp[parent])


def _points(
    time: Int64[np.ndarray, " decay"],
    vertex: Vertices,
    decay: Points,
    captures: Captures,
    capture: Points,
) -> dict[str, Float32[np.ndarray, " point"]]:
    """Numbers of the captures near decays."""
    position, entry, direction = (
        values[capture].astype(np.float64)
        for values in (captures.position, captures.entry, captures.direction)
    )
    at = vertex[decay].astype(np.float64)
    step, beside = position - at, displacement(position, entry, direction)
    muon_time = captures.muon_time[capture]
    columns = {
        **dict(zip(("dx", "dy", "dz"), step.T, strict=True)),
        "distance": np.linalg.norm(step, axis=1),
        "dt": (time[decay] - muon_time) / NS_PER_S,
        "delay": (captures.time[capture] - muon_time) / NS_PER_US,
        **dict(zip(("track_x", "track_y", "track_z"), beside.T, strict=True)),
        "track_distance": np.linalg.norm(displacement(at, entry, direction), axis=1),
        "dedx": captures.deposit[capture],
        "muon_captures": captures.of_its_muon[capture],
        "muon_charge": captures.charge[capture],
        "muon": _ranks(decay, captures.muon[capture]),
    }
    return {name: np.asarray(values, np.float32) for name, values in columns.items()}


def _ranks(decay: Points, muon: Points) -> Points:
    """Rank of the muon of each point among those of its decay, 0 the most recent."""
    if not len(decay):
        return np.zeros(0, np.int64)
    begins = np.concatenate([[True], decay[1:] != decay[:-1]])
    other = np.concatenate([[True], (muon[1:] != muon[:-1]) | begins[1:]])
    number = np.cumsum(other)
    return np.asarray(number - number[begins][np.cumsum(begins) - 1])
