"""The writer of files of candidates: streamed, and whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np
from jaxtyping import Shaped

from kzcal.candidates import Candidates
from kzcal.errors import FileFormatError
from kzcal.io.atomic import replacing
from kzcal.io.candidates import FORMAT, NUMBERS, OFFSETS, VERSION, CandidateHeader
from kzcal.io.hdf5_columns import append_rows, create_column, failure_named, new_file
from kzcal.io.schema import Dataset as Spec

Column = Shaped[np.ndarray, " row"]

ROWS_PER_HDF5_CHUNK = 1 << 13


def write_candidates(
    path: Path | str,
    candidates: Candidates | Iterable[Candidates],
    header: CandidateHeader,
    *,
    notes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write candidates, at once or as they come; the file takes its name when it is whole.

    Args:
        path: the file, which may exist and is then replaced.
        candidates: all, or one chunk after the other, at least one: the first decides which
            columns there are.
        header: what is known about them.
        notes: further attributes of the root group, which readers pass over.

    Raises:
        FileFormatError: chunks differ in their columns, or lengths disagree.
        ConfigurationError: the file cannot be written there.
    """
    with candidate_writer(path, header, notes=notes) as append:
        for chunk in [candidates] if isinstance(candidates, Candidates) else candidates:
            append(chunk)


@contextmanager
def candidate_writer(
    path: Path | str,
    header: CandidateHeader,
    *,
    notes: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Callable[[Candidates], None]]:
    """Write candidates chunk by chunk; see write_candidates.

    Yields:
        What takes the next candidates.
    """
    path = Path(path)
    with replacing(path) as beside, new_file(beside, path) as file:
        with failure_named(path):
            known = {name: value for name, value in asdict(header).items() if value is not None}
            file.attrs.update({"format": FORMAT, "version": VERSION} | known | dict(notes))
        writer = _Writer(file, path, header.purpose)

        def append(chunk: Candidates) -> None:
            with failure_named(path):
                writer.append(chunk)

        yield append
        writer.check_begun()


class _Writer:
    """Datasets that grow chunk by chunk."""

    def __init__(self, file: h5py.File, path: Path, purpose: str) -> None:
        self._file, self._path, self._purpose = file, path, purpose
        self._n_points = 0
        self._types: dict[str, np.dtype] = {}

    def append(self, candidates: Candidates) -> None:
        """Check and add some candidates."""
        columns = _columns(candidates)
        self._check(candidates, columns)
        if not self._types:
            for name, values in columns.items():
                spec = Spec(name, values.dtype.str, _unit(name, candidates.units))
                create_column(self._file, spec, ROWS_PER_HDF5_CHUNK)
            offsets = create_column(self._file, Spec(OFFSETS, "int64"), ROWS_PER_HDF5_CHUNK)
            append_rows(offsets, np.zeros(1, np.int64))
            self._types = {name: values.dtype for name, values in columns.items()}
        if not len(candidates):
            return
        for name, values in columns.items():
            append_rows(self._file[name], values)
        ends = candidates.offsets[1:] - candidates.offsets[0] + self._n_points
        append_rows(self._file[OFFSETS], ends)
        self._n_points = int(ends[-1])

    def check_begun(self) -> None:
        """Refuse a file that would have no columns."""
        if not self._types:
            message = f"{self._path}: the columns of candidates must be known, got no chunk"
            raise FileFormatError(message)

    def _check(self, candidates: Candidates, columns: Mapping[str, Column]) -> None:
        """Refuse what no reader would take."""
        if candidates.purpose != self._purpose:
            message = (
                f"{self._path}: the candidates must be for {self._purpose}, got "
                f"{candidates.purpose}"
            )
            raise FileFormatError(message)
        types = {name: values.dtype for name, values in columns.items()}
        if self._types and types != self._types:
            message = (
                f"{self._path}: candidates must have the same columns in every chunk "
                f"({', '.join(self._types)}), got {', '.join(types)}"
            )
            raise FileFormatError(message)
        n_points = int(candidates.offsets[-1] - candidates.offsets[0])
        for name, values in columns.items():
            expected = n_points if name.startswith("points/") else len(candidates)
            if len(values) != expected:
                message = f"{self._path}: {name} must have {expected} rows, got {len(values)}"
                raise FileFormatError(message)


def _columns(candidates: Candidates) -> dict[str, Column]:
    """Columns by their full name in the file."""
    points = slice(int(candidates.offsets[0]), int(candidates.offsets[-1]))
    numbers = dict(zip(NUMBERS, (candidates.event, candidates.run), strict=True))
    groups = {
        "candidates": numbers | dict(candidates.columns),
        "points": {name: values[points] for name, values in candidates.points.items()},
        "truth": candidates.truth,
        "members": candidates.members,
    }
    return {
        f"{group}/{name}": np.asarray(values)
        for group, columns in groups.items()
        for name, values in columns.items()
    }


def _unit(name: str, units: Mapping[str, str]) -> str | None:
    """The unit of a column or a point's number; truth and event numbers carry none."""
    group, _, column = name.partition("/")
    return units.get(column) if group in ("candidates", "points") else None
