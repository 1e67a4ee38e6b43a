"""What a translator is trained and judged on: events of two files, matched, limited and split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events, RunHeader
from kzcal.io.source import EventSource
from kzcal.learning import TranslatorTask
from kzcal.scorecard.blocks import FEWEST_EVENTS
from kzcal.scorecard.populations import matched, paired
from kzcal.simulate.order import joined
from kzcal.training.config import TrainingConfig
from kzcal.training.draws import uniform
from kzcal.translate.origin import Origin

Rows = Int64[np.ndarray, " event"]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Events to learn from, and others to judge by.

    Args:
        task: to learn from.
        source: held out, with the hits to translate.
        target: held out, with the hits that should come of it.
        header: of the target's file.
        share: of the events that take part; 1 for files of different runs, whose events cannot
            be told to be new.
        same_run: whether both files are of one run, so that equal numbers mean equal events.
    """

    task: TranslatorTask
    source: Events
    target: Events
    header: RunHeader
    share: float
    same_run: bool


def gather(
    source: tuple[Path, EventSource],
    target: tuple[Path, EventSource],
    detector: Detector,
    config: TrainingConfig,
    device: torch.device,
) -> Material:
    """Read the events of two files that follow one law, and hold some out.

    Which events are held out is decided by their numbers and the seed, so that twins of an event
    are held out with it.

    Args:
        source: file with photoelectrons, or other simulated hits, and the same, open.
        target: file with the hits to learn, and the same, open.
        detector: of both.
        config: about how many events, and about how many of them are held out.
        device: where to calculate.

    Raises:
        ConfigurationError: too few events are left to learn from or to judge by.
    """
    tables = source[1].table(), target[1].table()
    origins = Origin.of(source[0]), Origin.of(target[0])
    same_run = source[1].header.run == target[1].header.run
    rows = matched(*tables, same_run=same_run)
    pairs = origins[0].pairs_with(origins[1]) and paired(*tables, rows)
    learned, held, shares = [], [], []
    for (path, file), table, mine in zip((source, target), tables, rows, strict=True):
        draws = uniform(table.event[mine], config.seed)
        share = min(1.0, config.events / len(np.unique(draws)))
        events, judged = chosen(file, mine, draws, share, config)
        n_judged = int(judged.physics.sum())
        if not len(events) or n_judged < FEWEST_EVENTS:
            message = (
                f"a training needs events to learn from and {FEWEST_EVENTS} physics events to "
                f"judge by, got {len(events)} and {n_judged} of {path}: raise --events or the "
                f"setting held_out, or take a longer run"
            )
            raise ConfigurationError(message)
        learned.append(events)
        held.append(judged)
        shares.append(share)
    task = TranslatorTask(
        source=learned[0],
        target=learned[1],
        ceiling=origins[0].ceiling or 1.0,
        paired=pairs,
        detector=detector,
        device=device,
        seed=config.seed,
    )
    return Material(
        task, held[0], held[1], target[1].header, max(shares) if same_run else 1.0, same_run
    )


def chosen(
    file: EventSource,
    rows: Rows,
    draws: Float64[np.ndarray, " event"],
    share: float,
    config: TrainingConfig,
) -> tuple[Events, Events]:
    """Events of a file to learn from, and those held out.

    Shares are those of the draws, so that numbers of events follow a binomial distribution about
    what the settings ask for.

    Args:
        file: open.
        rows: of the file that may take part.
        draws: of each row, between 0 and 1; the lowest take part, of them the lowest held out.
        share: that takes part.
        config: about how many of them are held out.
    """
    number = len(np.unique(draws))
    held_out = min(config.held_out * share, config.most_held_out / number)
    taking = draws < share
    events = read_rows(file, rows[taking])
    held: Bool[np.ndarray, " event"] = draws[taking] < held_out
    return events.take(~held), events.take(held)


def read_rows(file: EventSource, rows: Rows) -> Events:
    """Some events of a file, with their hits and without truth, in the order given."""
    parts, first = [replace(file.table()[:0], truth={})], 0
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    for chunk in file.chunks():
        begin, end = np.searchsorted(ordered, (first, first + len(chunk)))
        parts.append(replace(chunk, truth={}).take(ordered[begin:end] - first))
        first += len(chunk)
    return joined(parts).take(np.argsort(order, kind="stable"))
