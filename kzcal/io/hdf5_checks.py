"""What an HDF5 event file must keep to; each breach is one sentence with file and value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int64, Shaped, UInt8, UInt16

from kzcal.errors import FileFormatError
from kzcal.hits import FORCED, RunHeader
from kzcal.io.hdf5_heap import check_global_heaps
from kzcal.io.schema import FORMAT, HEADER_TEXTS, HEADER_WINDOWS, OFFSETS, PMT, TRIGGER, VERSION
from kzcal.io.schema import Dataset as Spec

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError)
"""What h5py raises for damaged files, by experience: hence a tuple around h5py's calls alone."""
MOST_BYTES_PER_FILE_BYTE = 2048
"""No compression makes a column smaller than this share of the file (gzip's limit is 1032)."""


@contextmanager
def damage_named(path: Path, what: str) -> Iterator[None]:
    """Turn what h5py raises on a truncated or damaged file into one sentence."""
    try:
        yield
    except HDF5_ERRORS as error:
        reason = " ".join(str(error).split()).strip("'\"")
        message = f"{path}: {what} cannot be read, the file is truncated or damaged ({reason})"
        raise FileFormatError(message) from error


def open_hdf5(path: Path, what: str = "an event file", *, cache_bytes: int = 4 << 20) -> h5py.File:
    """The file, opened for reading.

    Args:
        path: the file.
        what: what messages call it.
        cache_bytes: of each dataset, for pieces that are read more than once.

    Raises:
        FileFormatError: it is missing, empty, not HDF5, truncated or damaged.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(len(SIGNATURE))
    except OSError as error:
        message = f"{path}: {what} must be readable, got: {error.strerror}"
        raise FileFormatError(message) from error
    if not head:
        message = f"{path}: {what} cannot be empty, got 0 bytes"
        raise FileFormatError(message)
    if head != SIGNATURE:
        message = f"{path}: {what} must be HDF5, got a file that begins with {head!r}"
        raise FileFormatError(message)
    with damage_named(path, "the HDF5 file"):
        check_global_heaps(path)
        return h5py.File(path, "r", rdcc_nbytes=cache_bytes)


def attribute(attrs: h5py.AttributeManager, name: str) -> object:
    """An attribute's value, or None if there is none.

    Raises:
        TypeError: it holds sequences of varying length; libhdf5 crashes on damaged ones.
    """
    if name not in attrs:
        return None
    if isinstance(attrs.get_id(name).get_type(), h5py.h5t.TypeVlenID):
        message = f"the attribute {name!r} holds sequences of varying length"
        raise TypeError(message)
    value: object = attrs[name]
    return value


def read_header(file: h5py.File, path: Path) -> RunHeader:
    """What the root group says about the run, after its format and version are checked."""
    names = ("format", "version", "run", "livetime_ns", *HEADER_TEXTS, *HEADER_WINDOWS)
    with damage_named(path, "the attributes of the root group"):
        found = {name: attribute(file.attrs, name) for name in names}
    for name in ("format", "version", "detector", "run"):
        if found[name] is None:
            message = f"{path}: the root group must have the attribute {name!r}, got none"
            raise FileFormatError(message)
    for name, only in (("format", FORMAT), ("version", VERSION)):
        value = _scalar(found[name])
        if type(value) is not type(only) or value != only:
            message = f"{path}: the attribute {name!r} must be {only!r}, got {value!r}"
            raise FileFormatError(message)
    return RunHeader(
        run=_integer(found["run"], "run", path),
        detector=_text(found["detector"], "detector", path),
        livetime_ns=_optional(_integer, found, "livetime_ns", path),
        period=_optional(_text, found, "period", path),
        sample=_optional(_text, found, "sample", path),
        physics_window_ns=_optional(_window, found, "physics_window_ns", path),
        forced_window_ns=_optional(_window, found, "forced_window_ns", path),
    )


def _optional(convert: Any, found: Mapping[str, Any], name: str, path: Path) -> Any:  # noqa: ANN401
    return None if found[name] is None else convert(found[name], name, path)


def _scalar(value: Any) -> object:  # noqa: ANN401  whatever an attribute holds
    """A numpy scalar or HDF5 string as Python's own type."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain.decode(errors="replace") if isinstance(plain, bytes) else plain


def _refuse_attribute(path: Path, name: str, rule: str, value: object) -> FileFormatError:
    return FileFormatError(f"{path}: the attribute {name!r} must be {rule}, got {value!r}")


def _integer(value: Any, name: str, path: Path) -> int:  # noqa: ANN401
    plain = _scalar(value)
    if isinstance(plain, bool) or not isinstance(plain, int):
        raise _refuse_attribute(path, name, "an integer", plain)
    return plain


def _text(value: Any, name: str, path: Path) -> str:  # noqa: ANN401
    plain = _scalar(value)
    if not isinstance(plain, str):
        raise _refuse_attribute(path, name, "text", plain)
    return plain


