"""Events of many blocks in the order of their time, with few of them held at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from kzcal.hits import Events, Hits
from kzcal.simulate.chain import Simulated

EVENTS_AT_ONCE = 256
"""Events that are collected before they are handed on."""


def in_time_order(
    blocks: Iterable[tuple[Simulated, int | None]], *, kind_width: int
) -> Iterator[Simulated]:
    """Number the events of blocks in time order, a few hundred at a time.

    Args:
        blocks: events, and the time before which no later block has any; None for the last.
        kind_width: letters of the longest kind in the truth.
    """
    pending: list[Simulated] = []
    number = 0
    for block, settled in blocks:
        pending.append(block)
        if settled is not None and sum(map(len, pending)) < EVENTS_AT_ONCE:
            continue
        whole = _sorted(pending)
        time = whole.reported.timestamp
        n = len(whole) if settled is None else int(np.searchsorted(time, settled))
        if n or settled is None:
            yield _numbered(whole.take(np.arange(n)), number, kind_width)
        number += n
        pending = [whole.take(np.arange(n, len(whole)))]


def _sorted(parts: Sequence[Simulated]) -> Simulated:
    true = [part.true for part in parts if part.true is not None]
    whole = Simulated(joined([part.reported for part in parts]), joined(true) if true else None)
    return whole.take(np.argsort(whole.reported.timestamp, kind="stable"))


def _numbered(part: Simulated, first: int, kind_width: int) -> Simulated:
    number = first + np.arange(len(part))
    kind = part.reported.truth["kind"].astype(f"S{kind_width}")
    truth = {**part.reported.truth, "kind": kind}
    reported = replace(part.reported, event=number, truth=truth)
    true = None if part.true is None else replace(reported, hits=part.true.hits)
    return Simulated(reported, true)


def joined(parts: Sequence[Events]) -> Events:
    """Events one after the other."""
    return Events(
        event=np.concatenate([part.event for part in parts]),
        timestamp=np.concatenate([part.timestamp for part in parts]),
        trigger=np.concatenate([part.trigger for part in parts]),
        vertex=np.concatenate([part.vertex for part in parts]),
        energy=np.concatenate([part.energy for part in parts]),
        t0=np.concatenate([part.t0 for part in parts]),
        hits=Hits.from_counts(
            np.concatenate([part.hits.counts for part in parts]),
            np.concatenate([part.hits.pmt for part in parts]),
            np.concatenate([part.hits.time for part in parts]),
            np.concatenate([part.hits.charge for part in parts]),
        ),
        truth={
            name: np.concatenate([part.truth[name] for part in parts]) for name in parts[0].truth
        },
    )
