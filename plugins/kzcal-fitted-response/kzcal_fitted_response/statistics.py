"""What hits say of each PMT and of each type: counts, and histograms by charge and by residual.

The same statistics are taken of the data and of the translated photoelectrons, with the same
vertices, flight paths and windows, so that whatever they leave out they leave out of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.response.merging import Pulses
from kzcal_fitted_response.constants import Tubes
from kzcal_fitted_response.draws import EventTable, distance_to

LIGHT = (-15.0, 100.0)
"""Residuals of the hits that count as light, ns; the dark ones among them are taken off."""
DARK_BEFORE = -40.0
"""Residual below which hits of a physics trigger are dark, ns."""
CHARGE_STEP, N_CHARGE = 0.1, 40
"""Histogram of charges over the gain of the PMT."""
TIME_FIRST, TIME_STEP, N_TIME = -10.0, 0.5, 60
"""Histogram of residuals less the offset of the PMT, ns."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Where PMTs are and how residuals are made.

    Args:
        position: of the PMT that each cable reads, m.
        kind: type of each PMT.
        light_speed: m/ns.
        faint: energy over squared distance below which a PMT sees single photoelectrons mostly,
            MeV/m^2.
    """

    position: Float[Tensor, "pmt 3"]
    kind: Int[Tensor, " pmt"]
    light_speed: float
    faint: float


@dataclass(frozen=True, slots=True, eq=False)
class HitTable:
    """Hits with what the statistics need beside them.

    Args:
        pmt: cable.
        charge: p.e.
        residual: time less t0 and flight, ns; NaN in a forced trigger.
        light: hits that count as light.
        dark: hits that are dark for certain.
        single: of one photoelectron mostly: far from a faint event, or dark.
        distance: from the vertex, m; NaN in a forced trigger.
    """

    pmt: Int[Tensor, " hit"]
    charge: Float[Tensor, " hit"]
    residual: Float[Tensor, " hit"]
    light: Bool[Tensor, " hit"]
    dark: Bool[Tensor, " hit"]
    single: Bool[Tensor, " hit"]
    distance: Float[Tensor, " hit"]

    @classmethod
    def of(cls, pulses: Pulses, table: EventTable, view: View) -> HitTable:
        """Hits of events."""
        event, pmt = pulses.event, pulses.pmt
        distance = distance_to(table.vertex, view.position, event, pmt)
        residual = pulses.time - table.t0[event] - distance / view.light_speed
        used = table.used[event]
        light = used & (residual > LIGHT[0]) & (residual < LIGHT[1])
        dark = table.forced[event] | (used & (residual < DARK_BEFORE))
        faint = light & (table.energy[event] / distance**2 < view.faint)
        return cls(pmt, pulses.charge, residual, light, dark, faint | dark, distance)


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """For how long each PMT was looked at.

    Args:
        live: time in which hits count as light, ns.
        dark_live: time in which hits are dark for certain, by cable, ns.
    """

    live: float
    dark_live: Float[Tensor, " pmt"]

    @classmethod
    def of(cls, table: EventTable, view: View, window: tuple[Tensor, Tensor]) -> Exposure:
        """Of the events of a table, recorded in these windows."""
        live = (LIGHT[1] - LIGHT[0]) * int(table.used.sum())
        return cls(live, dark_exposure(table, view, window))


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Statistics of each PMT.

    Args:
        light: hits that count as light, dark ones among them.
        dark: hits that are dark for certain.
        charge: single hits by charge over gain.
        time: hits of light by residual less offset.
        exposure: of the events.
    """

    light: Float[Tensor, " pmt"]
    dark: Float[Tensor, " pmt"]
    charge: Float[Tensor, "pmt charge"]
    time: Float[Tensor, "pmt time"]
    exposure: Exposure

    @classmethod
    def of(cls, hits: HitTable, tubes: Tubes, exposure: Exposure) -> Counts:
        """Counts of hits, measured in the constants of each PMT."""
        n = len(tubes.gain)
        return cls(
            torch.bincount(hits.pmt[hits.light], minlength=n).double(),
            torch.bincount(hits.pmt[hits.dark], minlength=n).double(),
            charge_histogram(hits, tubes.gain),
            time_histogram(hits, tubes.time_offset),
            exposure,
        )

    @property
    def dark_live(self) -> Float[Tensor, " pmt"]:
        """Time in which hits are dark for certain, at least 1 ns."""
        return self.exposure.dark_live.clamp(min=1.0)

    @property
    def dark_rate(self) -> Float[Tensor, " pmt"]:
        """Dark hits above threshold, Hz."""
        return self.dark / self.dark_live * 1e9

    @property
    def signal(self) -> Float[Tensor, " pmt"]:
        """Hits of light without the dark ones among them."""
        return self.light - self.dark_rate * 1e-9 * self.exposure.live


