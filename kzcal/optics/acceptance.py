"""Share of an event's light that a PMT collects, by distance and angle of incidence.

In a spherically symmetric detector the light that a disc facing the centre collects depends on
where the vertex lies in the plane through the centre and the disc alone: on its distance and on
the angle of incidence. A solid angle with attenuation gives the bulk of it; a factor per type,
learned from data on a grid of the two, gives the rest (angular response, scattering, reflection).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

DISTANCE_GRID = (1.5, 15.5, 24)
COSINE_GRID = (0.15, 1.0, 18)
ANGULAR_SLOPE = 0.3
ATTENUATION_M = 25.0


@dataclass(frozen=True, slots=True)
class Sightline:
    """Where vertices lie as PMTs see them.

    Args:
        distance: from vertex to PMT, m.
        cosine: of the angle between the light and the PMT's axis.
    """

    distance: Float[Tensor, "*shape"]
    cosine: Float[Tensor, "*shape"]


def sightline(
    vertex: Float[Tensor, "event 3"], direction: Float[Tensor, "pmt 3"], radius: float
) -> Sightline:
    """Distance and incidence of every PMT from every vertex [m]; PMTs face the centre."""
    along = vertex @ direction.T
    square = (vertex**2).sum(1, keepdim=True) + radius**2 - 2 * radius * along
    distance = square.clamp(min=1e-2).sqrt()
    return Sightline(distance, (radius - along) / distance)


def sightline_of_hits(
    vertex: Float[Tensor, "hit 3"], direction: Float[Tensor, "hit 3"], radius: float
) -> Sightline:
    """The same for one PMT per vertex."""
    along = (vertex * direction).sum(1)
    distance = ((vertex**2).sum(1) + radius**2 - 2 * radius * along).clamp(min=1e-2).sqrt()
    return Sightline(distance, (radius - along) / distance)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Learned factor on the solid-angle model, one grid per PMT type.

    Args:
        log_factor: natural logarithm of the factor at the nodes (distance, cosine).
    """

    log_factor: Float[Tensor, "type distance cosine"]

    @classmethod
    def flat(cls, n_types: int, device: torch.device) -> Acceptance:
        """The solid-angle model alone."""
        return cls(torch.zeros(n_types, DISTANCE_GRID[2], COSINE_GRID[2], device=device))

    def fraction(
        self, view: Sightline, aperture_radius: Float[Tensor, "*#shape"], kind: int
    ) -> Float[Tensor, "*shape"]:
        """Share of the light of each vertex that a PMT of type ``kind`` collects."""
        return _solid_angle_model(view, aperture_radius, self._interpolate(view, kind))

    def fraction_of_hits(
        self,
        view: Sightline,
        aperture_radius: Float[Tensor, " hit"],
        kind: Int[Tensor, " hit"],
    ) -> Float[Tensor, " hit"]:
        """The same for one PMT per vertex, each of its own type."""
        n_u, n_v = self.log_factor.shape[1:]
        u, v = _grid_coordinates(view)
        i, j = u.long().clamp(max=n_u - 2), v.long().clamp(max=n_v - 2)
        index = (kind * n_u + i) * n_v + j
        flat = self.log_factor.reshape(-1)
        near = torch.lerp(flat[index], flat[index + 1], v - j)
        far = torch.lerp(flat[index + n_v], flat[index + n_v + 1], v - j)
        return _solid_angle_model(view, aperture_radius, torch.lerp(near, far, u - i))

    def _interpolate(self, view: Sightline, kind: int) -> Float[Tensor, "*shape"]:
        u, v = _grid_coordinates(view)
        n_u, n_v = self.log_factor.shape[1:]
        grid = torch.stack([2 * v / (n_v - 1) - 1, 2 * u / (n_u - 1) - 1], dim=-1)
        shape = view.distance.shape
        values = functional.grid_sample(
            self.log_factor[kind][None, None],
            grid.reshape(1, -1, 1, 2),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )
        return values.reshape(shape)

    def updated(
        self, observed: Float[Tensor, "type cell"], expected: Float[Tensor, "type cell"]
    ) -> Acceptance:
        """The factor after counts in its cells were compared with what it expects.

        Cells with few counts keep their factor: 30 expected counts of prior weight.
        """
        step = torch.log((observed + 30).clamp(min=1) / (expected + 30))
        return replace(self, log_factor=self.log_factor + step.reshape(self.log_factor.shape))


def _solid_angle_model(
    view: Sightline, aperture_radius: Tensor, log_factor: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    solid_angle = 0.25 * aperture_radius**2 * view.cosine.clamp(min=0.02) / view.distance**2
    angular = 1 + ANGULAR_SLOPE * (view.cosine - 0.85)
    return solid_angle * angular * torch.exp(log_factor - view.distance / ATTENUATION_M)


def _grid_coordinates(
    view: Sightline,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    (d0, d1, n_d), (c0, c1, n_c) = DISTANCE_GRID, COSINE_GRID
    u = ((view.distance - d0) * ((n_d - 1) / (d1 - d0))).clamp(0, n_d - 1)
    v = ((view.cosine - c0) * ((n_c - 1) / (c1 - c0))).clamp(0, n_c - 1)
    return u, v


def cell_of(view: Sightline) -> Tensor:
    """Index of the grid node nearest to each sightline."""
    u, v = _grid_coordinates(view)
    return (u + 0.5).long() * COSINE_GRID[2] + (v + 0.5).long()


N_CELLS = DISTANCE_GRID[2] * COSINE_GRID[2]
