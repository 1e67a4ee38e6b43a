"""How the histograms of charge and time of a PMT change with its constants.

Slopes lead to the truth and do not define it: what a step vanishes at is decided by translated
hits. So they may leave pile-up aside: of charge they are those of single photoelectrons behind the
threshold, of time those of the translated arrivals behind a Gaussian transit time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.response.charge import ChargeShape, single_pe_density
from kzcal_fitted_response.constants import Constants
from kzcal_fitted_response.sampling import Reported
from kzcal_fitted_response.statistics import (
    CHARGE_STEP,
    N_CHARGE,
    N_TIME,
    TIME_FIRST,
    TIME_STEP,
    HitTable,
)

SHARED = ("low_share", "low_scale", "threshold", "threshold_width")
"""Constants of a type that the charge depends on."""
FINE = 8
"""Points of the charge in a bin of its histogram."""
ARRIVAL_STEP, N_ARRIVAL = 0.25, 280
"""Histogram of arrivals, from twenty bins of time before that of residuals."""
SPREADS = (0.3, 6.0, 40)
"""Transit-time spreads for which slopes are found, ns: least, largest, and how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Slopes of the shares of bins, of every PMT.

    Args:
        charge: by the logarithms of gain and width, then by the constants in ``SHARED``.
        time: by offset, and by the logarithm of the transit-time spread.
    """

    charge: Float[Tensor, "pmt parameter charge"]
    time: Float[Tensor, "pmt two time"]


def slopes(
    constants: Constants, kind: Int[Tensor, " pmt"], found: HitTable, reported: Reported
) -> Slopes:
    """Slopes at these constants.

    Args:
        constants: where.
        kind: type of each PMT.
        found: translated hits.
        reported: what made them.
    """
    return Slopes(_charge_slopes(constants, kind), _time_slopes(constants, kind, found, reported))


def _normalised(share: Tensor, slope: Tensor) -> Tensor:
    """Slopes of shares that add up to one, from those of shares that do not."""
    total = share.sum(-1, keepdim=True).clamp(min=1e-12)
    part = (share / total).unsqueeze(-2)
    normalised: Tensor = (slope - part * slope.sum(-1, keepdim=True)) / total.unsqueeze(-2)
    return normalised


def _charge_slopes(
    constants: Constants, kind: Int[Tensor, " pmt"]
) -> Float[Tensor, "pmt parameter charge"]:
    """Slopes of the charge over the gain; bins stay where they are as the gain moves."""
    tubes = constants.tubes
    shape = ChargeShape(*(getattr(constants.shapes, name)[kind].double() for name in SHARED))
    gain, width = tubes.gain.double(), tubes.spe_width.double()
    step = CHARGE_STEP / FINE
    y = (torch.arange(N_CHARGE * FINE, device=kind.device).double() + 0.5) * step
    density = single_pe_density(y, torch.ones_like(gain), width, shape)
    pull = (y * gain[:, None] - shape.threshold[:, None]) / shape.threshold_width[:, None]
    passed = torch.special.ndtr(pull)
    edge = torch.exp(-(pull**2) / 2) / math.sqrt(2 * math.pi) / shape.threshold_width[:, None]
    rows = (
        density.gain * passed,
        density.width * width[:, None] * passed,
        density.fraction * passed,
        density.scale * passed,
        -density.value * edge,
        -density.value * edge * pull,
    )

    def binned(values: Tensor) -> Tensor:
        return values.reshape(len(gain), N_CHARGE, FINE).sum(-1) * step

    return _normalised(binned(density.value * passed), torch.stack([binned(r) for r in rows], 1))


def _time_slopes(
    constants: Constants, kind: Int[Tensor, " pmt"], found: HitTable, reported: Reported
) -> Float[Tensor, "pmt two time"]:
    """Slopes of the residual less the offset, from those of some spreads of each type."""
    tubes, device = constants.tubes, kind.device
    transit = reported.arrivals.transit[reported.first]
    rows = torch.nonzero(found.light & torch.isfinite(transit))[:, 0]
    pmt = found.pmt[rows]
    arrival = found.residual[rows] - tubes.time_offset[pmt] - tubes.tts[pmt] * transit[rows]
    first = TIME_FIRST - 20 * TIME_STEP
    column = ((arrival - first) / ARRIVAL_STEP).long()
    inside = (column >= 0) & (column < N_ARRIVAL)
    n_types = len(constants.shapes.low_share)
    index = kind[pmt[inside]] * N_ARRIVAL + column[inside]
    counts = torch.bincount(index, minlength=n_types * N_ARRIVAL).reshape(n_types, -1).double()
    least, largest, n = SPREADS
    spread = torch.linspace(math.log(least), math.log(largest), n, device=device).double().exp()
    edges = TIME_FIRST + TIME_STEP * torch.arange(N_TIME + 1, device=device).double()
    centre = first + ARRIVAL_STEP * (torch.arange(N_ARRIVAL, device=device).double() + 0.5)
    z = (edges - centre[:, None]) / spread[:, None, None]
    bell = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    parts = (torch.special.ndtr(z), -bell / spread[:, None, None], -z * bell)
    share, *slope = (torch.einsum("tf,sfb->tsb", counts, part.diff(dim=-1)) for part in parts)
    table = _normalised(share, torch.stack(slope, 2))
    nearest = (tubes.tts.double().log() - math.log(least)) / math.log(largest / least) * (n - 1)
    return table[kind, nearest.round().long().clamp(0, n - 1)]
