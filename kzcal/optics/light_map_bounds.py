"""How much the light that a PMT collects can differ between two points of a light map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.optics.light_map_grid import (
    Surface,
    angle_slope,
    cosine_nodes,
    polynomial,
    polynomial_slope,
)

MARGIN = 1.1
"""On slopes found at nodes, for what lies between them."""

CENTRE_M = 1e-2
"""Points so close to the detector's centre count as this far out, m."""


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """How much the log of the collection can differ between two points.

    Args:
        steepness: largest slope at each radius node or within it, per m.
        jump: largest change where media meet.
        cherenkov: how much larger it can be for Cherenkov light.
    """

    steepness: Float[Tensor, " radius"]
    jump: float
    cherenkov: float

    @classmethod
    def of(cls, surface: Surface, values: Float[Tensor, "type radius cosine"]) -> Bounds:
        """Bounds of splines through values, Cherenkov's types after scintillation's."""
        radius = surface.radius
        n = values.shape[-1]
        cosine = torch.as_tensor(cosine_nodes(n), dtype=radius.dtype, device=radius.device)[:-1]
        place = surface.radius_position(radius)
        start = torch.zeros_like(cosine)
        rows = surface.rows(place).movedim(-1, 0)
        outwards = polynomial(surface.slope_rows(place).movedim(-1, 0), start)
        turn = polynomial_slope(rows, start) * angle_slope(cosine, n)
        around = turn * (1 - cosine**2).sqrt() / radius.clamp(min=CENTRE_M)[:, None, None]
        slope = (outwards**2 + around**2).sqrt().amax(dim=(1, 2))
        scintillation, cherenkov = values.chunk(2)
        same = radius[1:] == radius[:-1]
        jumps = (values[:, 1:] - values[:, :-1]).abs()[:, same]
        return cls(
            steepness=MARGIN * slope.cummax(0).values,
            jump=float(jumps.max()) if jumps.numel() else 0.0,
            cherenkov=float((cherenkov - scintillation).max().clamp(min=0)),
        )

    def to(self, device: torch.device | str) -> Bounds:
        """The same on another device."""
        return replace(self, steepness=self.steepness.to(device))
