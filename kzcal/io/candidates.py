"""The reader of files of candidates: HDF5, format ``kzcal-candidates``, version 1.

Attributes of the root group: ``format``, ``version``, ``purpose``, ``detector`` and, where known,
``livetime_s`` (of all runs together) and ``windows`` (how many time windows pairs were looked for
in, more than one for off-time pairs). ``candidates/event`` and ``run`` (int64) and further columns
(float32) have a row per candidate, as have ``members/*`` (int64: event numbers) and ``truth/*``;
the points of candidate i are the rows ``points/offsets[i]`` to ``points/offsets[i + 1] - 1`` of
the other ``points/*`` (float32). A dataset with a unit has it in the attribute ``units``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Int64, Shaped

from kzcal.candidates import PURPOSES, Candidates
from kzcal.closing import Closing
from kzcal.errors import FileFormatError
from kzcal.io import hdf5_checks as checks
from kzcal.io.cutting import cut_between_events
from kzcal.io.hdf5_checks import SIGNATURE
from kzcal.io.schema import Dataset as Spec

FORMAT = "kzcal-candidates"
VERSION = 1
WHAT = "a file of candidates"
NUMBERS = ("event", "run")
OFFSETS = "points/offsets"
GROUPS = ("candidates", "points", "truth", "members")


@dataclass(frozen=True, slots=True)
class CandidateHeader:
    """What a file says about its candidates.

    Args:
        purpose: what they are candidates for: ``spallation`` or ``ibd``.
        detector: name of the detector.
        livetime_s: livetime of all runs together, s; None where it is not known.
        windows: time windows in which pairs were looked for: so many times their rate in the run
            is in the file. Not a whole number where the ends of the run cut windows off.
    """

    purpose: str
    detector: str
    livetime_s: float | None = None
    windows: float = 1.0


def format_of(path: Path | str) -> str | None:
    """What an HDF5 file says that it is; None where it is another, damaged or silent. Cheap."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            if stream.read(len(SIGNATURE)) != SIGNATURE:
                return None
        with checks.open_hdf5(path, WHAT) as file, checks.damage_named(path, "'format'"):
            found = checks.attribute(file.attrs, "format")
            return found if isinstance(found, str) else None
    except (OSError, FileFormatError):
        return None


def holds_candidates(path: Path | str) -> bool:
    """Whether a file is HDF5 and says that it holds candidates; cheap."""
    return format_of(path) == FORMAT


def read_candidates(path: Path | str) -> Candidates:
    """All candidates of a file with their points.

    Raises:
        FileFormatError: the file breaks its format; the message names file, dataset and value.
    """
    with CandidateFile(path) as file:
        return file.read()


