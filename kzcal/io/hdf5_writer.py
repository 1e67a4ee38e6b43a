"""The writer of HDF5 event files, version 1: streamed, and whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np
from jaxtyping import Shaped

from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.hits import Events, Muons, RunHeader
from kzcal.io import schema
from kzcal.io.atomic import replacing
from kzcal.io.event_checks import (
    check_columns,
    check_dtype,
    check_hits,
    event_columns,
    hit_columns,
)
from kzcal.io.hdf5_checks import check_offsets, check_time_order
from kzcal.io.hdf5_columns import append_rows, create_column, failure_named, new_file
from kzcal.io.schema import Dataset as Spec

Column = Shaped[np.ndarray, " row"]

ROWS_PER_HDF5_CHUNK = {"hits": 1 << 17, "events": 1 << 12, "truth": 1 << 12, "muons": 1 << 12}
BYTES_PER_HIT, BYTES_PER_EVENT = 10, 100
"""Before compression, truth included."""
ROOM = 1 << 20
"""Bytes to leave free for what HDF5 itself needs."""


def write_events(
    path: Path | str,
    header: RunHeader,
    chunks: Iterable[Events],
    muons: Muons | None = None,
) -> None:
    """Write events as they come; the file takes its name when it is whole and on disk.

    Args:
        path: the file, which may exist and is then replaced.
        header: what is known about the run.
        chunks: consecutive events; one chunk at a time is held in memory.
        muons: reconstructed muons of the run.

    Raises:
        FileFormatError: the events break the format, so that no reader would take them.
        ConfigurationError: the file cannot be written there.
    """
    with event_writer(path, header, muons) as append:
        for chunk in chunks:
            append(chunk)


@contextmanager
def event_writer(
    path: Path | str,
    header: RunHeader,
    muons: Muons | None = None,
    *,
    notes: Mapping[str, str | float] = MappingProxyType({}),
) -> Iterator[Callable[[Events], None]]:
    """Write events chunk by chunk, in several files at once if need be; see write_events.

    Args:
        path: the file.
        header: what is known about the run.
        muons: reconstructed muons of the run.
        notes: further attributes of the root group, which readers pass over.

    Yields:
        What takes the next events.
    """
    with timeline_writer(path, header, notes=notes) as append:
        yield append
        append(None, muons)


@contextmanager
def timeline_writer(
    path: Path | str,
    header: RunHeader,
    *,
    notes: Mapping[str, str | float] = MappingProxyType({}),
) -> Iterator[Callable[..., None]]:
    """Write events and muons chunk by chunk, each in time order; see event_writer.

    Yields:
        What takes the next events, or None, and the next muons, if there are any.
    """
    path = Path(path)
    with replacing(path) as beside, new_file(beside, path) as file:
        with failure_named(path):
            _write_header(file, header)
            file.attrs.update(notes)
            writer, tracks = _Writer(file, path), _MuonWriter(file, path)

        def append(chunk: Events | None, muons: Muons | None = None) -> None:
            if chunk is not None:
                _check_room(chunk, path)
                with failure_named(path):
                    writer.append(chunk, ordered=header.sample is None)
            if muons is not None and len(muons):
                with failure_named(path):
                    tracks.append(muons)

        yield append


def _check_room(events: Events, path: Path) -> None:
    """Refuse to fill the disk to the brim, since libhdf5 crashes when a write fails."""
    free = shutil.disk_usage(path.parent).free
    need = ROOM + BYTES_PER_EVENT * len(events) + BYTES_PER_HIT * len(events.hits.pmt)
    if free < need:
        message = f"{path}: the disk must have room for {need} bytes more, got {free} free"
        raise ConfigurationError(message)


class _Writer:
    """Datasets that grow chunk by chunk, and what has to fit between chunks."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file = file
        self._path = path
        self._n_hits = 0
        self._last_timestamp: Column = np.zeros(0, np.int64)
        self._truth: Mapping[str, str] | None = None
        for spec in (*schema.EVENTS, *schema.HITS):
            _create(file, spec)
        append_rows(_create(file, schema.OFFSETS), np.zeros(1, np.int64))

    def append(self, events: Events, *, ordered: bool) -> None:
        """Check and add some events."""
        if len(events) or events.truth:
            self._check_truth(events)
        if not len(events):
            return
        check_hits(events, self._path)
        columns = event_columns(events) | hit_columns(events.hits)
        check_columns(columns, events, self._path)
        if ordered:
            whole = np.concatenate([self._last_timestamp, events.timestamp])
            check_time_order(whole, self._path)
            self._last_timestamp = events.timestamp[-1:]
        for name, values in columns.items():
            append_rows(self._file[name], values)
        ends = events.hits.offsets[1:] - events.hits.offsets[0] + self._n_hits
        append_rows(self._file[schema.OFFSETS.name], ends)
        self._n_hits = int(ends[-1])
        for name, values in events.truth.items():
            append_rows(self._file[f"truth/{name}"], np.asarray(values))

    def _check_truth(self, events: Events) -> None:
        """The first chunk decides which truth columns there are."""
        found = {name: np.asarray(values).dtype.str for name, values in events.truth.items()}
        if self._truth is None:
            for name, dtype in found.items():
                _create(self._file, Spec(f"truth/{name}", dtype, schema.TRUTH_UNITS.get(name)))
            self._truth = found
        if found != self._truth:
            message = (
                f"{self._path}: truth must have the same columns and types in every chunk "
                f"({dict(self._truth)}), got {found}"
            )
            raise FileFormatError(message)


