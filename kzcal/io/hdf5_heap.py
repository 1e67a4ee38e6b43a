"""The global heaps of an HDF5 file, checked before the HDF5 library walks through them.

The text of HDF5 attributes lies in global heaps, which carry no checksum; libhdf5 (2.0.0 and
before) loops for ever or crashes on a heap whose sizes do not add up.

Source: HDF5 File Format Specification Version 3.0, section III.E "Disk Format: Level 1E".
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from kzcal.errors import FileFormatError

SIGNATURE = b"GCOL\x01"
SEARCHED = 1 << 20
"""Bytes searched for heaps at either end of a file: attributes are written first or last."""
_HEADER = struct.Struct("<5s3sQ")
_OBJECT = struct.Struct("<HHIQ")


def check_global_heaps(path: Path) -> None:
    """Refuse a file with a global heap whose objects do not fill it exactly.

    Raises:
        FileFormatError: such a heap, named by its place in the file.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        for start in {0, max(0, size - SEARCHED)}:
            stream.seek(start)
            block = stream.read(SEARCHED)
            place = block.find(SIGNATURE)
            while place >= 0:
                stream.seek(start + place)
                if not _is_sound(stream):
                    message = (
                        f"{path}: the objects of an HDF5 heap must fill it, but those of the "
                        f"heap at byte {start + place} do not: the file is truncated or damaged"
                    )
                    raise FileFormatError(message)
                place = block.find(SIGNATURE, place + 1)


def _is_sound(stream: BinaryIO) -> bool:
    """Whether objects of distinct numbers, then free space, fill the heap that begins here."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    _, reserved, heap_size = _HEADER.unpack(header)
    if any(reserved) or not _HEADER.size < heap_size <= SEARCHED:
        return False
    heap = stream.read(heap_size - _HEADER.size)
    place, seen = 0, set()
    while place + _OBJECT.size <= len(heap):
        number, _, _, size = _OBJECT.unpack_from(heap, place)
        if number == 0:
            return bool(place + size == len(heap))
        if number in seen or number > len(heap) // _OBJECT.size:
            return False
        seen.add(number)
        place += _OBJECT.size + (size + 7) // 8 * 8
    return bool(place <= len(heap) == heap_size - _HEADER.size)
