"""Photoelectrons drawn from a light map, event by event for whole blocks of events.

An event's points of emission lie close together beside the distance to the PMTs. So
photoelectrons are proposed for the centre of its light, from one distribution over PMTs per
event, and each is kept with the ratio of its own point's collection to the proposal's. Bounds on
how steep the map is keep the ratio below one, for all but a hundredth of the light at a radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.light import PROFILE_COMPONENTS, LightSites
from kzcal.optics.light_map_bounds import CENTRE_M
from kzcal.optics.light_map_cone import largest_density, ring_density, straight_share
from kzcal.optics.light_map_delays import draw_delay
from kzcal.optics.light_map_emissions import Emissions
from kzcal.optics.light_map_grid import RadiusPosition, angle_position
from kzcal.photoelectrons import Photoelectrons

if TYPE_CHECKING:
    from kzcal.optics.light_map import LightMap

EVENTS_AT_ONCE = {"cpu": 64, "cuda": 4096}
"""So many that a CPU's caches hold what one step needs, and a GPU is busy."""

SAME_POINT = 1e-3
"""Points whose collections differ by less than this share count as the centre of the light."""


def sample_light(
    light_map: LightMap, sites: LightSites, *, generator: torch.Generator
) -> Photoelectrons:
    """Draw photoelectrons for PMTs of the map's ``ceiling``, on the map's device."""
    device = light_map.radius.device
    at_once = EVENTS_AT_ONCE.get(device.type, EVENTS_AT_ONCE["cuda"])
    tables = _DelayTables.of(light_map)
    parts = [
        _sample_block(light_map, tables, block, generator)
        for block in Emissions.of(sites, device).blocks(at_once)
    ]
    none = torch.zeros(0, dtype=torch.long, device=device)
    parts.append(Photoelectrons(none, none, none.float()))
    return Photoelectrons(
        *(torch.cat([getattr(p, name) for p in parts]) for name in Photoelectrons.__slots__)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _DelayTables:
    """Delays by node, Cherenkov's types after scintillation's, and profiles of scintillation."""

    quantile: Float[Tensor, "node quantile"]
    edges: Float[Tensor, "profile component"]
    decay_time: Float[Tensor, "profile component"]
    rise_time: float

    @classmethod
    def of(cls, light_map: LightMap) -> _DelayTables:
        both = torch.cat([light_map.delay_quantile, light_map.cherenkov_quantile])
        profiles = both.new_tensor(PROFILE_COMPONENTS)
        weight, decay_time = profiles.unbind(-1)
        edges = (weight / weight.sum(1, keepdim=True)).cumsum(1)
        return cls(
            both.reshape(-1, both.shape[-1]),
            edges,
            light_map.light.decay_scale * decay_time,
            light_map.light.rise_time,
        )

    def scintillation(
        self, profile: Int[Tensor, " pe"], *, generator: torch.Generator
    ) -> Float[Tensor, " pe"]:
        """Time from the deposit to the photon [ns]: a rise and a decay, one after the other."""
        chance = torch.rand(3, len(profile), generator=generator, device=profile.device)
        component = profile * self.edges.shape[1]
        for edge in self.edges[:, :-1].T.contiguous():
            component += chance[0] >= edge.take(profile)
        decay = chance[1].neg_().log1p_().mul_(self.decay_time.take(component))
        return decay.add_(chance[2].neg_().log1p_(), alpha=self.rise_time).neg_()


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """Straight ways from points of emission to PMTs.

    Args:
        emission: row of the point.
        kind: type of the PMT, of Cherenkov light after those of scintillation.
        angle: position of the angle among the map's nodes.
        distance: m.
    """

    emission: Int[Tensor, " way"]
    kind: Int[Tensor, " way"]
    angle: Float[Tensor, " way"]
    distance: Float[Tensor, " way"]

    @classmethod
    def of(
        cls,
        light_map: LightMap,
        light: Emissions,
        emission: Int[Tensor, " way"],
        pmt: Int[Tensor, " way"],
    ) -> _Ways:
        outer = light_map.pmt_radius
        square = (light.position**2).sum(1)
        inverse = square.sqrt().clamp(min=CENTRE_M).reciprocal()
        known = torch.cat(
            [light.position, (square + outer**2)[:, None], inverse[:, None]], dim=1
        ).index_select(0, emission)
        x, y, z, squares, inverse = known.unbind(1)
        nx, ny, nz = light_map.direction.index_select(0, pmt).unbind(1)
        along = torch.addcmul(torch.addcmul(x * nx, y, ny), z, nz)
        n_types = len(light_map.log_collection)
        shift = (n_types * light.cherenkov).take(emission)
        return cls(
            emission,
            light_map.kind.take(pmt) + shift,
            angle_position(along * inverse, len(light_map.cosine)),
            torch.add(squares, along, alpha=-2 * outer).clamp_(min=1e-4).sqrt_(),
        )

    def log_collection(
        self, light_map: LightMap, place: RadiusPosition, rows: Int[Tensor, " row"]
    ) -> Float[Tensor, " row"]:
        """Log of photoelectrons per photon on some of the ways; ``place`` is of the points."""
        point = self.emission.take(rows)
        found = RadiusPosition(
            place.index.take(point), place.share.take(point), place.step.take(point)
        )
        return light_map.surface.at_points(found, self.kind.take(rows), self.angle.take(rows))

    def node(
        self, light_map: LightMap, place: RadiusPosition, *, generator: torch.Generator
    ) -> Int[Tensor, " way"]:
        """One of the nodes around each way, with the probabilities of linear interpolation."""
        device = self.kind.device
        chance = torch.rand(2, len(self.kind), generator=generator, device=device)
        n_radii, n_cosines = len(light_map.radius), len(light_map.cosine)
        ring = (place.index + place.share).take(self.emission)
        ring = (ring + chance[0]).long().clamp_(max=n_radii - 1)
        column = (self.angle + chance[1]).long().clamp_(max=n_cosines - 1)
        return (self.kind * n_radii + ring) * n_cosines + column


def _sample_block(
    light_map: LightMap, tables: _DelayTables, light: Emissions, generator: torch.Generator
) -> Photoelectrons:
    first = light.event[0]
    event = light.event - first
    n_events = int(event[-1]) + 1
    centre = _centres(light, event, n_events)
    excess = _excess(light_map, light, centre[event])
    at_centre = light_map.collection(centre)
    ring = _largest_ring(light_map, light)
    expected = light.mean * light_map.ceiling * torch.exp(excess) * ring
    proposed = _propose(at_centre, expected, event, generator)
    lit = _on_ring(light_map, light, proposed[1], proposed[2], ring, generator=generator)
    owner, emission, pmt = (column.masked_select(lit) for column in proposed)
    ways = _Ways.of(light_map, light, emission, pmt)
    place = light_map.surface.radius_position(light.position.norm(dim=1))
    tested = torch.nonzero(((excess > 0) | light.cherenkov).take(emission))[:, 0]
    cell = (owner * light_map.n_pmt + pmt).take(tested)
    bound = at_centre.take(cell).log_() + excess.take(emission.take(tested))
    chance = torch.rand(tested.shape, generator=generator, device=tested.device).log_()
    refused = chance + bound >= ways.log_collection(light_map, place, tested)
    kept = torch.ones(len(pmt), dtype=torch.bool, device=pmt.device)
    kept.index_fill_(0, tested.masked_select(refused), value=False)
    node = ways.node(light_map, place, generator=generator)
    time = draw_delay(tables.quantile, node, generator=generator)
    time = time.add_(light.time.take(emission)).add_(ways.distance, alpha=1 / light_map.speed)
    glow = tables.scintillation(light.profile.take(emission), generator=generator)
    time = time.addcmul_(glow, (~light.cherenkov).to(time).take(emission))
    return Photoelectrons(
        (first + owner).masked_select(kept), pmt.masked_select(kept), time.masked_select(kept)
    )


def _largest_ring(light_map: LightMap, light: Emissions) -> Float[Tensor, " emission"]:
    """Largest light of a track at any angle, over that of random tracks."""
    ring = 1 + light_map.straight_share.max() * (largest_density(light.cone) - 1).clamp(min=0)
    return torch.where(light.cherenkov, ring, 1.0)


def _on_ring(
    light_map: LightMap,
    light: Emissions,
    emission: Int[Tensor, " way"],
    pmt: Int[Tensor, " way"],
    largest: Float[Tensor, " emission"],
    *,
    generator: torch.Generator,
) -> Bool[Tensor, " way"]:
    """Which proposals stay, where a track sends less light than it may at most."""
    rows = torch.nonzero(light.cherenkov.take(emission))[:, 0]
    point = emission.take(rows)
    goal = light_map.pmt_radius * light_map.direction.index_select(0, pmt.take(rows))
    way = goal - light.position.index_select(0, point)
    distance = way.norm(dim=1).clamp_(min=1e-2)
    cosine = (way * light.direction.index_select(0, point)).sum(1) / distance
    share = straight_share(light_map.straight_share, distance)
    weight = 1 + share * (ring_density(cosine, light.cone.take(point)) - 1)
    chance = torch.rand(rows.shape, generator=generator, device=rows.device)
    refused = chance * largest.take(point) >= weight
    lit = torch.ones(len(pmt), dtype=torch.bool, device=pmt.device)
    return lit.index_fill_(0, rows.masked_select(refused), value=False)


def _centres(
    light: Emissions, event: Int[Tensor, " emission"], n_events: int
) -> Float[Tensor, "event 3"]:
    """Centre of each event's light, m."""
    moment = torch.cat([light.position, torch.ones_like(light.mean)[:, None]], dim=1)
    moment = moment * light.mean[:, None]
    total = moment.new_zeros(n_events, 4).index_add_(0, event, moment)
    return total[:, :3] / total[:, 3:].clamp(min=1e-30)


def _excess(
    light_map: LightMap, light: Emissions, centre: Float[Tensor, "emission 3"]
) -> Float[Tensor, " emission"]:
    """Bound on the log of a point's collection over that at the centre of its event's light."""
    surface, bounds = light_map.surface, light_map.bounds
    inner, outer = light.position.norm(dim=1), centre.norm(dim=1)
    here, there = surface.radius_position(inner).index, surface.radius_position(outer).index
    steepness = torch.maximum(bounds.steepness[here], bounds.steepness[there])
    excess = (light.position - centre).norm(dim=1) * steepness + bounds.jump * (here != there)
    same = (excess < SAME_POINT) & ~light.cherenkov
    return torch.where(same, 0.0, excess + bounds.cherenkov * light.cherenkov)


def _propose(
    at_centre: Float[Tensor, "event pmt"],
    expected: Float[Tensor, " emission"],
    event: Int[Tensor, " emission"],
    generator: torch.Generator,
) -> tuple[Int[Tensor, " pe"], Int[Tensor, " pe"], Int[Tensor, " pe"]]:
    """Event, emission and PMT of proposed photoelectrons."""
    n_events, n_pmt = at_centre.shape
    device = at_centre.device
    below = at_centre.double().cumsum(1)
    total = below[:, -1:]
    count = torch.poisson(expected * total[event, 0].float(), generator=generator).long()
    emission = torch.repeat_interleave(count)
    owner = event.take(emission)
    rung = torch.arange(n_events, device=device)[:, None]
    ladder = (below / total + rung).view(-1)
    height = torch.rand(len(owner), generator=generator, device=device) + owner.double()
    pmt = torch.searchsorted(ladder, height, right=True) - owner * n_pmt
    return owner, emission, pmt.clamp_(0, n_pmt - 1)
