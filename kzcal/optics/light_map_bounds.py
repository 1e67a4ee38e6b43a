"""How much the light that a PMT collects can differ between two points of a light map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool1d

from kzcal.optics.light_map_grid import (
    Surface,
    angle_slope,
    cosine_nodes,
    polynomial,
    polynomial_slope,
)

MARGIN = 1.05
"""On slopes found at nodes, for what lies between them."""

STEEPER = 1e-2
"""Share of a radius's light that may be steeper than its bound: next to the straight line through
the centre mirrored light gathers on few PMTs, and a bound for them would be loose for all."""

CENTRE_M = 1e-2
"""Points so close to the detector's centre count as this far out, m."""


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """How much the log of the collection can differ between two points.

    Args:
        steepness: slope that light near each radius node keeps to, per m.
        jump: change where media meet.
        cherenkov: how much larger it can be for Cherenkov light, if at all.
    """

    steepness: Float[Tensor, " radius"]
    jump: float
    cherenkov: float

    @classmethod
    def of(cls, surface: Surface, values: Float[Tensor, "type radius cosine"]) -> Bounds:
        """Bounds of splines through values, Cherenkov's types after scintillation's."""
        radius = surface.radius
        cosine = torch.as_tensor(cosine_nodes(values.shape[-1])).to(values)
        light = torch.exp(values) * (1 - cosine**2).clamp(min=1e-6).sqrt()
        slope = _slopes(surface, cosine)
        steepness = torch.stack(
            [_light_quantile(slope[:, i], light[:, i]) for i in range(len(radius))]
        )
        near = max_pool1d(steepness[None, None], 3, stride=1, padding=1)[0, 0]
        met = radius.diff() == 0
        jump = values.diff(dim=1).abs()[:, met]
        scintillation, cherenkov = values.chunk(2)
        return cls(
            steepness=MARGIN * near,
            jump=float(_light_quantile(jump, light[:, 1:][:, met])) if met.any() else 0.0,
            cherenkov=float(_light_quantile(cherenkov - scintillation, light[len(cherenkov) :])),
        )

    def to(self, device: torch.device | str) -> Bounds:
        """The same on another device."""
        return replace(self, steepness=self.steepness.to(device))


def _slopes(
    surface: Surface, cosine: Float[Tensor, " cosine"]
) -> Float[Tensor, "type radius cosine"]:
    """Length of the gradient of the log at the nodes, per m; the last one is its neighbour's."""
    place = surface.radius_position(surface.radius)
    start = cosine.new_zeros(len(cosine) - 1)
    rows = surface.rows(place).movedim(-1, 0)
    outwards = polynomial(surface.slope_rows(place).movedim(-1, 0), start)
    turn = polynomial_slope(rows, start) * angle_slope(cosine[:-1], len(cosine))
    sine = (1 - cosine[:-1] ** 2).sqrt()
    around = turn * sine / surface.radius.clamp(min=CENTRE_M)[:, None, None]
    slope = (outwards**2 + around**2).sqrt().transpose(0, 1)
    return torch.cat([slope, slope[..., -1:]], dim=-1)


def _light_quantile(
    values: Float[Tensor, "..."], light: Float[Tensor, "..."]
) -> Float[Tensor, ""]:
    """The value that all but STEEPER of the light keeps to."""
    order = torch.argsort(values.reshape(-1))
    below = light.reshape(-1)[order].cumsum(0)
    index = torch.searchsorted(below, (1 - STEEPER) * below[-1:])[0].clamp(max=len(order) - 1)
    return values.reshape(-1)[order[index]]
