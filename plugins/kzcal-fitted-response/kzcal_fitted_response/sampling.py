"""From photoelectrons to reported hits with learned shapes: as kzcal.response, term by term.

A photoelectron of light is kept with the efficiency of its PMT; its pulse is late by the transit
time, the cable and now and then by a further delay. Pulses of a PMT closer than the merging time
are one: charges add up, the time is that of the first. The discriminator passes or drops it; a
small pulse reads late, a large charge reads low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.photoelectrons import Photoelectrons
from kzcal.response.merging import Pulses, beginnings, by_group_then_time
from kzcal.response.strays import joined
from kzcal_fitted_response.constants import Constants
from kzcal_fitted_response.draws import CHARGE, CORE, DELAY, KEEP, KIND, NOISE, Draws
from kzcal_fitted_response.grids import (
    DELAY_EDGES,
    NO_DELAY,
    SIGHT_NODES,
    WALK_NODES,
    core_edges,
    drawn,
    interpolated,
    share_below,
)


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Photoelectrons as their PMTs answer them, light first and then dark pulses.

    Args:
        at: photoelectrons by cable, with the time of the pulse.
        charge: p.e.
        core: standardised charge of the main part; NaN for one of the low exponential.
        transit: standardised transit time; NaN for a dark pulse.
        delay: bin of the further delay; -1 for a dark pulse.
        noise: uniform number for the discriminator.
    """

    at: Photoelectrons
    charge: Float[Tensor, " pe"]
    core: Float[Tensor, " pe"]
    transit: Float[Tensor, " pe"]
    delay: Int[Tensor, " pe"]
    noise: Float[Tensor, " pe"]


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """Hits, and what made them.

    Args:
        pulses: by event, PMT and time.
        first: row in the arrivals of each hit's first photoelectron.
        single: hits of one photoelectron.
        arrivals: of all photoelectrons.
    """

    pulses: Pulses
    first: Int[Tensor, " hit"]
    single: Bool[Tensor, " hit"]
    arrivals: Arrivals


def report(
    constants: Constants,
    kind: Int[Tensor, " pmt"],
    draws: Draws,
    distance: Float[Tensor, " pe"],
    window: tuple[Float[Tensor, " event"], Float[Tensor, " event"]],
) -> Reported:
    """Report hits.

    Args:
        constants: the response.
        kind: type of each PMT, which both ends of exchanged cables have.
        draws: photoelectrons and random numbers.
        distance: from the event's vertex to each photoelectron of light, m; NaN without a vertex.
        window: begin and end of each event's recording, ns.
    """
    arrivals = _arrivals(constants, kind, draws, distance)
    at, readout = arrivals.at, constants.readout
    group = at.event * len(kind) + at.pmt
    order = by_group_then_time(group, at.time)
    time = at.time[order]
    begins = beginnings(group[order], time, float(readout.merging_time))
    rows = torch.nonzero(begins)[:, 0]
    pulse = begins.cumsum(0) - 1
    charge = torch.zeros(len(rows), device=time.device).index_add_(
        0, pulse, arrivals.charge[order]
    )
    size = torch.diff(rows, append=rows.new_tensor([len(order)]))
    return _passed(
        constants,
        kind,
        arrivals,
        Pulses(at.event[order[rows]], at.pmt[order[rows]], time[rows], charge),
        order[rows],
        size == 1,
        window,
    )


def chance_of_light(
    constants: Constants,
    kind: Int[Tensor, " pmt"],
    cable: Int[Tensor, " pe"],
    distance: Float[Tensor, " pe"],
) -> Float[Tensor, " pe"]:
    """Chance that a photoelectron at the ceiling is one of its PMT, at most 1."""
    tubes, shapes = constants.tubes, constants.shapes
    own = tubes.alive * tubes.qe / constants.readout.ceiling
    nodes = torch.tensor(SIGHT_NODES, device=distance.device)
    sight = interpolated(shapes.sight, nodes, kind[cable], distance.nan_to_num(SIGHT_NODES[0]))
    return (own[cable] * torch.where(torch.isnan(distance), 1.0, sight)).clamp(max=1.0)


