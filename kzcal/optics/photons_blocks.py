"""Many photons, one after the other: what a thread does at a time.

Compiled with the histories in it: after a change of those, remove kzcal/optics/__pycache__.
"""

from __future__ import annotations

import numpy as np

from kzcal.optics.photons import DETECTED, NOWHERE, Source, history
from kzcal.optics.photons_tables import Sources
from kzcal.optics.random_directions import compiled

SLOPES = len(NOWHERE)
Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def columns_for(photons: int) -> Columns:
    """Room for source, PMT, time and slopes of so many photons."""
    source, pmt = np.empty((2, photons), np.int32)
    return source, pmt, np.empty(photons, np.float32), np.empty((photons, SLOPES), np.float32)


@compiled
def source_at(sources: Sources, row: int) -> Source:
    """A row of the sources."""
    return (
        (sources.position[row, 0], sources.position[row, 1], sources.position[row, 2]),
        (sources.direction[row, 0], sources.direction[row, 1], sources.direction[row, 2]),
        sources.beta[row],
        sources.spectrum[row],
        sources.profile[row],
    )


@compiled
def trace_block(
    key: np.uint64,
    first: int,
    ends: np.ndarray,
    sources: Sources,
    record: np.ndarray,
    columns: Columns,
    fates: np.ndarray,
) -> int:
    """Trace as many photons as the columns have rows; the detected ones fill the first rows.

    Args:
        key: of the random numbers.
        first: number of the first photon.
        ends: number of photons up to and with each source.
        sources: where photons begin.
        record: see ``as_record``.
        columns: where to write source, PMT, time and slopes.
        fates: counts to add to.

    Returns:
        Number of photons detected.
    """
    tables = record[0]  # References to a record are not counted, those to arrays at every call.
    found = 0
    row = int(np.searchsorted(ends, first, side="right"))
    source = source_at(sources, row)
    for number in range(first, first + len(columns[0])):
        while ends[row] <= number:
            row += 1
            source = source_at(sources, row)
        fate, pmt, time, slopes = history(key, number, source, tables)
        fates[fate] += 1
        if fate == DETECTED:
            columns[0][found], columns[1][found], columns[2][found] = row, pmt, time
            for i in range(SLOPES):
                columns[3][found, i] = slopes[i]
            found += 1
    return found
