"""The reader of HDF5 event files, version 1: checked when opened, streamed in chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float32, Shaped

from kzcal.closing import Closing
from kzcal.errors import FileFormatError
from kzcal.geometry import Detector
from kzcal.hits import Events, Hits, Muons, Profile, RunHeader
from kzcal.io import hdf5_checks as checks
from kzcal.io import schema
from kzcal.io.cutting import cut_between_events, drop_nonfinite
from kzcal.io.schema import Dataset as Spec


class EventFile(Closing):
    """An open event file; event-level columns are cheap, hits come in chunks.

    Opening reads and checks the header, the muons and the offsets; whatever concerns single hits
    is checked as they stream past.

    Args:
        path: the file.
        detector: whose PMTs the hits must belong to.

    Raises:
        FileFormatError: the file breaks its format; the message names file, dataset and value.
    """

    def __init__(self, path: Path, detector: Detector) -> None:
        self.path = path
        self.detector = detector
        self._dropped = 0
        self._file = checks.open_hdf5(path)
        try:
            self.header: RunHeader = checks.read_header(self._file, path)
            self._columns = self._find(schema.EVENTS)
            self._hits = self._find(schema.HITS)
            self._truth = self._find(_truth_specs(self._file, path))
            self._offsets = self._read_offsets()
            self.muons: Muons = self._read_muons()
        except FileFormatError:
            self._file.close()
            raise

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self._offsets) - 1

    @property
    def n_hits(self) -> int:
        """Number of hits, those that will be dropped included."""
        return int(self._offsets[-1])

    @property
    def dropped(self) -> int:
        """Hits with a NaN or infinite time or charge left out since the current pass began."""
        return self._dropped

    def table(self) -> Events:
        """Every event without its hits.

        Raises:
            FileFormatError: the events of a run are not in time order, or cannot be read.
        """
        none = Hits(
            np.zeros(self.n_events + 1, np.int64),
            np.zeros(0, np.uint16),
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
        )
        events = self._events(slice(0, self.n_events), none)
        if self.header.sample is None:
            checks.check_time_order(events.timestamp, self.path)
        return events

    def chunks(self, hits_per_chunk: int = 2_000_000) -> Iterator[Events]:
        """All events from the start, cut between events.

        Args:
            hits_per_chunk: a chunk holds no more hits and no more events, but at least one event.

        Raises:
            FileFormatError: a hit's PMT is not in the detector, or the file is damaged.
        """
        self._dropped = 0
        for rows in cut_between_events(self._offsets, hits_per_chunk):
            yield self._events(rows, self._read_hits(rows))

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _find(self, specs: tuple[Spec, ...]) -> dict[str, h5py.Dataset]:
        return {s.name: checks.find_dataset(self._file, s, self.path) for s in specs}

    def _read_offsets(self) -> Shaped[np.ndarray, " event_plus_1"]:
        lengths = {name: len(data) for name, data in (self._columns | self._truth).items()}
        checks.check_lengths(self.path, lengths)
        checks.check_lengths(self.path, {name: len(data) for name, data in self._hits.items()})
        found = checks.find_dataset(self._file, schema.OFFSETS, self.path)
        offsets = checks.read_rows(found, slice(None), self.path)
        n_events = len(self._columns[schema.EVENT_NUMBER.name])
        n_hits = len(self._hits[schema.PMT.name])
        checks.check_offsets(offsets, n_events, n_hits, self.path)
        return offsets

    def _read_muons(self) -> Muons:
        with checks.damage_named(self.path, "the group muons"):
            absent = "muons" not in self._file
        if absent:
            return Muons.none()
        found = self._find(schema.MUONS)
        checks.check_lengths(self.path, {name: len(data) for name, data in found.items()})
        everything = slice(None)
        return Muons(
            self._read(found, schema.MUON_TIMESTAMP, everything),
            self._read_vector(found, schema.MUON_ENTRY, everything),
            self._read_vector(found, schema.MUON_DIRECTION, everything),
            self._read(found, schema.MUON_CHARGE, everything),
            self._read_profile(len(found[schema.MUON_TIMESTAMP.name])),
        )

    def _read_profile(self, n_muons: int) -> Profile | None:
        """What the muons deposited along their tracks; both columns are there, or neither."""
        specs = (schema.PROFILE_OFFSETS, schema.PROFILE)
        with checks.damage_named(self.path, "the group muons"):
            absent = not any(spec.name in self._file for spec in specs)
        if absent:
            return None
        found = self._find(specs)
        offsets, deposit = (self._read(found, spec, slice(None)) for spec in specs)
        check = partial(checks.check_offsets, spec=specs[0], owners="muons", items="pieces")
        check(offsets, n_muons, len(deposit), self.path)
        return Profile(offsets, deposit)

    def _events(self, rows: slice, hits: Hits) -> Events:
        trigger = self._read(self._columns, schema.TRIGGER, rows)
        checks.check_trigger(trigger, rows.start, self.path)
        return Events(
            event=self._read(self._columns, schema.EVENT_NUMBER, rows),
            timestamp=self._read(self._columns, schema.EVENT_TIMESTAMP, rows),
            trigger=trigger,
            vertex=self._read_vector(self._columns, schema.VERTEX, rows),
            energy=self._read(self._columns, schema.ENERGY, rows),
            t0=self._read(self._columns, schema.T0, rows),
            hits=hits,
            truth={
                name.removeprefix("truth/"): checks.read_rows(data, rows, self.path)
                for name, data in self._truth.items()
            },
        )

    def _read_hits(self, events: slice) -> Hits:
        """Hits of some events without those that have a NaN or infinite time or charge."""
        offsets = self._offsets[events.start : events.stop + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        pmt = self._read(self._hits, schema.PMT, rows)
        checks.check_pmt(pmt, self.detector.n_pmt, rows.start, self.path)
        time = self._read(self._hits, schema.TIME, rows)
        charge = self._read(self._hits, schema.CHARGE, rows)
        hits, dropped = drop_nonfinite(Hits(offsets - offsets[0], pmt, time, charge))
        self._dropped += dropped
        return hits

    def _read(
        self, found: Mapping[str, h5py.Dataset], spec: Spec, rows: slice
    ) -> Shaped[np.ndarray, " row"]:
        return checks.read_rows(found[spec.name], rows, self.path)

    def _read_vector(
        self, found: Mapping[str, h5py.Dataset], specs: tuple[Spec, ...], rows: slice
    ) -> Float32[np.ndarray, "row 3"]:
        return np.stack([self._read(found, spec, rows) for spec in specs], axis=1)


def _truth_specs(file: h5py.File, path: Path) -> tuple[Spec, ...]:
    """The columns of the truth group, whatever a simulation put there."""
    with checks.damage_named(path, "the group truth"):
        group = file.get("truth")
        found = {} if group is None else {name: group[name].dtype for name in group}
    for name, dtype in found.items():
        if dtype.kind not in "biufS":
            message = (
                f"{path}: truth/{name} must hold numbers or bytes of fixed length, got {dtype}"
            )
            raise FileFormatError(message)
    return tuple(
        Spec(f"truth/{name}", dtype.newbyteorder("=").str, schema.TRUTH_UNITS.get(name))
        for name, dtype in found.items()
    )