def _window(value: Any, name: str, path: Path) -> tuple[float, float]:  # noqa: ANN401
    numbers = isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.shape == (2,)
    low, high = (float(v) for v in value) if numbers else (math.nan, math.nan)
    if not -math.inf < low < high < math.inf:
        raise _refuse_attribute(path, name, "two ascending times in ns", value)
    return low, high


def find_dataset(file: h5py.File, spec: Spec, path: Path) -> h5py.Dataset:
    """The dataset of that name, of the type and unit that it must have and a credible length."""
    with damage_named(path, spec.name):
        found = file.get(spec.name)
        if not isinstance(found, h5py.Dataset):
            message = f"{path}: the dataset {spec.name} is required, got none of that name"
            raise FileFormatError(message)
        shape, dtype, units = found.shape, found.dtype, _scalar(attribute(found.attrs, "units"))
    if shape is None or len(shape) != 1:
        message = f"{path}: {spec.name} must be one column, got the shape {shape}"
        raise FileFormatError(message)
    if dtype.newbyteorder("=") != np.dtype(spec.dtype):
        message = f"{path}: {spec.name} must have the type {spec.dtype}, got {dtype}"
        raise FileFormatError(message)
    if units is not None and units != spec.units:
        message = f"{path}: {spec.name} must be in {spec.units or 'no unit'}, got {units!r}"
        raise FileFormatError(message)
    check_size(path, spec.name, shape[0] * dtype.itemsize)
    return found


def check_size(path: Path, name: str, size: int) -> None:
    """Refuse a column that claims more bytes than the file can hold in any compression."""
    most = MOST_BYTES_PER_FILE_BYTE * path.stat().st_size
    if size > most:
        message = f"{path}: {name} claims {size} bytes, more than the file can hold"
        raise FileFormatError(message)


def read_rows(dataset: h5py.Dataset, rows: slice, path: Path) -> Shaped[np.ndarray, " row"]:
    """Some rows of a column, in the machine's byte order."""
    with damage_named(path, dataset.name.lstrip("/")):
        values: Shaped[np.ndarray, " row"] = dataset[rows]
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def check_lengths(path: Path, lengths: Mapping[str, int]) -> None:
    """Refuse columns of different lengths."""
    (first, expected), *others = lengths.items()
    for name, length in others:
        if length != expected:
            message = f"{path}: {name} must be as long as {first} ({expected}), got {length}"
            raise FileFormatError(message)


def check_offsets(
    offsets: Int64[np.ndarray, " owner_plus_1"],
    n_events: int,
    n_hits: int,
    path: Path,
    *,
    spec: Spec = OFFSETS,
    owners: str = "events",
    items: str = "hits",
) -> None:
    """Refuse offsets that are not n_events + 1 ascending numbers from 0 to the number of hits."""
    name = spec.name
    if len(offsets) != n_events + 1:
        message = (
            f"{path}: {name} must have one row more than there are {owners} "
            f"({n_events + 1}), got {len(offsets)}"
        )
        raise FileFormatError(message)
    if offsets[0] != 0:
        message = f"{path}: {name} must start at 0, got {offsets[0]}"
        raise FileFormatError(message)
    falls = np.flatnonzero(offsets[1:] < offsets[:-1])
    if len(falls):
        row = falls[0]
        message = (
            f"{path}: {name} must ascend, got {offsets[row + 1]} after {offsets[row]} "
            f"in row {row + 1}"
        )
        raise FileFormatError(message)
    if offsets[-1] != n_hits:
        message = f"{path}: {name} must end at the number of {items} ({n_hits}), got {offsets[-1]}"
        raise FileFormatError(message)


def check_pmt(pmt: UInt16[np.ndarray, " hit"], n_pmt: int, first_row: int, path: Path) -> None:
    """Refuse a cable number that the detector does not have."""
    if len(pmt) and pmt.max() >= n_pmt:
        row = int(np.argmax(pmt >= n_pmt))
        message = (
            f"{path}: {PMT.name} must be a PMT of the detector (0 to {n_pmt - 1}), "
            f"got {pmt[row]} in row {first_row + row}"
        )
        raise FileFormatError(message)


def check_trigger(trigger: UInt8[np.ndarray, " event"], first_row: int, path: Path) -> None:
    """Refuse a kind of trigger that is neither physics nor forced."""
    if len(trigger) and trigger.max() > FORCED:
        row = int(np.argmax(trigger > FORCED))
        message = (
            f"{path}: {TRIGGER.name} must be 0 (physics) or 1 (forced), "
            f"got {trigger[row]} in row {first_row + row}"
        )
        raise FileFormatError(message)


def check_time_order(timestamp: Int64[np.ndarray, " event"], path: Path) -> None:
    """Refuse a run whose events are not in time order."""
    falls = np.flatnonzero(timestamp[1:] < timestamp[:-1])
    if len(falls):
        row = falls[0]
        message = (
            f"{path}: events/timestamp of a run must ascend, got {timestamp[row + 1]} ns "
            f"after {timestamp[row]} ns in row {row + 1}: sort the events, or name the file's "
            "'sample' in the root group if it is not a run"
        )
        raise FileFormatError(message)
