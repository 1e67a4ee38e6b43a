"""Decays whose energy arrives in several lots become several events."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.particles import Deposits

SEPARATION_NS = 250.0
"""Deposits so long after the first of their event begin the next one.

Light needs up to about 100 ns to arrive, and the window of a physics trigger ends 350 ns after
the first deposit: what comes later would be lost at its end, and triggers anew.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """Events that decays come apart into, in the order of the decays and then of time.

    Args:
        deposits: by event; the first of each event is at time 0.
        decay: row of the decay of each event.
        part: how many events of the same decay came before.
        begin: time of the event's first deposit after the decay, ns.
    """

    deposits: Deposits
    decay: Int64[np.ndarray, " event"]
    part: Int64[np.ndarray, " event"]
    begin: Float64[np.ndarray, " event"]

    def where(self, kept: Bool[np.ndarray, " event"]) -> Parted:
        """The events kept."""
        rows = (self.decay[kept], self.part[kept], self.begin[kept])
        return Parted(self.deposits.where(kept), *rows)

    @property
    def after_decay(self) -> Float64[np.ndarray, " event"]:
        """Time of the first deposit after what an event's emission time is counted from, ns.

        That is the decay, or for the later events of one their own first deposit.
        """
        return np.where(self.begin < SEPARATION_NS, self.begin, 0.0)


def part_events(deposits: Deposits) -> Parted:
    """Part decays where their deposits come more than SEPARATION_NS after the event's first.

    A decay without deposits is one event without deposits.

    Assumption: light of one event is not seen in the next, although the windows of two that
    follow within 500 ns overlap; hits that an event lends its successor are late light of a few
    per cent of a small share of decays.
    """
    order = np.lexsort((deposits.time, deposits.event))
    decay, time = deposits.event[order], deposits.time[order]
    begins = _beginnings(decay, time)
    empty = np.flatnonzero(np.diff(deposits.offsets) == 0)
    first = np.flatnonzero(begins)
    counts = np.concatenate([np.diff(np.append(first, len(time))), np.zeros(len(empty), int)])
    event_decay = np.concatenate([decay[first], empty])
    event_begin = np.concatenate([time[first], np.zeros(len(empty))])
    by_decay = np.argsort(event_decay, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(counts[by_decay])])
    moved = replace(
        deposits,
        offsets=offsets,
        particle=deposits.particle[order],
        energy=deposits.energy[order],
        position=deposits.position[order],
        direction=deposits.direction[order],
        time=time - time[first][np.cumsum(begins) - 1],
        medium=deposits.medium[order],
    )
    of_decay = event_decay[by_decay]
    part = np.arange(len(of_decay)) - np.searchsorted(of_decay, of_decay)
    return Parted(moved, of_decay, part, event_begin[by_decay])


def _beginnings(
    decay: Int64[np.ndarray, " deposit"], time: Float64[np.ndarray, " deposit"]
) -> Bool[np.ndarray, " deposit"]:
    """Which deposits, in order of decay and time, are the first of their event."""
    begins = np.ones(len(decay), dtype=bool)
    begins[1:] = decay[1:] != decay[:-1]
    row = np.arange(len(decay))
    while True:
        latest = np.maximum.accumulate(np.where(begins, row, 0))
        over = time - time[latest] > SEPARATION_NS
        over[1:] &= ~(over[:-1] & (latest[1:] == latest[:-1]))
        if not over.any():
            return begins
        begins |= over
