"""Events as dense images, theta against phi, the way KamLAND's first CycleGAN saw them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.errors import ConfigurationError
from kzcal.response.translator import PHYSICS_WINDOW
from kzcal_cyclegan.runs import Batch, Tubes

SIDE = 64
"""Pixels along theta and along phi."""

MOST_CHARGE = 20.0
"""Charge that is white, p.e.; charges are on a logarithmic scale, no hit is black."""

LEAST_CHARGE = 0.25
"""Charge from which a pixel counts as a hit, p.e.; half a small single photoelectron."""

MIDDLE = 0.5 * (PHYSICS_WINDOW[0] + PHYSICS_WINDOW[1])
HALF = 0.5 * (PHYSICS_WINDOW[1] - PHYSICS_WINDOW[0])


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Where each PMT is in an image; no two share a pixel.

    Args:
        pixel: row times 64 plus column.
        alive: PMTs that may report.
    """

    pixel: Int[Tensor, " pmt"]
    alive: Bool[Tensor, " pmt"]

    @classmethod
    def of(cls, tubes: Tubes, alive: Bool[Tensor, " pmt"]) -> Panel:
        """Pixels by angle; where one is taken, the nearest free one.

        Raises:
            ConfigurationError: there are more PMTs than pixels.
        """
        if len(tubes) > SIDE * SIDE:
            message = (
                f"an image holds at most {SIDE * SIDE} PMTs, one in each pixel, got {len(tubes)}: "
                f"train with --faithful 0"
            )
            raise ConfigurationError(message)
        direction = tubes.direction.cpu().double()
        theta = torch.arccos(direction[:, 2].clamp(-1.0, 1.0)) / torch.pi
        phi = (torch.atan2(direction[:, 1], direction[:, 0]) / (2.0 * torch.pi)) % 1.0
        place = torch.stack([theta, phi], 1) * SIDE - 0.5
        axis = torch.arange(SIDE, dtype=torch.float64)
        grid = torch.cartesian_prod(axis, axis)
        free = torch.ones(len(grid), dtype=torch.bool)
        pixel = []
        for row in place:
            distance = ((grid - row) ** 2).sum(1)
            distance[~free] = torch.inf
            pixel.append(int(distance.argmin()))
            free[pixel[-1]] = False
        return cls(torch.tensor(pixel, device=alive.device), alive)

    def images(self, hits: Batch) -> Float[Tensor, "event 2 64 64"]:
        """Charge and time of the hits of each event: all charge of a PMT, its first time."""
        n_event, n_pixel = len(hits.events), SIDE * SIDE
        place = hits.event * n_pixel + self.pixel[hits.pmt]
        charge = hits.time.new_zeros(n_event * n_pixel).index_add(0, place, hits.charge)
        none = hits.time.new_full((n_event * n_pixel,), torch.inf)
        time = none.scatter_reduce(0, place, hits.time, "amin")
        shade = 2.0 * torch.log1p(charge) / torch.log1p(charge.new_tensor(MOST_CHARGE)) - 1.0
        moment = torch.where(time < torch.inf, (time - MIDDLE) / HALF, 0.0)
        both = torch.stack([shade.clamp(-1.0, 1.0), moment.clamp(-1.0, 1.0)], 1)
        return both.view(n_event, SIDE, SIDE, 2).permute(0, 3, 1, 2)

    def hits(
        self, images: Float[Tensor, "event 2 64 64"]
    ) -> tuple[
        Int[Tensor, " hit"], Int[Tensor, " hit"], Float[Tensor, " hit"], Float[Tensor, " hit"]
    ]:
        """Event, PMT, residual [ns] and charge [p.e.] of the pixels that are bright enough."""
        flat = images.flatten(2)[:, :, self.pixel]
        scale = torch.log1p(flat.new_tensor(MOST_CHARGE))
        charge = torch.expm1(0.5 * (flat[:, 0] + 1.0) * scale)
        event, pmt = torch.nonzero((charge > LEAST_CHARGE) & self.alive, as_tuple=True)
        return event, pmt, self.time_of(flat[event, 1, pmt]), charge[event, pmt]

    def time_of(self, shade: Float[Tensor, " hit"]) -> Float[Tensor, " hit"]:
        """Residual that a shade of the time channel stands for, ns."""
        return MIDDLE + HALF * shade
