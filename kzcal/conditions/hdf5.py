"""A payload as HDF5 bytes: the same content gives the same bytes, whose hash is its address.

    header                  JSON: format, version, kind, units, docs, lineage
    columns/NAME            values, with attribute ``units``
    errors/NAME             one standard deviation of each value
    globals/values          best estimates of the global parameters
    globals/covariance

Text is UTF-8 of fixed length, numbers are little-endian, no dataset carries a time stamp.
"""

from __future__ import annotations

import json
from typing import Any

import h5py
import numpy as np
from jaxtyping import Shaped

from kzcal.conditions.canonical import canonical_json
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.errors import FileFormatError

FORMAT, VERSION = "kzcal-payload", 1
ASCII = 128
COMPRESSED_FROM = 1 << 16
"""Arrays of at least so many bytes are compressed."""


def encode(payload: Payload) -> bytes:
    """The payload as the bytes of an HDF5 file.

    Raises:
        DatabaseError: JSON cannot hold the lineage's configuration.
    """
    header = canonical_json(_header(payload), "a payload's header")
    libver = ("v108", "v108")
    with h5py.File("payload", "w", driver="core", backing_store=False, libver=libver) as file:
        file.create_dataset("header", data=np.void(header), track_times=False)
        for name in sorted(payload.columns):
            column = payload.columns[name]
            _write(file, f"columns/{name}", column.values, column.unit)
            if column.errors is not None:
                _write(file, f"errors/{name}", column.errors, column.unit)
        if payload.globals is not None:
            _write(file, "globals/values", payload.globals.values)
            _write(file, "globals/covariance", payload.globals.covariance)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def decode(content: bytes, where: str) -> Payload:
    """The payload in the bytes of an HDF5 file; its arrays cannot be written to.

    Args:
        content: all bytes of the file.
        where: what to call the file in an error.

    Raises:
        FileFormatError: the bytes are not a payload of this version.
    """
    try:
        with _open(content) as file:
            header = json.loads(file["header"][()].tobytes())
            _check_format(header, where)
            return Payload(
                header["kind"],
                {name: _column(file, name, about) for name, about in header["columns"].items()},
                _globals(file, header["globals"]),
                Lineage.from_dict(header["lineage"]),
            )
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        message = f"a payload is HDF5 in the layout of {FORMAT}, got {where}: {error}"
        raise FileFormatError(message) from error


def _header(payload: Payload) -> dict[str, Any]:
    block = payload.globals
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": payload.kind,
        "columns": {
            name: {"unit": column.unit, "doc": column.doc, "errors": column.errors is not None}
            for name, column in payload.columns.items()
        },
        "globals": block and {"names": block.names, "units": block.units, "docs": block.docs},
        "lineage": payload.lineage.as_dict(),
    }


def _check_format(header: dict[str, Any], where: str) -> None:
    found = header.get("format"), header.get("version")
    if found != (FORMAT, VERSION):
        message = f"a payload says {FORMAT} version {VERSION}, got {found[0]} {found[1]}: {where}"
        raise FileFormatError(message)


def _open(content: bytes) -> h5py.File:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(backing_store=False)
    access.set_file_image(content)
    return h5py.File(h5py.h5f.open(b"payload", h5py.h5f.ACC_RDONLY, fapl=access))


def _write(
    file: h5py.File, name: str, values: Shaped[np.ndarray, "..."], unit: str | None = None
) -> None:
    if values.dtype.kind == "U":
        text = _utf8(values)
        data = text.astype(h5py.string_dtype("utf-8", max(1, text.dtype.itemsize)))
    else:
        data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(values.shape)
    packing = {"compression": "gzip", "shuffle": True} if data.nbytes >= COMPRESSED_FROM else {}
    dataset = file.create_dataset(name, data=data, track_times=False, **packing)
    if unit is not None:
        dataset.attrs.create("units", np.bytes_(unit.encode() or b"\0"))


def _column(file: h5py.File, name: str, about: dict[str, Any]) -> Column:
    errors = _read(file, f"errors/{name}") if about["errors"] else None
    return Column(_read(file, f"columns/{name}"), about["unit"], about["doc"], errors)


def _globals(file: h5py.File, about: dict[str, Any] | None) -> GlobalBlock | None:
    if about is None:
        return None
    names, units, docs = (tuple(about[key]) for key in ("names", "units", "docs"))
    covariance = _read(file, "globals/covariance")
    return GlobalBlock(names, _read(file, "globals/values"), units, covariance, docs)


def _read(file: h5py.File, name: str) -> Shaped[np.ndarray, "..."]:
    dataset = h5py.h5d.open(file.id, name.encode())
    values = np.empty(dataset.shape, dataset.dtype)
    if values.size:
        dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    if values.dtype.kind == "S":
        values = _text(values)
    values.setflags(write=False)
    return values


def _utf8(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Text as bytes; the cast that numpy does at once is right for ASCII only."""
    if np.all(np.ascontiguousarray(values).view(np.uint32) < ASCII):
        longest = int(np.char.str_len(values).max(initial=1))
        return values.astype(f"S{longest}")
    return np.asarray(np.char.encode(values, "utf-8"))


def _text(values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """Bytes as text, the inverse of _utf8; in ASCII every byte is a code point."""
    octets = np.ascontiguousarray(values).view(np.uint8)
    if not octets.size or np.any(octets >= ASCII):
        return np.asarray(np.char.decode(values, "utf-8"))
    width = values.dtype.itemsize
    return octets.astype(np.uint32).view(f"U{width}").reshape(values.shape)
