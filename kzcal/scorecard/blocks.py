"""Events of two files dealt to blocks of equal size."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int64

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.stream import EventColumns
from kzcal.errors import CalibrationError
from kzcal.hits import Events
from kzcal.scorecard.populations import Rows, paired
from kzcal.scorecard.tally import Plan

FEWEST_EVENTS = 50
"""Physics events of a file, below which nothing can be said."""


def plans(
    tables: tuple[Events, Events],
    rows: tuple[Rows, Rows],
    config: CalibrationConfig,
    n_blocks: int,
) -> tuple[Plan, Plan, bool]:
    """Blocks of the chosen events of both files, and whether these are the same events.

    The same events are in the same block in both files. Of other events the file that has more is
    thinned out, physics events and forced triggers each, so that all blocks are alike, and so is
    what few hits do to the width of a peak.

    Args:
        tables: event tables of the two files.
        rows: of the events that are compared.
        config: says which events take part.
        n_blocks: of each file.

    Raises:
        CalibrationError: a file has too few physics events.
    """
    usable = [_kinds(table, row, config) for table, row in zip(tables, rows, strict=True)]
    for physics, _ in usable:
        if len(physics) < FEWEST_EVENTS:
            message = (
                f"files are compared with {FEWEST_EVENTS} physics events of each at least, got "
                f"{len(physics)} with a vertex and an energy of {config.energy_min:g} to "
                f"{config.energy_max:g} MeV: give more events"
            )
            raise CalibrationError(message)
    if paired(*tables, rows):
        return _same_events(tables, rows, usable, n_blocks)
    return _other_events(tables, usable, n_blocks)


def _kinds(table: Events, rows: Rows, config: CalibrationConfig) -> tuple[Rows, Rows]:
    """Rows of the physics events that take part, and of the forced triggers."""
    columns = EventColumns.of(table, config, torch.device("cpu"))
    used, forced = columns.used.numpy(), columns.forced.numpy()
    return rows[used[rows]], rows[forced[rows]]


def _same_events(
    tables: tuple[Events, Events],
    rows: tuple[Rows, Rows],
    usable: list[tuple[Rows, Rows]],
    n_blocks: int,
) -> tuple[Plan, Plan, bool]:
    """Events that take part in both files, dealt in the order of the chosen rows."""
    taking = [np.isin(row, np.concatenate(kinds)) for row, kinds in zip(rows, usable, strict=True)]
    both = taking[0] & taking[1]
    place = np.arange(int(both.sum())) % n_blocks
    found = [
        _plan(len(table), row[both], place, n_blocks)
        for table, row in zip(tables, rows, strict=True)
    ]
    return found[0], found[1], True


def _other_events(
    tables: tuple[Events, Events], usable: list[tuple[Rows, Rows]], n_blocks: int
) -> tuple[Plan, Plan, bool]:
    most = [min(len(kinds[0]), len(kinds[1])) for kinds in zip(*usable, strict=True)]
    place = np.concatenate([np.arange(number) % n_blocks for number in most])
    found = []
    for table, kinds in zip(tables, usable, strict=True):
        rows = [thinned(kind, number) for kind, number in zip(kinds, most, strict=True)]
        found.append(_plan(len(table), np.concatenate(rows), place, n_blocks))
    return found[0], found[1], False


def thinned(rows: Rows, most: int) -> Rows:
    """So many of the rows at most, spread evenly over them."""
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // max(most, 1)]


def _plan(n_events: int, rows: Rows, place: Int64[np.ndarray, " chosen"], n_blocks: int) -> Plan:
    block = np.full(n_events, -1, np.int64)
    block[rows] = place
    return Plan(block, n_blocks)
