"""Photoelectrons become pulses, and pulses are put in order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.photoelectrons import Photoelectrons


@dataclass(frozen=True, slots=True, eq=False)
class Pulses:
    """Reported hits, by event and within an event by time.

    Args:
        event: row of the event.
        pmt: cable number.
        time: ns, in the event's hit-time base.
        charge: p.e.
    """

    event: Int[Tensor, " hit"]
    pmt: Int[Tensor, " hit"]
    time: Float[Tensor, " hit"]
    charge: Float[Tensor, " hit"]


def by_group_then_time(
    group: Int[Tensor, " row"], time: Float[Tensor, " row"]
) -> Int[Tensor, " row"]:
    """Order of rows by group and within a group by time, from one sort.

    A single-precision number sorts like its bits, once those of negative numbers are turned
    round; group and time so make one integer.
    """
    bits = time.float().view(torch.int32)
    ascending = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
    return torch.argsort((group << 32) + (ascending + 2**31), stable=True)


def merged(
    light: Photoelectrons, charge: Float[Tensor, " pe"], merging_time: float, n_pmt: int
) -> Pulses:
    """Join photoelectrons of one PMT and event that begin less than the merging time apart.

    The pulse begins with its first photoelectron, whose time it has; later ones do not prolong
    it. Pulses come out by event, PMT and time.
    """
    group = light.event * n_pmt + light.pmt
    order = by_group_then_time(group, light.time)
    time = light.time[order]
    begins = beginnings(group[order], time, merging_time)
    rows = torch.nonzero(begins)[:, 0]
    total = torch.zeros(len(rows), dtype=charge.dtype, device=charge.device)
    total.index_add_(0, begins.cumsum(0) - 1, charge[order])
    first = order[rows]
    return Pulses(light.event[first], light.pmt[first], time[rows], total)


def beginnings(group: Tensor, time: Tensor, merging_time: float) -> Tensor:
    """Which of the ordered photoelectrons begin a pulse.

    All that follow the one before within the merging time join whatever pulse that belongs to or
    begin one; chains of them are settled pulse by pulse, all chains at once.
    """
    begins = torch.ones_like(group, dtype=torch.bool)
    near = (group[1:] == group[:-1]) & (time.diff() <= merging_time)
    begins[1:] = ~near
    rows = torch.nonzero(near)[:, 0] + 1
    start = torch.cummax(torch.where(begins, torch.arange(len(group), device=group.device), 0), 0)
    latest = start.values[rows]
    while len(rows):
        over = time[rows] - time[latest] > merging_time
        rows, latest = rows[over], latest[over]
        if not len(rows):
            break
        first = torch.ones_like(rows, dtype=torch.bool)
        first[1:] = latest[1:] != latest[:-1]
        begins[rows[first]] = True
        latest = rows[first][first.cumsum(0) - 1]
        rows, latest = rows[~first], latest[~first]
    return begins
