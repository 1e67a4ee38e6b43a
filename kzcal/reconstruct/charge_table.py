r"""What the charge of a hit says about the photoelectrons in it.

A hit of a PMT that expects m more photoelectrons within the merging time has a charge with the
transform :math:`\varphi\,e^{m(\varphi - 1)}`, :math:`\varphi` being that of one photoelectron.
The tables hold the logarithm of that density and its slope by m, for the mean PMT of each type
in units of the gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.response.charge import ChargeShape, single_pe_density

CHARGE_STEP, N_CHARGE = 1 / 16, 1024
"""Charges up to 64 photoelectrons."""
FINER = 2
MOST, N_MEAN, KNEE = 48.0, 96, 0.03
"""Largest expected number of further photoelectrons, its nodes, and where they widen."""


@dataclass(frozen=True, slots=True, eq=False)
class ChargeTable:
    """Log-density of the charge and its slope by the expected number of further photoelectrons.

    Args:
        rows: log-density and slope; type, charge and mean are the axes of the rows.
    """

    rows: Float[Tensor, "row 2"]

    @classmethod
    def build(
        cls, width: Float[Tensor, " type"], shape: ChargeShape, device: torch.device
    ) -> ChargeTable:
        """Tables of types with these single-p.e. widths and shapes.

        Args:
            width: standard deviation of the Gaussian part over its mean.
            shape: of each type.
            device: where the tables are to be.
        """
        step, n = CHARGE_STEP / FINER, 2 * FINER * N_CHARGE
        charge = step * torch.arange(n, dtype=torch.float64, device=device)
        shape = ChargeShape(*(getattr(shape, f).double() for f in ChargeShape.__slots__))
        width = width.double()
        density = single_pe_density(charge, torch.ones_like(width), width, shape).value
        density[:, 0] /= 2
        single = torch.fft.rfft(density / density.sum(1, keepdim=True))[:, None]
        mean = _nodes(device)[:, None]
        transform = single * torch.exp(mean * (single - 1))
        content = torch.fft.irfft(transform, n=n)[..., : FINER * N_CHARGE : FINER]
        slope = torch.fft.irfft(transform * (single - 1), n=n)[..., : FINER * N_CHARGE : FINER]
        content = content.clamp(min=1e-10)
        rows = torch.stack([torch.log(content / step), slope / content], -1)
        return cls(rows.transpose(1, 2).reshape(-1, 2).float().contiguous())

    def of(
        self, charge: Float[Tensor, " hit"], kind: Int[Tensor, " hit"], more: Float[Tensor, " hit"]
    ) -> tuple[Float[Tensor, " hit"], Float[Tensor, " hit"]]:
        """Log-density and its slope by ``more``, linear between the nodes.

        Args:
            charge: over the gain of the PMT, p.e.
            kind: type of the PMT.
            more: expected photoelectrons in the merging time after the hit's first.
        """
        at = (charge / CHARGE_STEP).clamp(0, N_CHARGE - 1.001)
        scale = (N_MEAN - 1) / math.log1p(MOST / KNEE)
        node = (torch.log1p(more / KNEE) * scale).clamp(0, N_MEAN - 1.001)
        i, j = at.long(), node.long()
        row = (kind * N_CHARGE + i) * N_MEAN + j
        way = (node - j)[:, None]
        low, low_next, high, high_next = (
            self.rows.index_select(0, row + k) for k in (0, 1, N_MEAN, N_MEAN + 1)
        )
        near, far = torch.lerp(low, low_next, way), torch.lerp(high, high_next, way)
        value, slope = torch.lerp(near, far, (at - i)[:, None]).unbind(1)
        return value, slope


def _nodes(device: torch.device) -> Float[Tensor, " node"]:
    fraction = torch.linspace(0, 1, N_MEAN, dtype=torch.float64, device=device)
    return KNEE * torch.expm1(fraction * math.log1p(MOST / KNEE))
