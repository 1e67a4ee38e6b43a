"""An open ROOT ntuple as a source of events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from kzcal.closing import Closing
from kzcal.errors import FileFormatError
from kzcal.geometry import Detector
from kzcal.hits import PHYSICS, Events, Hits, Muons, RunHeader
from kzcal.io.cutting import cut_between_events, drop_nonfinite
from kzcal.io.ntuple_layout import Conventions, NtupleLayout
from kzcal.io.root import RootFile
from kzcal.io.tubes import OUTSIDE, cable_numbers

EVENTS_PER_STEP = 10_000
"""Events read at a time where only the number of their hits is wanted."""


class NtupleFile(Closing):
    """An open ntuple, streamed in chunks like any other file of events.

    Args:
        path: the file.
        detector: whose PMTs the hits must belong to, and whose positions give times of flight.
        layout: which branches hold what.
        conventions: what the ntuple itself does not say.

    Raises:
        FileFormatError: the file is not such an ntuple, or is broken.
    """

    def __init__(
        self, path: Path, detector: Detector, layout: NtupleLayout, conventions: Conventions
    ) -> None:
        self.path = path
        self.muons = Muons.none()
        self._detector = detector
        self._layout = layout
        self._conventions = conventions
        self._dropped = 0
        self._file = RootFile(path)
        try:
            self._tree = self._file.tree(self._layout.tree)
            self._tree.require(self._layout.branches)
            self.header = RunHeader(self._run_number(), detector.name, sample=path.name)
            self._cable_number = self._cable_numbers()
        except FileFormatError:
            self._file.close()
            raise

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self._tree.n_rows

    @property
    def n_hits(self) -> int:
        """Number of hits of the detector's own PMTs, those that will be dropped included."""
        return int(self._offsets[-1])

    @property
    def dropped(self) -> int:
        """Hits with a NaN or infinite time or charge left out since the current pass began."""
        return self._dropped

    def table(self) -> Events:
        """Every event without its hits."""
        none = np.zeros(0, np.float32)
        hits = Hits(np.zeros(self.n_events + 1, np.int64), np.zeros(0, np.uint16), none, none)
        return self._events(slice(0, self.n_events), hits)

    def chunks(self, hits_per_chunk: int = 2_000_000) -> Iterator[Events]:
        """All events from the start, cut between events.

        Raises:
            FileFormatError: a hit's PMT is not in the detector, or the file is damaged.
        """
        self._dropped = 0
        for rows in cut_between_events(self._offsets, hits_per_chunk):
            hits, dropped = drop_nonfinite(self._hits(rows))
            self._dropped += dropped
            yield self._events(rows, hits)

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @cached_property
    def _offsets(self) -> Int64[np.ndarray, " event_plus_1"]:
        """Offsets of the detector's own hits; counting them takes a pass over one branch."""
        offsets = np.zeros(self.n_events + 1, np.int64)
        for start in range(0, self.n_events, EVENTS_PER_STEP):
            rows = slice(start, min(start + EVENTS_PER_STEP, self.n_events))
            tube = self._tree.lists(self._layout.pmt, rows)
            event = np.repeat(np.arange(len(tube.counts)), tube.counts)
            inside = self._pmt(tube.values) != OUTSIDE
            offsets[start + 1 : rows.stop + 1] = np.bincount(
                event[inside], minlength=len(tube.counts)
            )
        return np.cumsum(offsets)

    def _run_number(self) -> int:
        if self._layout.run is None or self.n_events == 0:
            return self._conventions.run
        runs = np.unique(self._integers(self._layout.run, slice(0, self.n_events)))
        if len(runs) > 1:
            message = (
                f"{self.path}: an ntuple must hold one run, got {self._layout.run} {runs[0]} "
                f"and {runs[-1]}: split it"
            )
            raise FileFormatError(message)
        return int(runs[0])

    def _cable_numbers(self) -> Int64[np.ndarray, " number"]:
        """Cable number for each number that the file may give to a tube."""
        name = self._layout.tubes
        if name is None or not self._file.has_tree(name):
            return np.arange(self._detector.n_pmt)
        tree = self._file.tree(name)
        tree.require(("pmtId", "pmtX", "pmtY", "pmtZ"))
        tube, *place = (tree.lists(f"pmt{c}", slice(0, 1)).values for c in ("Id", "X", "Y", "Z"))
        position = np.stack(place, axis=1) / self._layout.metre
        return cable_numbers(tube.astype(np.int64), position, self._detector)

    def _integers(self, branch: str, rows: slice) -> Int64[np.ndarray, " event"]:
        values = self._tree.numbers(branch, rows)
        whole = np.isfinite(values) & (values == np.rint(values))
        if not whole.all():
            value = values[np.argmin(whole)]
            message = f"{self.path}: the branch {branch!r} must hold integers, got {value}"
            raise FileFormatError(message)
        return values.astype(np.int64)

    @np.errstate(over="ignore", invalid="ignore")
    def _events(self, rows: slice, hits: Hits) -> Events:
        layout, tree = self._layout, self._tree
        n = rows.stop - rows.start
        t0 = (
            np.full(n, self._conventions.t0)
            if layout.t0 is None
            else tree.numbers(layout.t0, rows)
        )
        event = (
            np.arange(rows.start, rows.stop)
            if layout.event is None
            else self._integers(layout.event, rows)
        )
        return Events(
            event=event,
            timestamp=np.zeros(n, np.int64),
            trigger=np.full(n, PHYSICS, np.uint8),
            vertex=self._vertex(rows).astype(np.float32),
            energy=tree.numbers(layout.energy, rows).astype(np.float32),
            t0=t0.astype(np.float32),
            hits=hits,
        )

    def _vertex(self, rows: slice) -> Float64[np.ndarray, "event 3"]:
        axes = [self._tree.numbers(name, rows) for name in self._layout.vertex]
        return np.stack(axes, axis=1) / self._layout.metre

    @np.errstate(over="ignore", invalid="ignore")
    def _hits(self, rows: slice) -> Hits:
        """Hits of the detector's own PMTs in order of time, with the flight in their times."""
        names = (self._layout.pmt, self._layout.time, self._layout.charge)
        tube, time, charge = (self._tree.lists(name, rows) for name in names)
        for name, column in ((self._layout.time, time), (self._layout.charge, charge)):
            self._check_counts(name, column.counts - tube.counts, rows)
        pmt = self._pmt(tube.values)
        event = np.repeat(np.arange(len(tube.counts)), tube.counts)
        edge = time.values.astype(np.float64) + self._flight(rows, event, pmt)
        order = np.lexsort((edge, event))
        order = order[pmt[order] != OUTSIDE]
        return Hits.from_counts(
            np.bincount(event[order], minlength=len(tube.counts)),
            pmt[order].astype(np.uint16),
            edge[order].astype(np.float32),
            charge.values[order].astype(np.float32),
        )

    def _flight(
        self,
        rows: slice,
        event: Int64[np.ndarray, " hit"],
        pmt: Int64[np.ndarray, " hit"],
    ) -> Float64[np.ndarray, " hit"]:
        """Time of flight to put back, ns."""
        if not self._layout.flight_removed:
            return np.zeros(len(event))
        path = self._detector.positions[pmt] - self._vertex(rows)[event]
        return np.asarray(np.linalg.norm(path, axis=1) / self._conventions.speed)

    def _pmt(self, tube: Shaped[np.ndarray, " hit"]) -> Int64[np.ndarray, " hit"]:
        """Cable numbers of the tubes; a tube that the file cannot mean is refused."""
        known = (tube >= 0) & (tube < len(self._cable_number)) & (tube == np.rint(tube))
        if not known.all():
            message = (
                f"{self.path}: {self._layout.pmt} must be a PMT of the detector "
                f"(0 to {len(self._cable_number) - 1}), got {tube[np.argmin(known)]}"
            )
            raise FileFormatError(message)
        return np.asarray(self._cable_number[tube.astype(np.int64)])

    def _check_counts(self, name: str, excess: Int64[np.ndarray, " event"], rows: slice) -> None:
        if excess.any():
            row = rows.start + int(np.flatnonzero(excess)[0])
            message = (
                f"{self.path}: {name} must be as long as {self._layout.pmt}, "
                f"got {excess[row - rows.start]:+d} in row {row}"
            )
            raise FileFormatError(message)
