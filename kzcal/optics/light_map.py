"""Light that every PMT collects from a point, and when: tables over radius and angle.

In a spherically symmetric detector whose PMTs face the centre, what a PMT collects of a point's
isotropic light depends on the PMT's type, the point's radius and the cosine of the angle between
the point and the PMT, seen from the centre. The tables come from the full tracer; between their
nodes they are smooth, so that collections have gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.geometry.light import LightParameters
from kzcal.light import LightSites
from kzcal.optics.light_map_bounds import CENTRE_M, Bounds
from kzcal.optics.light_map_cone import N_DISTANCES
from kzcal.optics.light_map_delays import share_below
from kzcal.optics.light_map_grid import (
    Surface,
    angle_position,
    angle_slope,
    polynomial,
    polynomial_slope,
)
from kzcal.optics.light_map_sampling import sample_light
from kzcal.optics.light_map_scales import SCALES, moved_light
from kzcal.photoelectrons import Photoelectrons

SPEED = 0.1975
"""Of the straight way that delays are counted from, m/ns: a convention, near the group velocity
in scintillator at 420 nm."""

Table = Float[Tensor, "type radius cosine"]


@dataclass(frozen=True, slots=True, eq=False)
class NodeShares:
    """Where vertices lie between the nodes of a map, for tables that are linear between nodes.

    Args:
        radius_index: node below each vertex.
        radius_share: share of the way to the next node.
        cosine_index: node below each PMT's cosine.
        cosine_share: share of the way to the next node.
    """

    radius_index: Int[Tensor, " event"]
    radius_share: Float[Tensor, " event"]
    cosine_index: Int[Tensor, "event pmt"]
    cosine_share: Float[Tensor, "event pmt"]


@dataclass(frozen=True, slots=True, eq=False)
class LightMap:
    """Collection and delays of light at nodes; all tensors on one device.

    Args:
        radius: nodes, m; a boundary between media that emit light stands twice.
        cosine: nodes, from ``cosine_nodes``.
        log_collection: log of photoelectrons per scintillation photon, in a PMT of relative
            efficiency 1.
        delay_quantile: of arrival less emission less distance over ``speed``, at the
            probabilities QUANTILES, ns.
        slopes: derivatives of ``log_collection`` by the logarithms of SCALES.
        log_cherenkov: as ``log_collection``, of Cherenkov photons, averaged over directions.
        cherenkov_quantile: delays of Cherenkov photons, ns.
        straight_share: share of Cherenkov light that has its cone's direction, by distance.
        direction: unit vectors to the PMTs.
        kind: type of each PMT.
        pmt_radius: of the sphere of the PMTs, m.
        light: the light that the tables hold for.
        ceiling: relative efficiency of the PMTs that photoelectrons are drawn for.
        speed: m/ns.
        surface: splines through both collections, Cherenkov's types after scintillation's.
        bounds: how much these can differ between two points.
    """

    radius: Float[Tensor, " radius"]
    cosine: Float[Tensor, " cosine"]
    log_collection: Table
    delay_quantile: Float[Tensor, "type radius cosine quantile"]
    slopes: Float[Tensor, "scale type radius cosine"]
    log_cherenkov: Table
    cherenkov_quantile: Float[Tensor, "type radius cosine quantile"]
    straight_share: Float[Tensor, " distance"]
    direction: Float[Tensor, "pmt 3"]
    kind: Int[Tensor, " pmt"]
    pmt_radius: float
    light: LightParameters
    ceiling: float
    speed: float
    surface: Surface
    bounds: Bounds

    @classmethod
    def from_tables(
        cls,
        detector: Detector,
        radius: Float64[np.ndarray, " radius"],
        cosine: Float64[np.ndarray, " cosine"],
        log_collection: Float64[np.ndarray, "type radius cosine"],
        delay_quantile: Float64[np.ndarray, "type radius cosine quantile"],
        *,
        slopes: Float64[np.ndarray, "scale type radius cosine"] | None = None,
        log_cherenkov: Float64[np.ndarray, "type radius cosine"] | None = None,
        cherenkov_quantile: Float64[np.ndarray, "type radius cosine quantile"] | None = None,
        straight_share: Float64[np.ndarray, " distance"] | None = None,
        speed: float = SPEED,
        ceiling: float = 1.6,
        device: torch.device | str = "cpu",
    ) -> LightMap:
        """A map of tables; without its own, Cherenkov light is treated as scintillation is."""

        def tensor(table: np.ndarray) -> Tensor:
            return torch.tensor(table, dtype=torch.float32, device=device)

        if slopes is None:
            slopes = np.zeros((len(SCALES), *log_collection.shape))
        if log_cherenkov is None:
            log_cherenkov = log_collection
        if cherenkov_quantile is None:
            cherenkov_quantile = delay_quantile
        if straight_share is None:
            straight_share = np.zeros(N_DISTANCES)
        both = tensor(np.concatenate([log_collection, log_cherenkov]))
        surface = Surface.through(tensor(radius), both)
        kind = np.unique(detector.diameter_inch, return_inverse=True)[1]
        return cls(
            radius=tensor(radius),
            cosine=tensor(cosine),
            log_collection=tensor(log_collection),
            delay_quantile=tensor(delay_quantile),
            slopes=tensor(slopes),
            log_cherenkov=tensor(log_cherenkov),
            cherenkov_quantile=tensor(cherenkov_quantile),
            straight_share=tensor(straight_share),
            direction=tensor(detector.directions),
            kind=torch.as_tensor(kind, device=device),
            pmt_radius=detector.pmt_radius,
            light=detector.light,
            ceiling=ceiling,
            speed=speed,
            surface=surface,
            bounds=Bounds.of(surface, both),
        )

    def to(self, device: torch.device | str) -> LightMap:
        """The same map on another device."""
        return replace(
            self,
            radius=self.radius.to(device),
            cosine=self.cosine.to(device),
            log_collection=self.log_collection.to(device),
            delay_quantile=self.delay_quantile.to(device),
            slopes=self.slopes.to(device),
            log_cherenkov=self.log_cherenkov.to(device),
            cherenkov_quantile=self.cherenkov_quantile.to(device),
            straight_share=self.straight_share.to(device),
            direction=self.direction.to(device),
            kind=self.kind.to(device),
            surface=self.surface.to(device),
            bounds=self.bounds.to(device),
        )

    @property
    def n_pmt(self) -> int:
        """Number of PMTs."""
        return len(self.kind)

    def collection(self, vertex: Float[Tensor, "event 3"]) -> Float[Tensor, "event pmt"]:
        """Photoelectrons per scintillation photon in PMTs of relative efficiency 1."""
        radius, unit = _polar(vertex)
        rows = self.surface.rows(self.surface.radius_position(radius))
        angle = angle_position(unit @ self.direction.T, len(self.cosine))
        step, t = self._step(angle)
        return torch.exp(polynomial(self._select(rows, step), t)).view(angle.shape)

    def collection_and_gradient(
        self, vertex: Float[Tensor, "event 3"]
    ) -> tuple[Float[Tensor, "event pmt"], Float[Tensor, "event pmt 3"]]:
        """The collection and its gradient by the vertex, per m."""
        radius, unit = _polar(vertex)
        place = self.surface.radius_position(radius)
        cosine = unit @ self.direction.T
        angle = angle_position(cosine, len(self.cosine))
        step, t = self._step(angle)
        at_radius = self._select(self.surface.rows(place), step)
        shape = cosine.shape
        collection = torch.exp(polynomial(at_radius, t)).view(shape)
        outwards = self._select(self.surface.slope_rows(place), step)
        by_radius = polynomial(outwards, t).view(shape)
        by_cosine = polynomial_slope(at_radius, t).view(shape) * angle_slope(
            cosine, len(self.cosine)
        )
        turn = by_cosine / radius[:, None]
        along = (by_radius - turn * cosine)[..., None] * unit[:, None]
        gradient = along + turn[..., None] * self.direction
        return collection, collection[..., None] * gradient

    def distance(self, vertex: Float[Tensor, "event 3"]) -> Float[Tensor, "event pmt"]:
        """Straight way from each vertex to each PMT, m."""
        along = vertex @ self.direction.T
        square = (vertex**2).sum(1, keepdim=True) + self.pmt_radius**2
        return (square - 2 * self.pmt_radius * along).clamp(min=1e-4).sqrt()

    def node_shares(self, vertex: Float[Tensor, "event 3"]) -> NodeShares:
        """Where vertices lie between the nodes."""
        radius, unit = _polar(vertex)
        place = self.surface.radius_position(radius)
        angle = angle_position(unit @ self.direction.T, len(self.cosine))
        step = angle.long().clamp_(max=len(self.cosine) - 2)
        return NodeShares(place.index, place.share, step, angle - step)

    def delay_shares(
        self, edges: Float[Tensor, " edge"]
    ) -> Float[Tensor, "type radius cosine bin"]:
        """Share of the delays of scintillation light in each bin between ``edges`` [ns]."""
        return torch.diff(share_below(self.delay_quantile, edges.to(self.radius)), dim=-1)

    def sample(self, sites: LightSites, *, generator: torch.Generator) -> Photoelectrons:
        """Draw photoelectrons for PMTs of relative efficiency ``ceiling``."""
        return sample_light(self, sites, generator=generator)

    def moved(self, **parameters: float) -> LightMap:
        """The map for other parameters of the light, to first order in their logarithms.

        What a PMT mirrors does not enter it: that loss is exact, and the light that is mirrored
        once more is of first order. The angular slope is exact: a response is linear in it.

        Args:
            parameters: new values of some of SCALES.

        Raises:
            ConfigurationError: a parameter that maps do not know, or not a positive value.
        """
        new, shift, slopes = moved_light(self.light, parameters, self.slopes)
        log_collection = self.log_collection + shift
        log_cherenkov = self.log_cherenkov + shift
        both = torch.cat([log_collection, log_cherenkov])
        surface = Surface.through(self.radius, both)
        return replace(
            self,
            log_collection=log_collection,
            log_cherenkov=log_cherenkov,
            slopes=slopes,
            light=new,
            surface=surface,
            bounds=Bounds.of(surface, both),
        )

    def _step(
        self, angle: Float[Tensor, "event pmt"]
    ) -> tuple[Int[Tensor, "event pmt"], Float[Tensor, " cell"]]:
        """The step of the cosine that each PMT lies in, and how far, 0 to 1."""
        step = angle.long().clamp_(max=self.surface.n_steps - 1)
        return step, (angle - step).view(-1)

    def _select(
        self, rows: Float[Tensor, "event type step 4"], step: Int[Tensor, "event pmt"]
    ) -> Float[Tensor, "4 cell"]:
        n_types, n_steps = rows.shape[1:3]
        event = torch.arange(len(rows), device=step.device)[:, None]
        cell = (event * n_types + self.kind) * n_steps + step
        return rows.reshape(-1, 4).index_select(0, cell.view(-1)).T


def _polar(
    vertex: Float[Tensor, "event 3"],
) -> tuple[Float[Tensor, " event"], Float[Tensor, "event 3"]]:
    """Radius [m] and direction; a vertex within a centimetre of the centre counts as there."""
    radius = vertex.norm(dim=1).clamp(min=CENTRE_M)
    return radius, vertex / radius[:, None]
