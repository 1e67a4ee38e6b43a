r"""Likelihood of charge histograms, and its slopes by own and shared parameters.

With :math:`\varphi` the transform of the single-p.e. density and :math:`\lambda` the expected
further photoelectrons of a class, a pulse has the charge density

.. math:: p(q) = \mathcal F^{-1}\left[\varphi\,e^{\kappa\lambda(\varphi - 1)}\right]

times the threshold's step; read charges are a little less (``ChargeSpectra.as_read``). The
pile-up factor :math:`\kappa`, near one, takes up the
photoelectrons below threshold, which add charge but are not seen alone. Each class has its own,
since pulses are sorted by what is expected of them: those of the lowest class hold more than
expected, and those of higher ones less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.calibrate.charge_spectra import LOW_LIGHT, N_BINS, PILE_UP_EDGES, ChargeSpectra
from kzcal.calibrate.scoring import SharedScoring, Sharing
from kzcal.calibrate.single_pe import median_charge
from kzcal.response.charge import ChargeGradient, ChargeShape, passing, single_pe_density

N_TRANSFORM = 512
FURTHEST = 3.0
"""Largest charge over a PMT's median that is fitted."""
SINGLE_NAMES = ("exponential_fraction", "exponential_scale", "threshold", "threshold_width")
GLOBAL_NAMES = (*SINGLE_NAMES, *(f"pile_up_{k}" for k in range(len(PILE_UP_EDGES))))
GLOBAL_UNITS = ("", "gain", "p.e.", "p.e.", *("" for _ in PILE_UP_EDGES))
GLOBAL_DOCS = (
    "share of photoelectrons with a low, exponential charge",
    "mean of that exponential over the gain",
    "charge at which half of the pulses pass",
    "standard deviation of the threshold",
    *(
        f"further photoelectrons over those expected, of pulses with at most {edge} expected"
        for edge in PILE_UP_EDGES
    ),
)
N_SINGLE = len(SINGLE_NAMES)
"""Shared parameters of the single-p.e. charge and the threshold; those of pile-up come after."""


def shape_of(shared: Float[Tensor, "type shared"], kind: Tensor) -> ChargeShape:
    """The shared shape for each PMT."""
    rows = shared[kind]
    return ChargeShape(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3])


def score_charges(
    spectra: ChargeSpectra, state: Sharing
) -> tuple[SharedScoring, Float[Tensor, "pmt bin"]]:
    """Score and Fisher information of the multinomial likelihood, and the expected counts.

    Densities are in single precision, which moves a score by a millionth of its terms. The log
    likelihood, whose differences matter, is added up in double precision.
    """
    shape = shape_of(state.shared, state.kind)
    scoring = SharedScoring.zeros(len(state.own), 2, len(GLOBAL_NAMES), state.own.device)
    expected = torch.zeros(len(state.own), N_BINS, device=state.own.device, dtype=torch.float64)
    gain, width = state.own.float().T
    shape, charge, all_counts = shape.float(), spectra.charge.float(), spectra.counts.float()
    unsaturated = spectra.before_saturation.float()
    single = single_pe_density(charge, gain, width, shape)
    piled_up = (spectra.pile_up > 0).any(0).tolist()
    transforms = _transforms(spectra, gain, width, shape) if any(piled_up) else None
    step_slopes = _threshold_slopes(unsaturated, shape)
    passes = passing(unsaturated, shape)
    near = near_charges(spectra).float()
    for k in range(spectra.counts.shape[1]):
        pile_up = spectra.pile_up[:, k]
        if transforms is not None and piled_up[k]:
            factor = state.shared[state.kind, N_SINGLE + k]
            density, slopes = _piled_up(transforms, pile_up[:, None], factor[:, None])
        else:
            density, slopes = _alone(single, spectra.step)
        density, slopes = spectra.as_read(density), [spectra.as_read(s) for s in slopes]
        kept = passes * near
        weighted = torch.stack(
            [
                *(slope * kept for slope in slopes[:4]),
                *(density * slope * near for slope in step_slopes),
                slopes[4] * kept,
            ],
            dim=1,
        )
        counts = all_counts[:, k] * near
        model = density * kept + 1e-9
        norm = model.sum(1, keepdim=True)
        share = model / norm
        by = (weighted - share[:, None] * weighted.sum(2, keepdim=True)) / norm[:, None]
        scoring.add(by, share, counts, (*range(2 + N_SINGLE), 2 + N_SINGLE + k))
        if k < LOW_LIGHT:
            expected += density * passes * (counts.sum(1, keepdim=True) / norm)
    return scoring, expected


