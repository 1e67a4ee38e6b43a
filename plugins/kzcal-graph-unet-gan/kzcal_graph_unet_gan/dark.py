"""Dark hits: how often each PMT reports one, counted where there is no light."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from kzcal.calibrate.config import CalibrationConfig
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.response.translator import FORCED_WINDOW, PHYSICS_WINDOW
from kzcal.translate.maps import expected

MARGIN = CalibrationConfig().dark_margin
"""Hits so much earlier than light can be dark only, ns."""
EVENTS_AT_ONCE = 512


def reporting(events: Events, detector: Detector) -> Bool[np.ndarray, " pmt"]:
    """PMTs that report at least one hit; the others count as dead."""
    return np.bincount(events.hits.pmt, minlength=detector.n_pmt) > 0


def dark_rates(
    events: Events, detector: Detector, alive: Bool[np.ndarray, " pmt"]
) -> Float64[np.ndarray, " pmt"]:
    """Reported dark hits per ns of every PMT, from before the light and from forced triggers.

    Rates of the PMTs of a type are taken to be drawn from a gamma distribution, whose mean and
    variance are those of the rates less the scatter of their counts: with little exposure a rate
    is near its type's mean, with much it is the PMT's own.

    Args:
        events: with reported hits, forced triggers among them.
        detector: whose PMTs these are.
        alive: PMTs that report anything; the others get rate 0.
    """
    count, exposure = np.zeros(detector.n_pmt), np.zeros(detector.n_pmt)
    for start in range(0, len(events), EVENTS_AT_ONCE):
        found, span = _counted(events[start : start + EVENTS_AT_ONCE], detector)
        count, exposure = count + found, exposure + span
    rate = np.zeros(detector.n_pmt)
    for kind in np.unique(detector.diameter_inch):
        rows = np.flatnonzero((detector.diameter_inch == kind) & alive)
        if len(rows) and exposure[rows].min() > 0:
            rate[rows] = _shrunk(count[rows], exposure[rows])
    return rate


def _counted(
    events: Events, detector: Detector
) -> tuple[Float64[np.ndarray, " pmt"], Float64[np.ndarray, " pmt"]]:
    """Dark hits of every PMT, and for how long it could have had some, ns."""
    event = torch.from_numpy(events.hits.event_index)
    pmt = torch.from_numpy(events.hits.pmt.astype(np.int64))
    known = torch.from_numpy(events.physics & np.isfinite(events.t0))
    forced = torch.from_numpy(events.forced)
    begin = _earliest(events, detector)
    time = torch.from_numpy(events.hits.time.astype(np.float64))
    dark = (known[event] & (time < begin[event, pmt])) | forced[event]
    count = torch.bincount(pmt[dark], minlength=detector.n_pmt).double()
    before = (begin - PHYSICS_WINDOW[0]).clamp(min=0)[known].sum(0)
    span = before + float(forced.sum()) * (FORCED_WINDOW[1] - FORCED_WINDOW[0])
    return count.numpy(), span.numpy()


def _earliest(events: Events, detector: Detector) -> Float[Tensor, "event pmt"]:
    """When the first light could come to each PMT, less the margin, ns."""
    event = torch.arange(len(events)).repeat_interleave(detector.n_pmt)
    pmt = torch.arange(detector.n_pmt).repeat(len(events))
    arrival = expected(events, event, pmt, detector)
    return arrival.reshape(len(events), -1) - MARGIN


def _shrunk(
    count: Float64[np.ndarray, " pmt"], exposure: Float64[np.ndarray, " pmt"]
) -> Float64[np.ndarray, " pmt"]:
    """Mean rates given the counts, for rates drawn from one gamma distribution."""
    mean = count.sum() / exposure.sum()
    if mean == 0:
        return np.zeros(len(count))
    scatter = np.mean((count / exposure - mean) ** 2) - mean * np.mean(1 / exposure)
    prior = mean / max(scatter, 1e-4 * mean**2)
    return np.asarray((count + mean * prior) / (exposure + prior))


def dark_hits(
    rate: Float[Tensor, " pmt"],
    window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]],
    *,
    generator: torch.Generator,
) -> tuple[Int[Tensor, " hit"], Int[Tensor, " hit"], Float[Tensor, " hit"]]:
    """Event, PMT and time of dark hits.

    Args:
        rate: per ns.
        window: begin and end of each event's recording, ns.
        generator: source of randomness.
    """
    begin, end = window
    mean = ((end - begin)[:, None] * rate).double()
    n = torch.poisson(mean, generator=generator).long()
    event, pmt = torch.nonzero(n, as_tuple=True)
    many = n[event, pmt]
    event, pmt = event.repeat_interleave(many), pmt.repeat_interleave(many)
    uniform = torch.rand(len(event), generator=generator, device=rate.device)
    return event, pmt, torch.lerp(begin[event], end[event], uniform)
