"""When light of a single site arrives, by kind of pulse, and where such a site lies best."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kzcal.classify.corrected import LIGHT_SPEED
from kzcal_kamnet.light import N_KIND, SeenLight

FIRST, STEP, N_STEP = -20.0, 0.125, 640
"""Grid of the density, ns; times are stored in steps of 1/8 ns."""
SMOOTHING = 0.3
"""Of the density, one standard deviation, ns; an edge of PMTs is 1 ns wide."""
LEAST = 2.0
"""Hits that every step is given on top, so that none is impossible."""
VERTEX_ERROR, EMISSION_ERROR = 0.137, 0.35
"""Of a reconstruction: m at 1 MeV, all axes together, and ns.

Source: A. Gando et al. (2016), arXiv:1605.02889 (13.7 cm / sqrt(E)).
Assumption: the emission time is as good as the vertex allows; pulls of the shifts would tell.
"""
LEAST_ENERGY = 0.2
"""MeV, below which the error of the vertex grows no further."""
ROUNDS = 3
"""Steps towards the best vertex; a fourth one moves it by less than a millimetre."""


class Arrival(nn.Module):
    """Density of residuals of a single site, and what follows from it.

    It is counted, not learned by descent.
    """

    density: Tensor
    slope: Tensor
    information: Tensor

    def __init__(self) -> None:
        super().__init__()
        flat = torch.full((N_KIND, N_STEP), 1.0 / (N_STEP * STEP))
        self.register_buffer("density", flat)
        self.register_buffer("slope", torch.zeros(N_KIND, N_STEP))
        self.register_buffer("information", torch.zeros(N_KIND))

    def count(self, light: SeenLight) -> None:
        """Take the density from hits of single-site events."""
        step = torch.floor((light.residual - FIRST) / STEP).long()
        inside = (step >= 0) & (step < N_STEP)
        place = light.kind[inside] * N_STEP + step[inside]
        counts = torch.bincount(place, minlength=N_KIND * N_STEP).view(N_KIND, N_STEP)
        density = _smooth(counts.double().cpu()) + LEAST
        density = density / (density.sum(1, keepdim=True) * STEP)
        slope = torch.gradient(density.log(), spacing=STEP, dim=1)[0]
        self.density.copy_(density)
        self.slope.copy_(slope)
        self.information.copy_((density * slope.square()).sum(1) * STEP)

    def located(self, light: SeenLight) -> tuple[SeenLight, Float[Tensor, "event 4"]]:
        """Events seen from the vertex and the time at which a single site fits them best.

        Fisher's scoring from the reconstructed vertex, whose errors are the prior.

        Returns:
            The hits, and how far vertex [m] and emission time [ns] have moved.

        Source: R. A. Fisher (1925), doi:10.1017/S0305004100009580 (scoring).
        """
        deviation = VERTEX_ERROR / light.energy.double().clamp(min=LEAST_ENERGY).sqrt()
        prior = 3.0 / deviation.square()[:, None].expand(-1, 4).clone()
        prior[:, 3] = EMISSION_ERROR**-2
        shift, seen = torch.zeros_like(prior), light
        for _ in range(ROUNDS):
            shift = shift + self._scoring_step(seen, prior, shift)
            seen = light.moved(shift[:, :3].float(), shift[:, 3].float())
        return seen, shift.float()

    def _scoring_step(
        self, seen: SeenLight, prior: Float[Tensor, "event 4"], shift: Float[Tensor, "event 4"]
    ) -> Float[Tensor, "event 4"]:
        """Gradient of the log-likelihood and prior over their information."""
        slope, known = self._slopes(seen.residual, seen.kind)
        later = -torch.ones_like(slope)[:, None]
        by_shift = torch.cat([seen.direction / LIGHT_SPEED, later], 1)
        outer = by_shift[:, :, None] * by_shift[:, None, :] * known[:, None, None]
        columns = torch.cat([slope[:, None] * by_shift, outer.flatten(1)], 1)
        total = torch.zeros(len(prior), 20, dtype=columns.dtype, device=columns.device)
        total = total.index_add(0, seen.event, columns).double()
        information = total[:, 4:].view(-1, 4, 4) + torch.diag_embed(prior)
        step: Tensor = torch.linalg.solve(information, total[:, :4] - prior * shift)
        return step

    def _slopes(
        self, residual: Float[Tensor, " hit"], kind: Int[Tensor, " hit"]
    ) -> tuple[Float[Tensor, " hit"], Float[Tensor, " hit"]]:
        """Slope of each hit's log-density and its mean square, zero beyond the grid."""
        place = (residual - FIRST) / STEP - 0.5
        inside = (place > 0) & (place < N_STEP - 1)
        low = place.clamp(0, N_STEP - 2).long()
        part = place - low
        row = kind * N_STEP + low
        flat = self.slope.view(-1)
        slope = torch.lerp(flat[row], flat[row + 1], part)
        return slope * inside, self.information[kind] * inside


def _smooth(counts: Float[Tensor, "kind step"]) -> Float[Tensor, "kind step"]:
    """Counts convolved with a Gaussian; the ends are continued as they are."""
    reach = math.ceil(5.0 * SMOOTHING / STEP)
    at = torch.arange(-reach, reach + 1, dtype=counts.dtype) * (STEP / SMOOTHING)
    kernel = torch.softmax(-at.square() / 2.0, 0)
    padded = nn.functional.pad(counts[:, None], (reach, reach), mode="replicate")
    return nn.functional.conv1d(padded, kernel[None, None])[:, 0]