class CandidateFile(Closing):
    """An open file of candidates, checked when opened.

    Args:
        path: the file.

    Raises:
        FileFormatError: the file breaks its format; the message names file, dataset and value.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = checks.open_hdf5(self.path, WHAT)
        try:
            self.header: CandidateHeader = _header(self._file, self.path)
            self._found = {group: self._columns(group) for group in GROUPS}
            self._offsets = self._checked_offsets()
        except FileFormatError:
            self._file.close()
            raise

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self._offsets) - 1

    @property
    def units(self) -> dict[str, str]:
        """Units of columns and points by name."""
        found = self._found["candidates"] | self._found["points"]
        with checks.damage_named(self.path, "the attribute 'units'"):
            named = {name: checks.attribute(data.attrs, "units") for name, data in found.items()}
        return {name: str(unit) for name, unit in named.items() if unit is not None}

    def read(self, rows: slice = slice(None)) -> Candidates:
        """Consecutive candidates, all of them unless told otherwise."""
        start, stop, _ = rows.indices(len(self))
        rows = slice(start, max(start, stop))
        offsets = self._offsets[rows.start : rows.stop + 1]
        points = slice(int(offsets[0]), int(offsets[-1]))
        columns = self._read("candidates", rows)
        event, run = (columns.pop(name) for name in NUMBERS)
        return Candidates(
            self.header.purpose,
            event,
            run,
            columns,
            offsets - offsets[0],
            self._read("points", points),
            self.units,
            self._read("truth", rows),
            self._read("members", rows),
        )

    def chunks(self, points_per_chunk: int = 1_000_000) -> Iterator[Candidates]:
        """All candidates, cut into chunks of no more points and no more candidates than asked."""
        for rows in cut_between_events(self._offsets, points_per_chunk):
            yield self.read(rows)

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, group: str, rows: slice) -> dict[str, Shaped[np.ndarray, " row"]]:
        found = self._found[group].items()
        return {name: checks.read_rows(data, rows, self.path) for name, data in found}

    def _columns(self, group: str) -> dict[str, h5py.Dataset]:
        """The columns of a group by name, of the type that they must have."""
        with checks.damage_named(self.path, f"the group {group}"):
            inside = self._file.get(group)
            names = () if inside is None else tuple(inside)
        full = {name: f"{group}/{name}" for name in names if f"{group}/{name}" != OFFSETS}
        needed = {name: f"candidates/{name}" for name in NUMBERS if group == "candidates"}
        return {
            name: checks.find_dataset(self._file, _spec(self._file, path, self.path), self.path)
            for name, path in (needed | full).items()
        }

    def _checked_offsets(self) -> Int64[np.ndarray, " candidate_plus_1"]:
        """The offsets, after all lengths are found to agree."""
        rows = {
            f"{group}/{name}": len(data)
            for group in ("candidates", "truth", "members")
            for name, data in self._found[group].items()
        }
        checks.check_lengths(self.path, rows)
        points = {f"points/{name}": len(data) for name, data in self._found["points"].items()}
        if points:
            checks.check_lengths(self.path, points)
        found = checks.find_dataset(self._file, Spec(OFFSETS, "int64"), self.path)
        offsets: Int64[np.ndarray, " candidate_plus_1"] = checks.read_rows(
            found, slice(None), self.path
        )
        n = rows["candidates/event"]
        n_points = next(iter(points.values()), 0)
        if (
            len(offsets) != n + 1
            or (np.diff(offsets) < 0).any()
            or offsets[0] != 0
            or offsets[-1] != n_points
        ):
            ends = f"{offsets[0]} to {offsets[-1]}" if len(offsets) else "none"
            message = (
                f"{self.path}: {OFFSETS} must be {n + 1} ascending numbers from 0 to the number "
                f"of points ({n_points}), got {len(offsets)} from {ends}"
            )
            raise FileFormatError(message)
        return offsets


def _spec(file: h5py.File, name: str, path: Path) -> Spec:
    """What a dataset has to be like: its own unit, and its own type where truth may have any."""
    group, _, column = name.partition("/")
    with checks.damage_named(path, name):
        found = file.get(name)
        units = found.attrs.get("units") if isinstance(found, h5py.Dataset) else None
        dtype = found.dtype if isinstance(found, h5py.Dataset) else np.dtype("float32")
    if group == "truth" and dtype.kind in "biufS":
        return Spec(name, dtype.newbyteorder("=").str, units)
    whole = group == "members" or (group == "candidates" and column in NUMBERS)
    return Spec(name, "int64" if whole else "float32", units)


def _header(file: h5py.File, path: Path) -> CandidateHeader:
    """What the root group says, after its format and version are checked."""
    names = ("format", "version", "purpose", "detector", "livetime_s", "windows")
    with checks.damage_named(path, "the attributes of the root group"):
        given = {name: checks.attribute(file.attrs, name) for name in names}
    found = {name: v.item() if isinstance(v, np.generic) else v for name, v in given.items()}
    for name, choices in (("format", (FORMAT,)), ("version", (VERSION,)), ("purpose", PURPOSES)):
        value = found[name]
        if not isinstance(value, str | int) or value not in choices:
            allowed = " or ".join(repr(choice) for choice in choices)
            message = f"{path}: the attribute {name!r} must be {allowed}, got {value!r}"
            raise FileFormatError(message)
    if not isinstance(found["detector"], str):
        message = f"{path}: the attribute 'detector' must be text, got {found['detector']!r}"
        raise FileFormatError(message)
    livetime, windows = (_positive(found[name], name, path) for name in names[4:])
    return CandidateHeader(
        str(found["purpose"]), found["detector"], livetime, 1.0 if windows is None else windows
    )


def _positive(value: object, name: str, path: Path) -> float | None:
    """A positive number, or None where there is none."""
    if value is None:
        return None
    number = float(value) if isinstance(value, float | int) else math.nan
    if not 0 < number < math.inf:
        message = f"{path}: the attribute {name!r} must be a positive number, got {value!r}"
        raise FileFormatError(message)
    return number
