"""Dense maps of hits, one entry per event, PMT and pulse, as networks take them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events, Hits
from kzcal.optics.acceptance import sightline_of_hits

LIGHT_SPEED = CalibrationConfig().light_speed
"""Speed at which light is first taken to travel, m/ns, as in a calibration."""


@dataclass(frozen=True, slots=True, eq=False)
class HitMaps:
    """The first hits of every PMT in every event.

    Args:
        present: whether the PMT has so many hits in the event.
        charge: p.e.; zero where there is no hit.
        time: residual, hit time less t0 and less the time of flight from the reconstructed
            vertex, ns; without a vertex, as in forced triggers, the hit time itself; zero where
            there is no hit.
        left_out: hits that came after the first ones of their PMT and are not here.
    """

    present: Bool[Tensor, "event pmt pulse"]
    charge: Float[Tensor, "event pmt pulse"]
    time: Float[Tensor, "event pmt pulse"]
    left_out: int = 0

    @classmethod
    def of(
        cls,
        events: Events,
        detector: Detector,
        pulses: int = 2,
        *,
        device: torch.device | str = "cpu",
    ) -> HitMaps:
        """Maps of events.

        Args:
            events: with their hits.
            detector: whose PMTs these belong to.
            pulses: how many hits of a PMT in an event are kept, the earliest ones.
            device: where the maps shall live.

        Raises:
            ConfigurationError: no pulse is kept.
        """
        if pulses < 1:
            message = f"maps hold at least one pulse of a PMT, got pulses={pulses}"
            raise ConfigurationError(message)
        event, pmt = (torch.from_numpy(column) for column in _pairs(events.hits))
        arrival = torch.from_numpy(events.hits.time.astype(np.float64))
        charge = torch.from_numpy(np.ascontiguousarray(events.hits.charge))
        order, rank = _ranked(event * detector.n_pmt + pmt, arrival)
        kept = rank < pulses
        hit, place = order[kept], (event[order[kept]], pmt[order[kept]], rank[kept])
        maps = cls.none(len(events), detector.n_pmt, pulses, left_out=len(order) - len(hit))
        maps.present[place] = True
        maps.charge[place] = charge[hit]
        residual = arrival - expected(events, event, pmt, detector)
        maps.time[place] = residual[hit].float()
        return maps.to(device)

    @classmethod
    def none(cls, n_events: int, n_pmt: int, pulses: int, *, left_out: int = 0) -> HitMaps:
        """Maps without a hit."""
        shape = (n_events, n_pmt, pulses)
        absent = torch.zeros(shape, dtype=torch.bool)
        return cls(absent, torch.zeros(shape), torch.zeros(shape), left_out)

    def to(self, device: torch.device | str) -> HitMaps:
        """The same maps on another device."""
        present, charge, time = (x.to(device) for x in (self.present, self.charge, self.time))
        return HitMaps(present, charge, time, self.left_out)

    def __len__(self) -> int:
        """Number of events."""
        return len(self.present)


def events_of(maps: HitMaps, like: Events, detector: Detector) -> Events:
    """Events with the hits of maps, sorted by time.

    Args:
        maps: of as many events; where ``present`` is False nothing else counts.
        like: the events whose other columns these have.
        detector: of the maps.
    """
    event, pmt, pulse = torch.nonzero(maps.present.cpu(), as_tuple=True)
    arrival = maps.time.detach().cpu()[event, pmt, pulse].double()
    arrival = (arrival + expected(like, event, pmt, detector)).float()
    order, _ = _ranked(event, arrival)
    charge = maps.charge.detach().cpu()[event, pmt, pulse]
    hits = Hits.from_counts(
        torch.bincount(event, minlength=len(like)).numpy(),
        pmt[order].numpy().astype(np.uint16),
        arrival[order].numpy(),
        charge[order].float().numpy(),
    )
    return replace(like, hits=hits)


def expected(
    events: Events, event: Int[Tensor, " hit"], pmt: Int[Tensor, " hit"], detector: Detector
) -> Float[Tensor, " hit"]:
    """When light of an event's vertex reaches a PMT, t0 included, ns; 0 without a vertex.

    Args:
        events: with vertices and t0.
        event: row of the event of each hit.
        pmt: cable number of each hit.
        detector: where the PMTs are.
    """
    known = np.isfinite(events.vertex).all(axis=1) & np.isfinite(events.t0) & events.physics
    vertex = torch.from_numpy(np.nan_to_num(events.vertex).astype(np.float64))
    t0 = torch.from_numpy(np.where(known, events.t0, 0.0).astype(np.float64))
    direction = torch.from_numpy(np.ascontiguousarray(detector.directions))
    view = sightline_of_hits(vertex[event], direction[pmt], detector.pmt_radius)
    flight = torch.where(torch.from_numpy(known)[event], view.distance / LIGHT_SPEED, 0.0)
    return t0[event] + flight


def _pairs(hits: Hits) -> tuple[np.ndarray, np.ndarray]:
    """Event row and cable number of each hit."""
    return hits.event_index.astype(np.int64), hits.pmt.astype(np.int64)


def _ranked(
    group: Int[Tensor, " hit"], time: Float[Tensor, " hit"]
) -> tuple[Int[Tensor, " hit"], Int[Tensor, " hit"]]:
    """Hits by group, then by time; and how many of the group come before each."""
    order = torch.argsort(time, stable=True)
    order = order[torch.argsort(group[order], stable=True)]
    _, counts = torch.unique_consecutive(group[order], return_counts=True)
    first = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    return order, torch.arange(len(order)) - first
