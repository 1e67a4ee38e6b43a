"""The event model: ragged hits as flat columns, and the events they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8, UInt16

if TYPE_CHECKING:
    import awkward
    import torch
    import torch_geometric.data

PHYSICS = 0
FORCED = 1
PIECE_M = 0.2
"""Length of the pieces of a muon's track in which the energy that it deposits is told, m."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Hits of many events as flat columns plus offsets; slicing by event makes views.

    Args:
        offsets: hits of event i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``; a view of
            a longer table keeps the offsets of that table, so the first need not be zero.
        pmt: cable number.
        time: leading-edge time in the event's own hit-time base, ns.
        charge: charge over the nominal gain, p.e.
    """

    offsets: Int64[np.ndarray, " event_plus_1"]
    pmt: UInt16[np.ndarray, " hit"]
    time: Float32[np.ndarray, " hit"]
    charge: Float32[np.ndarray, " hit"]

    @classmethod
    def from_counts(
        cls,
        counts: Shaped[np.ndarray, " event"],
        pmt: UInt16[np.ndarray, " hit"],
        time: Float32[np.ndarray, " hit"],
        charge: Float32[np.ndarray, " hit"],
    ) -> Hits:
        """Hits from the number of hits of each event."""
        return cls(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]), pmt, time, charge)

    def __len__(self) -> int:
        """Number of events."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> Int64[np.ndarray, " event"]:
        """Number of hits of each event."""
        return np.diff(self.offsets)

    @property
    def event_index(self) -> Int64[np.ndarray, " hit"]:
        """Row of the event that each hit belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    def __getitem__(self, events: slice) -> Hits:
        """Hits of consecutive events, without copying a column."""
        start, stop, step = events.indices(len(self))
        if step != 1:
            message = f"events are sliced in steps of one, got step={step}: use take() instead"
            raise IndexError(message)
        offsets = self.offsets[start : max(start, stop) + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        return Hits(offsets - offsets[0], self.pmt[rows], self.time[rows], self.charge[rows])

    def take(self, events: Bool[np.ndarray, " event"] | Int64[np.ndarray, " taken"]) -> Hits:
        """Hits of the chosen events (mask or rows), in the order given."""
        rows = np.flatnonzero(events) if events.dtype == bool else events
        counts = self.counts[rows]
        ends = np.cumsum(counts)
        first = self.offsets[rows] - (ends - counts)
        hit = np.repeat(first, counts) + np.arange(int(ends[-1]) if len(ends) else 0)
        return Hits.from_counts(counts, self.pmt[hit], self.time[hit], self.charge[hit])

    def where(self, keep: Bool[np.ndarray, " hit"]) -> Hits:
        """The hits that satisfy a condition; every event stays, perhaps without hits."""
        kept = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])
        offsets = kept[self.offsets]
        return Hits(offsets, self.pmt[keep], self.time[keep], self.charge[keep])

    def sum_per_event(self, values: Shaped[np.ndarray, " hit"]) -> Float64[np.ndarray, " event"]:
        """Sum of a per-hit value over each event; an event without hits gives zero."""
        filled = self.counts > 0
        total = np.zeros(len(self))
        rows = values[: self.offsets[-1]]
        total[filled] = np.add.reduceat(rows, self.offsets[:-1][filled], dtype=np.float64)
        return total

    def to_awkward(self) -> awkward.Array:
        """Records (pmt, time, charge) as an awkward array that shares these columns."""
        import awkward as ak

        columns = {"pmt": self.pmt, "time": self.time, "charge": self.charge}
        layout = ak.zip({k: ak.contents.NumpyArray(v) for k, v in columns.items()}).layout
        return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(self.offsets), layout))

    def to_torch(self, device: str = "cpu") -> dict[str, torch.Tensor]:
        """The columns as tensors: offsets and pmt int64, time [ns] and charge [p.e.] float32."""
        import torch

        columns = {
            "offsets": self.offsets,
            "pmt": self.pmt.astype(np.int64),
            "time": np.ascontiguousarray(self.time),
            "charge": np.ascontiguousarray(self.charge),
        }
        return {name: torch.from_numpy(v).to(device) for name, v in columns.items()}

    def to_pyg(self, positions: Float32[np.ndarray, "pmt 3"]) -> list[torch_geometric.data.Data]:
        """One graph without edges per event: x = (time, charge), pos = PMT position in m."""
        import torch
        from torch_geometric.data import Data

        features = torch.from_numpy(np.stack([self.time, self.charge], axis=1))
        place = torch.from_numpy(np.asarray(positions, dtype=np.float32)[self.pmt])
        return [
            Data(x=features[a:b], pos=place[a:b])
            for a, b in zip(self.offsets[:-1], self.offsets[1:], strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Reconstructed events and their hits; all columns have one row per event.

    Args:
        event: number within the run.
        timestamp: time since the start of the run, ns.
        trigger: 0 physics, 1 forced (no light: dark hits only).
        vertex: reconstructed position, m; NaN for a forced trigger.
        energy: reconstructed visible energy, MeV; NaN for a forced trigger.
        t0: reconstructed emission time in the event's hit-time base, ns; NaN for a forced one.
        hits: the hits of these events.
        truth: simulation truth by column name, one row per event; empty for data.
    """

    event: Int64[np.ndarray, " event"]
    timestamp: Int64[np.ndarray, " event"]
    trigger: UInt8[np.ndarray, " event"]
    vertex: Float32[np.ndarray, "event 3"]
    energy: Float32[np.ndarray, " event"]
    t0: Float32[np.ndarray, " event"]
    hits: Hits
    truth: Mapping[str, Shaped[np.ndarray, " event"]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of events."""
        return len(self.event)

    @property
    def physics(self) -> Bool[np.ndarray, " event"]:
        """Which events are physics triggers."""
        return np.asarray(self.trigger == PHYSICS)

    @property
    def forced(self) -> Bool[np.ndarray, " event"]:
        """Which events are forced triggers."""
        return np.asarray(self.trigger == FORCED)

    @property
    def reconstructed(self) -> Bool[np.ndarray, " event"]:
        """Which events have a vertex, an energy and an emission time."""
        numbers = np.column_stack([self.vertex, self.energy, self.t0])
        return np.asarray(np.isfinite(numbers).all(axis=1) & ~self.forced)

    def __getitem__(self, events: slice) -> Events:
        """Consecutive events as views."""
        return self._with(events, self.hits[events])

    def take(self, events: Bool[np.ndarray, " event"] | Int64[np.ndarray, " taken"]) -> Events:
        """The chosen events (mask or rows), in the order given."""
        return self._with(events, self.hits.take(events))

    def _with(self, rows: Any, hits: Hits) -> Events:  # noqa: ANN401  a slice, mask or index array
        return Events(
            self.event[rows],
            self.timestamp[rows],
            self.trigger[rows],
            self.vertex[rows],
            self.energy[rows],
            self.t0[rows],
            hits,
            {name: column[rows] for name, column in self.truth.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Energy that muons deposit along their tracks, in consecutive pieces of PIECE_M.

    Args:
        offsets: pieces of muon i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``, the first at
            its entry point; none where the profile of a muon is not known.
        deposit: in each piece, MeV.
    """

    offsets: Int64[np.ndarray, " muon_plus_1"]
    deposit: Float32[np.ndarray, " piece"]

    def between(
        self,
        muon: Int64[np.ndarray, " stretch"],
        begin: Float64[np.ndarray, " stretch"],
        end: Float64[np.ndarray, " stretch"],
    ) -> Float64[np.ndarray, " stretch"]:
        """Energy deposited on stretches of tracks, MeV; NaN where the profile is not known.

        Args:
            muon: row of each muon.
            begin: of each stretch, m from the entry point; what lies before it holds nothing.
            end: of each stretch, m; what lies behind the last piece holds nothing.
        """
        first = self.offsets[muon]
        n = self.offsets[muon + 1] - first
        low, high = (np.clip(at / PIECE_M, 0, n) for at in (begin, end))
        piece = np.floor(low).astype(np.int64)
        total = np.zeros(len(muon))
        while len(row := np.flatnonzero(piece < high)):
            share = np.minimum(high, piece + 1)[row] - np.maximum(low, piece)[row]
            total[row] += share * self.deposit[first[row] + piece[row]]
            piece += 1
        return np.where(n > 0, total, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Muons:
    """Reconstructed muons of a run, one row each.

    Args:
        timestamp: time since the start of the run, ns.
        entry: entry point into the scintillator sphere, m.
        direction: unit vector.
        charge: total charge, p.e.
        profile: energy deposited along the tracks; None for data without it.
    """

    timestamp: Int64[np.ndarray, " muon"]
    entry: Float32[np.ndarray, "muon 3"]
    direction: Float32[np.ndarray, "muon 3"]
    charge: Float32[np.ndarray, " muon"]
    profile: Profile | None = None

    def __len__(self) -> int:
        """Number of muons."""
        return len(self.timestamp)

    @classmethod
    def none(cls) -> Muons:
        """No muons: a file without the muons group."""
        vectors = np.zeros((0, 3), np.float32)
        return cls(np.zeros(0, np.int64), vectors, vectors, np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a file says about its run; None where it does not say.

    Args:
        run: run number.
        detector: name of the detector.
        period: name of the data period.
        sample: name of the sample.
        livetime_ns: livetime, ns.
        physics_window_ns: time span in which hits of a physics trigger were recorded, ns, in the
            event's own hit-time base.
        forced_window_ns: the same for a forced trigger.
    """

    run: int
    detector: str
    period: str | None = None
    sample: str | None = None
    livetime_ns: int | None = None
    physics_window_ns: tuple[float, float] | None = None
    forced_window_ns: tuple[float, float] | None = None