def _arrivals(constants: Constants, kind: Tensor, draws: Draws, distance: Tensor) -> Arrivals:
    tubes, numbers = constants.tubes, draws.light_numbers
    cable = tubes.cable[draws.light.pmt]
    chance = chance_of_light(constants, kind, cable, distance)
    kept = torch.nonzero(numbers[KEEP] < chance)[:, 0]
    rate = torch.where(tubes.alive, tubes.dark_rate / draws.dark_drawn.clamp(min=1e-9), 0.0)
    dark = torch.nonzero(draws.dark_numbers[KEEP] < rate[draws.dark.pmt])[:, 0]
    pmt, light = cable[kept], draws.light
    late, transit, delay = _lateness(constants, kind, pmt, numbers[:, kept])
    at = joined(
        Photoelectrons(light.event[kept], pmt, light.time[kept] + late),
        Photoelectrons(draws.dark.event[dark], draws.dark.pmt[dark], draws.dark.time[dark]),
    )
    own = torch.cat([numbers[KIND:, kept], draws.dark_numbers[KIND:, dark]], dim=1)
    charge, core = _charges(constants, kind, at.pmt, own)
    padding = (0, len(dark))
    return Arrivals(
        at,
        charge,
        core,
        torch.nn.functional.pad(transit, padding, value=math.nan),
        torch.nn.functional.pad(delay, padding, value=-1),
        own[NOISE - KIND],
    )


def _lateness(
    constants: Constants, kind: Tensor, pmt: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Delay of the pulse, its standardised transit time, and the bin of the further delay."""
    tubes, shapes, of = constants.tubes, constants.shapes, kind[pmt]
    transit = drawn(shapes.transit, core_edges(pmt.device), of, numbers[CORE])
    edges = torch.tensor(DELAY_EDGES, device=pmt.device)
    further = drawn(shapes.delay, edges, of, numbers[DELAY])
    row = (torch.searchsorted(edges, further, right=True) - 1).clamp(0, len(edges) - 2)
    further = torch.where(row == NO_DELAY, 0.0, further)
    return tubes.time_offset[pmt] + tubes.tts[pmt] * transit + further, transit, row


def _charges(
    constants: Constants, kind: Tensor, pmt: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """Charge of each photoelectron, p.e., never negative, and its place in the main part."""
    tubes, shapes, of = constants.tubes, constants.shapes, kind[pmt]
    low = numbers[0] < shapes.low_share[of]
    uniform, edges = numbers[CHARGE - KIND], core_edges(pmt.device)
    negative = share_below(shapes.charge, edges, kind, -1 / tubes.spe_width)[pmt]
    core = drawn(shapes.charge, edges, of, torch.lerp(negative, torch.ones_like(uniform), uniform))
    main = (1 + tubes.spe_width[pmt] * core).clamp(min=0)
    small = -shapes.low_scale[of] * torch.log1p(-uniform.clamp(max=1 - 1e-7))
    return tubes.gain[pmt] * torch.where(low, small, main), torch.where(low, math.nan, core)


def _passed(
    constants: Constants,
    kind: Tensor,
    arrivals: Arrivals,
    pulses: Pulses,
    first: Tensor,
    single: Tensor,
    window: tuple[Tensor, Tensor],
) -> Reported:
    """Pass pulses through the discriminator and read them."""
    shapes, readout = constants.shapes, constants.readout
    of, charge = kind[pulses.pmt], pulses.charge
    quantile = (2 * arrivals.noise[first] - 1).clamp(-1 + 1e-6, 1 - 1e-6)
    level = shapes.threshold[of] + shapes.threshold_width[of] * math.sqrt(2) * torch.erfinv(
        quantile
    )
    time = pulses.time + walk_of(constants, of, charge)
    begin, end = (edge[pulses.event] for edge in window)
    kept = torch.nonzero((charge > level) & (time >= begin) & (time <= end))[:, 0]
    read = charge[kept] / (1 + charge[kept] / readout.saturation)
    found = Pulses(
        pulses.event[kept],
        pulses.pmt[kept],
        _rounded(time[kept], readout.time_step),
        _rounded(read, readout.charge_step),
    )
    return Reported(found, first[kept], single[kept], arrivals)


def walk_of(
    constants: Constants, of: Int[Tensor, " hit"], charge: Float[Tensor, " hit"]
) -> Float[Tensor, " hit"]:
    """By how much a pulse of this charge [p.e.] of this type reads late, ns."""
    nodes = torch.tensor(WALK_NODES, device=charge.device).log()
    return interpolated(constants.shapes.walk, nodes, of, charge.clamp(min=1e-3).log())


def _rounded(value: Tensor, step: Tensor) -> Tensor:
    return value if float(step) == 0 else (value / step).round() * step
