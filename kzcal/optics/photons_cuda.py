"""Photons on CUDA: the histories of ``photons``, one to a thread.

Imported only when a tracer is asked for CUDA. It needs the extra ``cuda`` (numba-cuda).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numba import cuda as _cuda

from kzcal.errors import ConfigurationError
from kzcal.optics.photons import DETECTED, FATES, history
from kzcal.optics.photons_blocks import SLOPES, Columns, columns_for, source_at
from kzcal.optics.photons_tables import PhotonTables, Sources

cuda: Any = _cuda
"""Its functions carry no types."""

THREADS = 128
"""In a block of CUDA."""

LAUNCH = 1 << 20
"""Photons traced at a time."""


@cuda.jit  # type: ignore[untyped-decorator]
def kernel(
    key: np.uint64,
    first: int,
    ends: np.ndarray,
    sources: Sources,
    tables: PhotonTables,
    columns: Columns,
    fates: np.ndarray,
) -> None:
    """Each thread writes the row of its photon, detected or not."""
    thread = cuda.grid(1)
    if thread >= fates.shape[0]:
        return
    number = first + thread
    row, last = 0, ends.shape[0] - 1
    while row < last:
        middle = (row + last) // 2
        if ends[middle] <= number:
            row = middle + 1
        else:
            last = middle
    fate, pmt, time, slopes = history(key, number, source_at(sources, row), tables)
    fates[thread] = fate
    columns[0][thread], columns[1][thread], columns[2][thread] = row, pmt, time
    for i in range(SLOPES):
        columns[3][thread, i] = slopes[i]


Tables = TypeVar("Tables", PhotonTables, Sources)


def on_device(tables: Tables) -> Tables:
    """The same tuple with its arrays on the device."""
    arrays = {k: v for k, v in tables._asdict().items() if isinstance(v, np.ndarray)}
    return tables._replace(**{key: cuda.to_device(array) for key, array in arrays.items()})


def tables_on_cuda(tables: PhotonTables) -> PhotonTables:
    """The tables on the device.

    Raises:
        ConfigurationError: there is no device.
    """
    if not cuda.is_available():
        message = (
            "light on cuda needs a CUDA device and kzcal[cuda], found none: choose the device cpu"
        )
        raise ConfigurationError(message)
    return on_device(tables)


def blocks_on_cuda(
    tables: PhotonTables, sources: Sources, ends: np.ndarray, key: np.uint64
) -> Iterator[tuple[Columns, np.ndarray]]:
    """Detected photons and fates of each launch, in order."""
    total = int(ends[-1]) if len(ends) else 0
    there, ends_there = on_device(sources), cuda.to_device(ends)
    for first in range(0, total, LAUNCH):
        n = min(LAUNCH, total - first)
        fates = cuda.to_device(np.empty(n, np.int8))
        columns = tuple(cuda.to_device(column) for column in columns_for(n))
        grid = -(-n // THREADS)
        kernel[grid, THREADS](key, first, ends_there, there, tables, columns, fates)
        fate = fates.copy_to_host()
        kept = fate == DETECTED
        source, pmt, time, slopes = (column.copy_to_host()[kept] for column in columns)
        yield (source, pmt, time, slopes), np.bincount(fate, minlength=len(FATES))