def _write_header(file: h5py.File, header: RunHeader) -> None:
    known = {
        "format": schema.FORMAT,
        "version": np.int64(schema.VERSION),
        "run": np.int64(header.run),
        "livetime_ns": None if header.livetime_ns is None else np.int64(header.livetime_ns),
    }
    for name in (*schema.HEADER_TEXTS, *schema.HEADER_WINDOWS):
        known[name] = getattr(header, name)
    for name, value in known.items():
        if value is not None:
            file.attrs[name] = value


class _MuonWriter:
    """The muons' datasets, which a file without muons does not have."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file = file
        self._path = path
        self._columns: tuple[Spec, ...] = ()
        self._n_pieces = 0

    def append(self, muons: Muons) -> None:
        """Check and add some muons; the first ones decide whether there are profiles."""
        columns = _muon_columns(muons) | self._profile_columns(muons)
        for spec, values in columns.items():
            check_dtype(spec, values, self._path)
        if not self._columns:
            self._columns = tuple(columns)
            for spec in columns:
                _create(self._file, spec)
            if muons.profile is not None:
                append_rows(self._file[schema.PROFILE_OFFSETS.name], np.zeros(1, np.int64))
        if set(columns) != set(self._columns):
            message = (
                f"{self._path}: all muons must have a profile or none, got "
                f"{'one' if muons.profile is not None else 'none'} after others"
            )
            raise FileFormatError(message)
        for spec, values in columns.items():
            append_rows(self._file[spec.name], values)

    def _profile_columns(self, muons: Muons) -> dict[Spec, Column]:
        """Where the pieces of these muons end among all, and what each one holds."""
        profile = muons.profile
        if profile is None:
            return {}
        check = partial(check_offsets, spec=schema.PROFILE_OFFSETS, owners="muons", items="pieces")
        check(profile.offsets, len(muons), len(profile.deposit), self._path)
        ends = profile.offsets[1:] + self._n_pieces
        self._n_pieces += len(profile.deposit)
        return {schema.PROFILE_OFFSETS: ends, schema.PROFILE: profile.deposit}


def _muon_columns(muons: Muons) -> dict[Spec, Column]:
    return {
        schema.MUON_TIMESTAMP: muons.timestamp,
        schema.MUON_CHARGE: muons.charge,
        **{spec: muons.entry[:, axis] for axis, spec in enumerate(schema.MUON_ENTRY)},
        **{spec: muons.direction[:, axis] for axis, spec in enumerate(schema.MUON_DIRECTION)},
    }


def _create(file: h5py.File, spec: Spec) -> h5py.Dataset:
    return create_column(file, spec, ROWS_PER_HDF5_CHUNK[spec.name.split("/")[0]])
