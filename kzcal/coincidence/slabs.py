"""A timeline cut into slabs: consecutive events, with the muons that came before and among them.

A slab knows the last muon before it, so that whatever is found by the preceding muon is found in
slabs of any length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from kzcal.hits import Events, Muons, Profile


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """Consecutive events and the muons before and among them.

    Args:
        events: without hits, in time order.
        muons: the last one before the slab, if any, and those since, in time order.
        first_muon: number of the first of them in the run, from 0.
        end_ns: no later slab has an event before this time, ns.
    """

    events: Events
    muons: Muons
    first_muon: int
    end_ns: int

    @property
    def parent(self) -> Int64[np.ndarray, " event"]:
        """Row of the muon that precedes each event, or came with it; -1 where there is none."""
        return np.searchsorted(self.muons.timestamp, self.events.timestamp, side="right") - 1


def slabs(events: Iterable[Events], muons: Iterable[Muons]) -> Iterator[Slab]:
    """Merge blocks of events and of muons in time.

    Args:
        events: blocks in time order.
        muons: blocks in time order.

    Yields:
        Slabs in time order with every event once; a slab may have no event.
    """
    muon_blocks = iter(muons)
    ahead, known, first, more = Muons.none(), Muons.none(), 0, True
    for block in events:
        rest = block
        while len(rest):
            if more and not len(ahead):
                ahead = next(muon_blocks, Muons.none())
                more = len(ahead) > 0
            last = int(rest.timestamp[-1])
            reached = more and int(ahead.timestamp[-1]) <= last
            n_muons = int(np.searchsorted(ahead.timestamp, last, side="right"))
            first += max(len(known) - 1, 0)
            known = joined(muon_rows(known, slice(max(len(known) - 1, 0), None)), ahead, n_muons)
            n_events = len(rest)
            if reached:
                n_events = int(np.searchsorted(rest.timestamp, ahead.timestamp[-1]))
            ahead = muon_rows(ahead, slice(n_muons, None))
            end = last if n_events == len(rest) else int(rest.timestamp[n_events])
            yield Slab(rest[:n_events], known, first, end)
            rest = rest[n_events:]


def muon_rows(muons: Muons, rows: slice) -> Muons:
    """Consecutive muons as views."""
    start, stop, _ = rows.indices(len(muons))
    rows, profile = slice(start, max(start, stop)), muons.profile
    if profile is not None:
        offsets = profile.offsets[rows.start : rows.stop + 1]
        profile = Profile(offsets - offsets[0], profile.deposit[offsets[0] : offsets[-1]])
    return Muons(
        muons.timestamp[rows],
        muons.entry[rows],
        muons.direction[rows],
        muons.charge[rows],
        profile,
    )


def joined(before: Muons, ahead: Muons, n: int) -> Muons:
    """Muons, and the first of those that come next."""
    after = muon_rows(ahead, slice(0, n))
    if not len(before):
        return after
    if not len(after):
        return before
    profile = None
    if before.profile is not None and after.profile is not None:
        ours, theirs = before.profile, after.profile
        ends = np.concatenate([ours.offsets, theirs.offsets[1:] + ours.offsets[-1]])
        profile = Profile(ends, np.concatenate([ours.deposit, theirs.deposit]))
    return Muons(
        np.concatenate([before.timestamp, after.timestamp]),
        np.concatenate([before.entry, after.entry]),
        np.concatenate([before.direction, after.direction]),
        np.concatenate([before.charge, after.charge]),
        profile,
    )