def charge_histogram(hits: HitTable, gain: Float[Tensor, " pmt"]) -> Float[Tensor, "pmt charge"]:
    """Single hits of each PMT by charge over gain; larger charges are in the last bin."""
    rows = torch.nonzero(hits.single)[:, 0]
    pmt = hits.pmt[rows]
    column = (hits.charge[rows] / gain[pmt] / CHARGE_STEP).long().clamp(0, N_CHARGE - 1)
    total = torch.bincount(pmt * N_CHARGE + column, minlength=len(gain) * N_CHARGE)
    return total.reshape(-1, N_CHARGE).double()


def time_histogram(hits: HitTable, offset: Float[Tensor, " pmt"]) -> Float[Tensor, "pmt time"]:
    """Hits of light of each PMT by residual less offset, within the histogram."""
    position = (hits.residual - offset[hits.pmt] - TIME_FIRST) / TIME_STEP
    rows = torch.nonzero(hits.light & (position >= 0) & (position < N_TIME))[:, 0]
    index = hits.pmt[rows] * N_TIME + position[rows].long()
    total = torch.bincount(index, minlength=len(offset) * N_TIME)
    return total.reshape(-1, N_TIME).double()


def by_type(
    counts: Float[Tensor, "pmt bin"], kind: Int[Tensor, " pmt"], n_types: int
) -> Float[Tensor, "type bin"]:
    """Counts of all PMTs of a type together."""
    total = torch.zeros(n_types, counts.shape[1], dtype=counts.dtype, device=counts.device)
    return total.index_add_(0, kind, counts)


def pooled(
    counts: Float[Tensor, "pmt bin"], kind: Int[Tensor, " pmt"], n_types: int
) -> Float[Tensor, "type bin"]:
    """Shares of the bins, all PMTs of a type together; none is zero."""
    total = by_type(counts, kind, n_types) + 0.5
    share: Tensor = total / total.sum(1, keepdim=True)
    return share


def dark_exposure(
    table: EventTable, view: View, window: tuple[Tensor, Tensor], *, chunk: int = 2000
) -> Float[Tensor, " pmt"]:
    """Time in which each PMT's hits are dark for certain, ns."""
    begin, end = window
    used = torch.nonzero(table.used)[:, 0]
    total = (end - begin)[table.forced].double().sum().expand(len(view.kind)).clone()
    for rows in torch.tensor_split(used, max(len(used) // chunk, 1)):
        flight = torch.cdist(table.vertex[rows], view.position) / view.light_speed
        open_for = table.t0[rows, None] + flight + DARK_BEFORE - begin[rows, None]
        total += open_for.clamp(min=0).double().sum(0)
    return total


def medians(
    value: Float[Tensor, " row"], group: Int[Tensor, " row"], n_groups: int
) -> Float[Tensor, " group"]:
    """Median of each group's values; NaN of an empty one."""
    order = torch.argsort(value)
    order = order[torch.argsort(group[order], stable=True)]
    counts = torch.bincount(group, minlength=n_groups)
    middle = counts.cumsum(0) - (counts + 1) // 2
    found = torch.full((n_groups,), torch.nan, device=value.device)
    filled = counts > 0
    found[filled] = value[order[middle[filled]]]
    return found
