"""Gain and width of every PMT when its hits are single photoelectrons and the shape is known.

This is the fast part of the charge fit, useful by itself for dark hits: all PMTs at once, a few
scoring steps, no pile-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.response.charge import ChargeShape, passing, single_pe_density

GAIN_BOUNDS, WIDTH_BOUNDS = (0.2, 5.0), (0.1, 1.5)
LONGEST = 0.15


@dataclass(frozen=True, slots=True)
class SinglePeFit:
    """Charge response of every PMT.

    Args:
        gain: mean of the Gaussian part of the single-p.e. charge, nominal gains.
        width: its standard deviation over its mean.
        covariance: of the two.
    """

    gain: Float[Tensor, " pmt"]
    width: Float[Tensor, " pmt"]
    covariance: Float[Tensor, "pmt 2 2"]


def fit_single_pe(
    counts: Float[Tensor, "pmt bin"],
    charge: Float[Tensor, " bin"],
    shape: ChargeShape,
    width: Float[Tensor, " pmt"],
    *,
    steps: int = 12,
) -> SinglePeFit:
    """Fit by Fisher scoring until no PMT moves by a fiftieth of its error.

    PMTs without charges get NaN.

    Args:
        counts: hits by charge.
        charge: middle of the charge bins, p.e.
        shape: shape of the charge distribution and threshold of each PMT.
        width: where the widths start.
        steps: steps at most.
    """
    filled = int(torch.nonzero(counts.sum(0))[-1]) + 1 if bool(counts.any()) else 1
    counts, charge, shape = counts[:, :filled].float(), charge[:filled].float(), shape.float()
    passes = passing(charge, shape)
    total = counts.sum(1)
    values = torch.stack([median_charge(counts, charge), width.float()], dim=1)
    for _ in range(steps):
        score, information = _scored(values, counts, total, charge, shape, passes)
        covariance = torch.linalg.inv(information)
        step = (covariance @ score[..., None])[..., 0].float().clamp(-LONGEST, LONGEST)
        moved = torch.stack(
            [
                (values[:, 0] + step[:, 0]).clamp(*GAIN_BOUNDS),
                (values[:, 1] + step[:, 1]).clamp(*WIDTH_BOUNDS),
            ],
            dim=1,
        )
        error = covariance.diagonal(dim1=1, dim2=2).sqrt()
        largest = float(((moved - values).abs() / error).max())
        values = moved
        if largest < 0.02:
            break
    nothing = torch.where(total > 0, 0.0, torch.nan).double()
    gain, width = values.double().T + nothing
    return SinglePeFit(gain, width, covariance + nothing[:, None, None])


def median_charge(
    counts: Float[Tensor, "pmt bin"], charge: Float[Tensor, " bin"]
) -> Float[Tensor, " pmt"]:
    """Median charge of the hits of each PMT, p.e., within what a gain can be."""
    share = counts.cumsum(1) / counts.sum(1, keepdim=True).clamp(min=1)
    return charge[(share < 0.5).sum(1).clamp(max=len(charge) - 1)].clamp(0.3, 3.0)


def _scored(
    values: Tensor,
    counts: Tensor,
    total: Tensor,
    charge: Tensor,
    shape: ChargeShape,
    passes: Tensor,
) -> tuple[Float[Tensor, "pmt 2"], Float[Tensor, "pmt 2 2"]]:
    """Score and information by (gain, width) of the multinomial likelihood."""
    density = single_pe_density(charge, values[:, 0], values[:, 1], shape)
    seen = density.value * passes
    norm = seen.sum(1).clamp(min=1e-30)
    relative = [slope / density.value.clamp(min=1e-30) for slope in (density.gain, density.width)]
    share = seen / norm[:, None]
    means = [(share * r).sum(1) for r in relative]
    score = [(counts * r).sum(1) - total * m for r, m in zip(relative, means, strict=True)]
    (a, b), (ma, mb) = relative, means
    entries = [(a * a, ma * ma), (a * b, ma * mb), (b * b, mb * mb)]
    aa, ab, bb = (total * ((share * product).sum(1) - mean) for product, mean in entries)
    information = torch.stack([aa, ab, ab, bb], dim=1).reshape(-1, 2, 2).double()
    ridge = 1e-3 * torch.eye(2, dtype=torch.float64, device=information.device)
    return torch.stack(score, dim=1).double(), information + ridge
