"""Single events of a run, simulated and paired, from the recipe to the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kzcal.coincidence.config import IbdSettings
from kzcal.hits import Events
from kzcal.io.hdf5_writer import event_writer
from kzcal.simulate.accidentals import (
    Pool,
    draw_pairs,
    paired_events,
    pairs_per_day,
)
from kzcal.simulate.antineutrino_run import WITHOUT_HITS, CoincidenceSetup
from kzcal.simulate.run import events_of
from kzcal.simulate.seeds import BlockKey

ACCIDENTALS = "accidental pairs"


@dataclass(frozen=True, slots=True)
class WrittenPairs:
    """What was made of single events.

    Args:
        out: the event file.
        n_pairs: pairs in it.
        n_prompt: single events that can be the first.
        n_delayed: single events that can be the second.
        n_prompt_used: different events among the first of all pairs.
        n_delayed_used: different events among the second. Pairs share them, so that an error by
            the number of pairs is too small where they are fewer.
        near: share of their pairs that are near each other.
        per_day: such pairs that the singles' own rates would make in a day.
    """

    out: Path
    n_pairs: int
    n_prompt: int
    n_delayed: int
    n_prompt_used: int
    n_delayed_used: int
    near: float
    per_day: float


def write_pairs(
    recipe: CoincidenceSetup,
    out: Path,
    number: int,
    cuts: IbdSettings,
    *,
    workers: int = 1,
    threads: int = 1,
    check: Callable[[], None] = lambda: None,
) -> WrittenPairs:
    """Simulate single events, pair them and write the pairs.

    The events are none of those that the same recipe makes as a run, and those that can be half a
    pair are all in memory, hits included, until the pairs are written.

    Args:
        recipe: of the single events.
        out: the event file.
        number: of pairs.
        cuts: which two events become a pair.
        workers: processes that simulate.
        threads: of each process, if there are several.
        check: called now and then, so that it can end the work.
    """
    recipe = replace(recipe, stream=ACCIDENTALS)
    simulation, cocktail = recipe.open(), recipe.setup.cocktail

    def parts() -> Iterator[Events]:
        for part in events_of(recipe, simulation, workers, threads):
            check()
            yield part.reported

    pool = Pool.of(parts(), cuts)
    key = BlockKey(cocktail.seed, cocktail.run, ACCIDENTALS, 0)
    drawn = draw_pairs(pool, cuts, number, generator=key.numpy("pairs"))
    sample = ACCIDENTALS if recipe.setup.hits else f"{ACCIDENTALS} {WITHOUT_HITS}"
    header = replace(simulation.header, sample=sample, livetime_ns=None)
    with event_writer(out, header, notes={"lineage": simulation.lineage}) as append:
        for part in paired_events(pool, drawn):
            append(part)
    per_day = pairs_per_day(pool, drawn, cuts, cocktail.duration_s or 0.0)
    return WrittenPairs(
        out,
        number,
        len(pool.prompt),
        len(pool.delayed),
        len(np.unique(drawn.first)),
        len(np.unique(drawn.second)),
        drawn.near,
        per_day,
    )