def charge_values(spectra: ChargeSpectra, state: Sharing) -> Float[Tensor, " pmt"]:
    """The log likelihood that ``score_charges`` gives, without scores.

    Args:
        spectra: charge histograms.
        state: gains and widths of the PMTs, and what a type shares.
    """
    shape = shape_of(state.shared, state.kind).float()
    gain, width = state.own.float().T
    charge, counts = spectra.charge.float(), spectra.counts.float()
    single = single_pe_density(charge, gain, width, shape).value * spectra.step
    piled_up = (spectra.pile_up > 0).any(0).tolist()
    transforms = _transforms(spectra, gain, width, shape, ("value",)) if any(piled_up) else None
    passes = passing(spectra.before_saturation.float(), shape)
    kept = passes * near_charges(spectra).float()
    value = torch.zeros(len(gain), dtype=torch.float64, device=gain.device)
    for k in range(counts.shape[1]):
        density = single
        if transforms is not None and piled_up[k]:
            factor = state.shared[state.kind, N_SINGLE + k]
            mean = (spectra.pile_up[:, k] * factor)[:, None].float()
            density = _charges(transforms.first[0] * _growth(transforms, mean)).clamp(min=1e-10)
        model = spectra.as_read(density) * kept + 1e-9
        share = model / model.sum(1, keepdim=True)
        value += ((counts[:, k] * (kept > 0)).double() * share.double().log()).sum(1)
    return value


def near_charges(spectra: ChargeSpectra) -> Bool[Tensor, "pmt bin"]:
    """Charges that are fitted: up to ``FURTHEST`` times the median of each PMT.

    Beyond, pulses hold three photoelectrons and more. How many there are hangs on how widely the
    light differs between pulses of a class, and not on its mean alone.
    """
    median = median_charge(spectra.counts[:, :LOW_LIGHT].sum(1), spectra.charge)
    return spectra.charge < FURTHEST * median[:, None]


def _alone(single: ChargeGradient, step: float) -> tuple[Tensor, list[Tensor]]:
    """Charge distribution of single photoelectrons and its slopes."""
    slopes = [single.gain, single.width, single.fraction, single.scale]
    slopes.append(torch.zeros_like(single.value))
    return single.value * step, [slope * step for slope in slopes]


@dataclass(frozen=True, slots=True)
class _Transforms:
    """Transforms of the single-p.e. density and of its slopes, on the bins and from zero."""

    first: tuple[Tensor, ...]
    further: tuple[Tensor, ...]


def _transforms(
    spectra: ChargeSpectra,
    gain: Tensor,
    width: Tensor,
    shape: ChargeShape,
    names: tuple[str, ...] = ("value", "gain", "width", "fraction", "scale"),
) -> _Transforms:
    grid = torch.arange(N_TRANSFORM, dtype=gain.dtype, device=gain.device) * spectra.step
    weight = torch.full_like(grid, spectra.step)
    first = single_pe_density(grid + spectra.offset, gain, width, shape)
    further = single_pe_density(grid, gain, width, shape)
    half = weight.clone()
    half[0] /= 2

    def parts(density: object, weights: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.fft.rfft(getattr(density, n) * weights) for n in names)

    return _Transforms(parts(first, weight), parts(further, half))


def _piled_up(
    transforms: _Transforms, pile_up: Tensor, factor: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Charge distribution of one pile-up class and its slopes (4 of the density, pile-up)."""
    mean = (pile_up * factor).float()
    growth = _growth(transforms, mean)
    base = transforms.first[0] * growth
    slopes = [
        _charges((f + transforms.first[0] * mean * g) * growth)
        for f, g in zip(transforms.first[1:], transforms.further[1:], strict=True)
    ]
    slopes.append(_charges(base * (transforms.further[0] - 1)) * pile_up.float())
    return _charges(base).clamp(min=1e-10), slopes


def _growth(transforms: _Transforms, mean: Tensor) -> Tensor:
    """By which further photoelectrons of a mean number change a transform."""
    exponent = mean * (transforms.further[0] - 1)
    # The exponential of a complex tensor would take five times as long.
    return torch.polar(torch.exp(exponent.real), exponent.imag)


def _charges(transform: Tensor) -> Tensor:
    charges: Tensor = torch.fft.irfft(transform, n=N_TRANSFORM)[:, :N_BINS]
    return charges


def _threshold_slopes(charge: Tensor, shape: ChargeShape) -> tuple[Tensor, Tensor]:
    pull = (charge - shape.threshold[:, None]) / shape.threshold_width[:, None]
    bell = torch.exp(-0.5 * pull**2) / (2 * torch.pi) ** 0.5 / shape.threshold_width[:, None]
    return -bell, -bell * pull
