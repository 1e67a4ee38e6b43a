"""Neutron captures after muons, and the muons that they follow, as a table in time order."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int64

from kzcal.coincidence.config import NS_PER_US, SpallationSettings, Window
from kzcal.coincidence.slabs import Slab
from kzcal.coincidence.tracks import along_track, deposited
from kzcal.hits import Events
from kzcal.samples.cuts import within


@dataclass(frozen=True, slots=True, eq=False)
class Captures:
    """Captures in time order, each with its muon.

    Args:
        time: of the capture, ns.
        position: of the capture, m.
        muon: number of its muon in the run.
        muon_time: ns.
        entry: of the muon, m.
        direction: of the muon.
        charge: of the muon, p.e.
        deposit: of the muon near the track's point that is nearest to the capture, MeV.
        group: of the capture in the truth; -1 where it is not known.
    """

    time: Int64[np.ndarray, " capture"]
    position: Float32[np.ndarray, "capture 3"]
    muon: Int64[np.ndarray, " capture"]
    muon_time: Int64[np.ndarray, " capture"]
    entry: Float32[np.ndarray, "capture 3"]
    direction: Float32[np.ndarray, "capture 3"]
    charge: Float32[np.ndarray, " capture"]
    deposit: Float32[np.ndarray, " capture"]
    group: Int64[np.ndarray, " capture"]

    def __len__(self) -> int:
        """Number of captures."""
        return len(self.time)

    def since(self, muon_time_ns: int) -> Captures:
        """Those whose muon came no earlier, as views."""
        first = int(np.searchsorted(self.muon_time, muon_time_ns))
        return Captures(*(getattr(self, column.name)[first:] for column in fields(self)))

    def followed_by(self, later: Captures) -> Captures:
        """These captures and later ones."""
        pairs = ((getattr(c, column.name) for c in (self, later)) for column in fields(self))
        return Captures(*(np.concatenate(list(pair)) for pair in pairs))

    @property
    def of_its_muon(self) -> Int64[np.ndarray, " capture"]:
        """How many captures followed the muon of each."""
        _, row, counts = np.unique(self.muon, return_inverse=True, return_counts=True)
        return np.asarray(counts[row], np.int64)


def capture_rows(slab: Slab, settings: SpallationSettings) -> Int64[np.ndarray, " capture"]:
    """Rows of the events that are captures by their energy and time, wherever they are."""
    events, parent = slab.events, slab.parent
    rows = np.flatnonzero(in_windows(events.energy, settings.capture_energy) & (parent >= 0))
    rows = rows[events.physics[rows]]
    low, high = (round(edge * NS_PER_US) for edge in settings.capture_time)
    delay = events.timestamp[rows] - slab.muons.timestamp[parent[rows]]
    return np.asarray(rows[(delay >= low) & (delay < high)])


def captures_in(slab: Slab, rows: Int64[np.ndarray, " row"], radius: float) -> Captures:
    """The captures of a slab.

    Args:
        slab: events and muons.
        rows: of the events that are captures by their energy and time.
        radius: of the scintillator, m.
    """
    events, parent = slab.events, slab.parent
    rows = rows[within(events.take(rows), radius)]
    muon, muons = parent[rows], slab.muons
    position, entry, direction = events.vertex[rows], muons.entry[muon], muons.direction[muon]
    along = along_track(*(v.astype(np.float64) for v in (position, entry, direction)))
    return Captures(
        events.timestamp[rows],
        position,
        slab.first_muon + muon,
        muons.timestamp[muon],
        entry,
        direction,
        muons.charge[muon],
        deposited(muons, muon, along).astype(np.float32),
        group_of(events)[rows],
    )


def in_windows(
    energy: Float32[np.ndarray, " event"], windows: tuple[Window, ...]
) -> Bool[np.ndarray, " event"]:
    """Which energies lie in one of some windows, MeV."""
    inside = np.zeros(len(energy), bool)
    for low, high in windows:
        inside |= (energy >= low) & (energy < high)
    return inside


def group_of(events: Events) -> Int64[np.ndarray, " event"]:
    """Group of each event in the truth; -1 where there is none."""
    if "group" not in events.truth:
        return np.full(len(events), -1)
    return np.asarray(events.truth["group"], np.int64)
