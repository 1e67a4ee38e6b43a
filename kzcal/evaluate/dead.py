"""What more dead PMTs cost a classifier that is told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kzcal.evaluate.occlusion import Change, Probe
from kzcal.evaluate.resampling import rejections
from kzcal.learning import CorrectedEvents

N_SETS = 8
"""Sets of dead PMTs of each run, since what one set costs is chance."""
DRAWS = 200
"""Draws of the events for the error of a lost rejection."""


@dataclass(frozen=True, slots=True)
class DeadPmts:
    """What fewer PMTs cost.

    Args:
        share: of the PMTs in use that are made dead.
        live: PMTs left on average.
        change: of area and score.
        rejected: background rejected at the common acceptance.
        fewer: less of it than with all PMTs.
        error: one standard deviation of ``fewer``, events drawn anew.
    """

    share: float
    live: float
    change: Change
    rejected: float
    fewer: float
    error: float


def dead_pmts(
    probe: Probe,
    shares: tuple[float, ...],
    acceptance: float,
    *,
    generator: np.random.Generator,
    advance: Callable[[float], None],
) -> tuple[DeadPmts, ...]:
    """What random dead PMTs cost.

    Args:
        probe: classifier and events.
        shares: of the PMTs in use that are made dead.
        acceptance: of signal, for the rejection; the threshold follows the score.
        generator: chooses them.
        advance: called with the number of scorings done.
    """
    found = []
    for share in shares:
        fewer = silenced(probe.events, share, generator=generator)
        score = probe.classifier.score(fewer)
        concerned = len(probe.events.hits.time) - len(fewer.hits.time)
        both = rejections(
            np.stack([probe.score, score]),
            probe.signal,
            [acceptance],
            draws=DRAWS,
            generator=generator,
        )
        drop, error = both.difference(0, 1)
        found.append(
            DeadPmts(
                share=share,
                live=float(fewer.live.sum(1)[fewer.run].mean()),
                change=probe.compared(score, concerned),
                rejected=float(both.values[1, 0]),
                fewer=float(drop[0]),
                error=float(error[0]),
            )
        )
        advance(1)
    return tuple(found)


def silenced(
    events: CorrectedEvents, share: float, *, generator: np.random.Generator
) -> CorrectedEvents:
    """Events with more PMTs dead, the same ones in every eighth event of a run.

    Args:
        events: with corrected hits.
        share: of the PMTs in use that are made dead, on average.
        generator: chooses them.
    """
    live = np.repeat(events.live, N_SETS, axis=0)
    live &= generator.random(live.shape) >= share
    run = events.run * N_SETS + np.arange(len(events)) % N_SETS
    kept = live[run[events.hits.event_index], events.hits.pmt]
    return replace(events, hits=events.hits.where(kept), live=live, run=run)
