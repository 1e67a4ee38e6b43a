"""An event file as a timeline: its events without their hits, and its muons, block by block.

What stays in memory is a block of each, however long the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Int64, Shaped

from kzcal.closing import Closing
from kzcal.errors import FileFormatError
from kzcal.hits import Events, Hits, Muons, Profile, RunHeader
from kzcal.io import hdf5_checks as checks
from kzcal.io import schema
from kzcal.io.schema import Dataset as Spec

EVENTS_PER_BLOCK, MUONS_PER_BLOCK = 1 << 18, 1 << 14
TRUTH = ("kind", "isotope", "group", "lag")
"""Columns of truth that a timeline reads, where they are."""
Columns = Mapping[str, h5py.Dataset]


class Timeline(Closing):
    """An open event file, HDF5, version 1, whose hits are never read.

    Args:
        path: the file.

    Raises:
        FileFormatError: the file breaks its format; the message names file, dataset and value.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = checks.open_hdf5(path, cache_bytes=0)
        try:
            self.header: RunHeader = checks.read_header(self._file, path)
            self._events = self._found(schema.EVENTS) | self._truth()
            self._muons = self._found(schema.MUONS) if self._has("muons") else {}
            profile = (schema.PROFILE_OFFSETS, schema.PROFILE)
            absent = not any(self._has(spec.name) for spec in profile)
            self._profile = {} if absent else self._found(profile)
            self.history_s = self._limit(schema.HISTORY_S)
            self.reach_m = self._limit(schema.REACH_M)
            for columns in filter(None, (self._events, self._muons)):
                checks.check_lengths(path, {name: len(c) for name, c in columns.items()})
        except FileFormatError:
            self._file.close()
            raise

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self._events[schema.EVENT_NUMBER.name])

    @property
    def n_muons(self) -> int:
        """Number of muons."""
        return len(self._muons[schema.MUON_TIMESTAMP.name]) if self._muons else 0

    @property
    def has_truth(self) -> bool:
        """Whether the file says of what kind its events are."""
        return "truth/kind" in self._events

    def no_events(self) -> Events:
        """Columns of the file without a row."""
        return self._block(slice(0, 0))

    def livetime_ns(self) -> int:
        """Livetime that the header states; else the time from the first event to the last, ns."""
        if self.header.livetime_ns is not None or not self.n_events:
            return self.header.livetime_ns or 0
        times = self._events[schema.EVENT_TIMESTAMP.name]
        ends = (
            checks.read_rows(times, slice(row, row + 1), self.path)[0]
            for row in (0, self.n_events - 1)
        )
        first, last = ends
        return int(last - first)

    def events(self, per_block: int = EVENTS_PER_BLOCK) -> Iterator[Events]:
        """All events without their hits, so many at once; of the truth what TRUTH names.

        Raises:
            FileFormatError: they are not in time order, or cannot be read.
        """
        last = np.zeros(0, np.int64)
        for rows in _blocks(self.n_events, per_block):
            block = self._block(rows)
            last = self._ordered(last, block.timestamp, "events")
            yield block

    def muons(self, per_block: int = MUONS_PER_BLOCK) -> Iterator[Muons]:
        """All muons, so many at once.

        Raises:
            FileFormatError: they are not in time order, or cannot be read.
        """
        last = np.zeros(0, np.int64)
        for rows in _blocks(self.n_muons, per_block):
            timestamp = self._read(self._muons, schema.MUON_TIMESTAMP, rows)
            last = self._ordered(last, timestamp, "muons")
            entry, direction = (
                np.stack([self._read(self._muons, spec, rows) for spec in specs], axis=1)
                for specs in (schema.MUON_ENTRY, schema.MUON_DIRECTION)
            )
            charge = self._read(self._muons, schema.MUON_CHARGE, rows)
            yield Muons(timestamp, entry, direction, charge, self._profile_of(rows))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _block(self, rows: slice) -> Events:
        """Some events without their hits."""
        trigger = self._read(self._events, schema.TRIGGER, rows)
        checks.check_trigger(trigger, rows.start, self.path)
        vertex = [self._read(self._events, spec, rows) for spec in schema.VERTEX]
        return Events(
            event=self._read(self._events, schema.EVENT_NUMBER, rows),
            timestamp=self._read(self._events, schema.EVENT_TIMESTAMP, rows),
            trigger=trigger,
            vertex=np.stack(vertex, axis=1),
            energy=self._read(self._events, schema.ENERGY, rows),
            t0=self._read(self._events, schema.T0, rows),
            hits=_no_hits(len(trigger)),
            truth={
                name: checks.read_rows(self._events[f"truth/{name}"], rows, self.path)
                for name in TRUTH
                if f"truth/{name}" in self._events
            },
        )

    def _profile_of(self, rows: slice) -> Profile | None:
        if not self._profile:
            return None
        wanted = slice(rows.start, rows.stop + 1)
        offsets = self._read(self._profile, schema.PROFILE_OFFSETS, wanted)
        n_pieces = len(self._profile[schema.PROFILE.name])
        falls = (np.diff(offsets) < 0).any()
        if len(offsets) != rows.stop - rows.start + 1 or falls or not _within(offsets, n_pieces):
            message = (
                f"{self.path}: {schema.PROFILE_OFFSETS.name} must be {self.n_muons + 1} ascending "
                f"numbers from 0 to the number of pieces ({n_pieces}), got others in the rows "
                f"from {rows.start}"
            )
            raise FileFormatError(message)
        pieces = slice(int(offsets[0]), int(offsets[-1]))
        return Profile(offsets - offsets[0], self._read(self._profile, schema.PROFILE, pieces))

    def _ordered(
        self, last: Int64[np.ndarray, " one"], times: Int64[np.ndarray, " row"], what: str
    ) -> Int64[np.ndarray, " one"]:
        """The last of some times, after they are found to ascend."""
        whole = np.concatenate([last, times])
        falls = np.flatnonzero(whole[1:] < whole[:-1])
        if len(falls):
            message = (
                f"{self.path}: {what}/timestamp must ascend where coincidences are looked for, "
                f"got {whole[falls[0] + 1]} ns after {whole[falls[0]]} ns: sort the {what}"
            )
            raise FileFormatError(message)
        return times[-1:]

    def _has(self, name: str) -> bool:
        with checks.damage_named(self.path, name):
            return name in self._file

    def _limit(self, name: str) -> float:
        """A positive number among the attributes of the root group; infinite without it."""
        with checks.damage_named(self.path, f"the attribute {name!r}"):
            value = checks.attribute(self._file.attrs, name)
        if value is None:
            return math.inf
        if not isinstance(value, int | float | np.integer | np.floating) or not value > 0:
            message = f"{self.path}: the attribute {name!r} must be a positive number, got {value}"
            raise FileFormatError(message)
        return float(value)

    def _found(self, specs: tuple[Spec, ...]) -> dict[str, h5py.Dataset]:
        return {s.name: checks.find_dataset(self._file, s, self.path) for s in specs}

    def _truth(self) -> dict[str, h5py.Dataset]:
        """Those columns of the truth that a timeline reads."""
        specs = []
        for name in TRUTH:
            if self._has(f"truth/{name}"):
                with checks.damage_named(self.path, f"truth/{name}"):
                    dtype = self._file[f"truth/{name}"].dtype.newbyteorder("=").str
                specs.append(Spec(f"truth/{name}", dtype, schema.TRUTH_UNITS.get(name)))
        return self._found(tuple(specs))

    def _read(self, found: Columns, spec: Spec, rows: slice) -> Shaped[np.ndarray, " row"]:
        return checks.read_rows(found[spec.name], rows, self.path)


def _blocks(n: int, per_block: int) -> Iterator[slice]:
    """Consecutive rows, so many at once."""
    return (slice(start, min(start + per_block, n)) for start in range(0, n, per_block))


def _within(offsets: Int64[np.ndarray, " row"], most: int) -> bool:
    """Whether offsets name rows that are there."""
    return bool(offsets[0] >= 0 and offsets[-1] <= most)


def _no_hits(n_events: int) -> Hits:
    """Events that have no hits."""
    none = np.zeros(0, np.float32)
    return Hits(np.zeros(n_events + 1, np.int64), np.zeros(0, np.uint16), none, none)
