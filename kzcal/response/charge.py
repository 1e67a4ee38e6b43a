"""Charge of a pulse: single photoelectrons, pile-up within the merging time, threshold.

A photoelectron gives a Gaussian charge or, with a small probability, one of an exponential of
low charges (electrons that skip a dynode). Photoelectrons of one PMT closer than the merging
time are one pulse whose charges add up, and the discriminator passes a pulse of charge q with
the probability of a softened step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SQRT_2 = math.sqrt(2.0)
SQRT_2PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class ChargeShape:
    """What all PMTs of one type have in common; one row per PMT or broadcastable to that.

    Args:
        exponential_fraction: share of photoelectrons in the low exponential.
        exponential_scale: its mean over the gain of the PMT.
        threshold: charge at which half of the pulses pass, p.e.
        threshold_width: standard deviation of the threshold's step, p.e.
    """

    exponential_fraction: Float[Tensor, " pmt"]
    exponential_scale: Float[Tensor, " pmt"]
    threshold: Float[Tensor, " pmt"]
    threshold_width: Float[Tensor, " pmt"]

    def to(self, device: torch.device | str) -> ChargeShape:
        """The same on another device."""
        return ChargeShape(
            self.exponential_fraction.to(device),
            self.exponential_scale.to(device),
            self.threshold.to(device),
            self.threshold_width.to(device),
        )

    def float(self) -> ChargeShape:
        """The same in single precision."""
        return ChargeShape(
            self.exponential_fraction.float(),
            self.exponential_scale.float(),
            self.threshold.float(),
            self.threshold_width.float(),
        )


@dataclass(frozen=True, slots=True)
class ChargeGradient:
    """A density and its derivatives by gain, width, exponential fraction and scale."""

    value: Float[Tensor, "pmt bin"]
    gain: Float[Tensor, "pmt bin"]
    width: Float[Tensor, "pmt bin"]
    fraction: Float[Tensor, "pmt bin"]
    scale: Float[Tensor, "pmt bin"]


def single_pe_density(
    charge: Float[Tensor, " bin"],
    gain: Float[Tensor, " pmt"],
    width: Float[Tensor, " pmt"],
    shape: ChargeShape,
) -> ChargeGradient:
    """Density of the charge of one photoelectron before threshold, per p.e., and derivatives.

    The Gaussian part is cut off at zero charge and has mean ``gain`` [p.e.] and standard
    deviation ``width * gain`` before the cut.
    """
    g, w = gain[:, None], width[:, None]
    f, tau = shape.exponential_fraction[:, None], shape.exponential_scale[:, None]
    y = charge / g
    pull = (y - 1) / w
    kept = 0.5 * (1 + torch.erf(1 / (w * SQRT_2)))
    kept_by_w = -torch.exp(-0.5 / w**2) / (SQRT_2PI * w**2)
    gauss = torch.exp(-0.5 * pull**2) / (SQRT_2PI * w * kept)
    low = torch.exp(-y / tau) / tau
    density = (1 - f) * gauss + f * low
    slope = -(1 - f) * gauss * pull / w - f * low / tau
    return ChargeGradient(
        value=density / g,
        gain=-(density + y * slope) / g**2,
        width=(1 - f) * gauss * ((pull**2 - 1) / w - kept_by_w / kept) / g,
        fraction=(low - gauss) / g,
        scale=f * low * (y / tau - 1) / (tau * g),
    )


def passing(charge: Float[Tensor, " bin"], shape: ChargeShape) -> Float[Tensor, "pmt bin"]:
    """Probability that a pulse of this charge [p.e.] passes the discriminator."""
    pull = (charge - shape.threshold[:, None]) / shape.threshold_width[:, None]
    return 0.5 * (1 + torch.erf(pull / SQRT_2))


def detection_efficiency(
    gain: Float[Tensor, " pmt"],
    width: Float[Tensor, " pmt"],
    shape: ChargeShape,
    *,
    step: float = 1 / 64,
    upper: float = 6.0,
) -> tuple[Float[Tensor, " pmt"], Float[Tensor, " pmt"], Float[Tensor, " pmt"]]:
    """Share of single photoelectrons that pass the threshold, and its slopes by gain and width."""
    charge = torch.arange(step / 2, upper, step, dtype=gain.dtype, device=gain.device)
    density = single_pe_density(charge, gain, width, shape)
    weight = step * passing(charge, shape)
    return (
        (weight * density.value).sum(1),
        (weight * density.gain).sum(1),
        (weight * density.width).sum(1),
    )


@dataclass(frozen=True, slots=True)
class PeClasses:
    """Classes of charge by how much they speak for two photoelectrons against one.

    Args:
        member: class of each charge bin of each PMT.
        chance: chance of each class for a pulse of 1, 2, ... photoelectrons, mean of each type.
        step: width of a charge bin, p.e.
    """

    member: Int[Tensor, "pmt bin"]
    chance: Float[Tensor, "type pe charge_class"]
    step: float

    def of(self, charge: Float[Tensor, " hit"], pmt: Int[Tensor, " hit"]) -> Int[Tensor, " hit"]:
        """Class of each hit."""
        position = (charge / self.step).round().long().clamp(0, self.member.shape[1] - 1)
        return self.member[pmt, position]


def pe_classes(
    edges: tuple[float, ...],
    gain: Float[Tensor, " pmt"],
    width: Float[Tensor, " pmt"],
    shape: ChargeShape,
    kind: Int[Tensor, " pmt"],
    counting: Bool[Tensor, " pmt"],
    *,
    n_pe: int = 8,
    step: float = 1 / 32,
    n_bins: int = 512,
) -> PeClasses:
    """Sort charges by the ratio of their densities for two photoelectrons and for one.

    The time distribution of a pulse depends on its charge through this ratio alone (nearly, for
    more photoelectrons), whatever the gain and width of its PMT.

    Args:
        edges: edges of the classes, in the ratio.
        gain: of each PMT.
        width: single-p.e. width of each PMT.
        shape: shape of each PMT.
        kind: type of each PMT.
        counting: PMTs that make up the means of the types.
        n_pe: most photoelectrons.
        step: step of the charge grid, p.e.
        n_bins: length of the charge grid.
    """
    charge = torch.arange(n_bins, dtype=gain.dtype, device=gain.device) * step
    density = single_pe_density(charge, gain, width, shape).value
    density[:, 0] /= 2
    transform = torch.fft.rfft(density / density.sum(1, keepdim=True), n=2 * n_bins)
    first = torch.fft.irfft(transform, n=2 * n_bins)[:, :n_bins].clamp(min=1e-9)
    second = torch.fft.irfft(transform**2, n=2 * n_bins)[:, :n_bins].clamp(min=0)
    member = torch.bucketize(second / first, torch.tensor(edges, device=gain.device).double())
    ever = torch.cummax(member, dim=1).values
    member = torch.where(charge > gain[:, None], ever, member)
    seen = passing(charge, shape)
    n_class, rows = len(edges) + 1, []
    for n in range(1, n_pe + 1):
        spectrum = torch.fft.irfft(transform**n, n=2 * n_bins)[:, :n_bins].clamp(min=0) * seen
        chances = [(spectrum * (member == c)).sum(1) for c in range(n_class)]
        rows.append(torch.stack(chances, dim=-1))
    of_pmt = torch.stack(rows, dim=1)
    kinds = range(int(kind.max()) + 1)
    chance = torch.stack([of_pmt[counting & (kind == k)].mean(0) for k in kinds])
    return PeClasses(member, chance, step)


def sample_charge(
    gain: Float[Tensor, " pe"],
    width: Float[Tensor, " pe"],
    fraction: Float[Tensor, " pe"],
    scale: Float[Tensor, " pe"],
    *,
    generator: torch.Generator,
) -> Float[Tensor, " pe"]:
    """Draw the charge of each photoelectron before threshold, p.e."""
    uniform = torch.rand(gain.shape, generator=generator, dtype=gain.dtype, device=gain.device)
    chooses = torch.rand(gain.shape, generator=generator, dtype=gain.dtype, device=gain.device)
    cut = 0.5 * (1 - torch.erf(1 / (width * SQRT_2)))
    quantile = (cut + uniform * (1 - cut)).clamp(1e-7, 1 - 1e-7)
    gauss = gain * (1 + width * SQRT_2 * torch.erfinv(2 * quantile - 1))
    low = -gain * scale * torch.log1p(-uniform.clamp(max=1 - 1e-7))
    return torch.where(chooses < fraction, low, gauss.clamp(min=0))
