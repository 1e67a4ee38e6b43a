r"""When photoelectrons are reported: scintillation, optics, transit time, merging.

The density of a photoelectron's time is a product of transforms: the scintillation profile, the
delay that absorption with re-emission, scattering and reflection add, and Gaussians for the
transit time and for the reconstruction. What a PMT reports is the first photoelectron of each
pulse: with mean :math:`\mu` and density p the intensity of reported hits is

.. math:: h(t) = \mu p(t) \left(1 - \int_{t - T}^{t} h(u)\,du\right)

T being the merging time, because the PMT must not have begun a pulse less than T before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Complex, Float, Inexact
from torch import Tensor
from torch.nn import functional

from kzcal.light import ALPHA_PROFILE as ALPHA_PROFILE
from kzcal.light import ELECTRON_PROFILE as ELECTRON_PROFILE


def exponential(omega: Float[Tensor, " frequency"], tau: Tensor | float) -> Tensor:
    """Transform of an exponential delay of mean ``tau`` ns, at angular frequencies in 1/ns."""
    return 1 / (1 + 1j * omega * tau)


def scintillation(
    omega: Float[Tensor, " frequency"],
    profile: Sequence[tuple[float, float]],
    scale: Tensor | float = 1.0,
) -> Complex[Tensor, " frequency"]:
    """Transform of a scintillation profile with all decay times multiplied by ``scale``."""
    total = sum(weight for weight, _ in profile)
    terms = [weight / total * exponential(omega, tau * scale) for weight, tau in profile]
    return torch.stack(terms).sum(0)


def gaussian(omega: Float[Tensor, " frequency"], variance: Tensor) -> Tensor:
    """Transform of a centred Gaussian; ``variance`` [ns^2] gets a last axis of frequencies."""
    factor: Tensor = torch.exp(-0.5 * variance[..., None] * omega**2)
    return factor


def delay(omega: Float[Tensor, " frequency"], shift: Tensor) -> Tensor:
    """Transform of a fixed delay; ``shift`` [ns] gets a last axis of frequencies."""
    factor: Tensor = torch.exp(-1j * omega * shift[..., None])
    return factor


def even_delay(
    omega: Inexact[Tensor, " frequency"], delays: Float[Tensor, "row 2"]
) -> Complex[Tensor, "row frequency"]:
    """Transform of delays that are evenly spread between a least and a largest one [ns].

    Args:
        omega: angular frequencies, real or complex, 1/ns.
        delays: least and largest, ns.
    """
    first, last = delays[:, :1], delays[:, 1:]
    box = torch.sinc(omega * (last - first) / (2 * math.pi))
    return box * torch.exp(-0.5j * omega * (first + last))


def angular_frequencies(n: int, step: float, device: torch.device) -> Tensor:
    """Angular frequencies [1/ns] of the real transform of ``n`` bins of ``step`` ns."""
    frequency: Tensor = torch.fft.rfftfreq(n, step, dtype=torch.float64, device=device)
    return 2 * math.pi * frequency


def bin_contents(transform: Tensor, omega: Tensor, step: float, n_bins: int) -> Tensor:
    """Share of the density in each of the first bins, which begin at time zero."""
    box = torch.sinc(omega * step / (2 * math.pi)) * torch.exp(0.5j * omega * step)
    n = 2 * (len(omega) - 1)
    contents: Tensor = torch.fft.irfft(transform * box, n=n)[..., :n_bins].clamp(min=1e-12)
    return contents


def reported(
    share: Float[Tensor, "*cell bin"],
    mean: Float[Tensor, "*cell 1"],
    dark: Float[Tensor, "*#cell 1"],
    merging_bins: int,
) -> Float[Tensor, "*cell bin"]:
    """Distribution over bins of reported hits, dark ones included, normalised to the bins.

    The equation is iterated twice from its paralysable form, right to 2 % for means up to 4.

    Args:
        share: share of photoelectrons by bin.
        mean: mean number of photoelectrons.
        dark: mean number of dark hits in a bin.
        merging_bins: merging time in bins.
    """
    begun, live = reported_parts(share, mean, merging_bins)
    hits = begun + dark * live
    return hits / hits.sum(-1, keepdim=True)


def reported_parts(
    share: Float[Tensor, "*cell bin"], mean: Float[Tensor, "*cell 1"], merging_bins: int
) -> tuple[Float[Tensor, "*cell bin"], Float[Tensor, "*cell bin"]]:
    """Mean number of pulses that light begins in each bin, and the chance that one can begin.

    Args:
        share: share of photoelectrons by bin.
        mean: mean number of photoelectrons.
        merging_bins: merging time in bins.
    """
    arriving = mean * share
    survival = torch.exp(-_recent(arriving, merging_bins) + arriving / 2)
    begun = arriving * survival
    for _ in range(2):
        live = 1 - _recent(begun, merging_bins) + begun / 2
        begun = arriving * live
    return begun, live


def smeared(
    share: Float[Tensor, "*cell bin"], variance: Float[Tensor, "*#cell"], step: float
) -> Float[Tensor, "*cell bin"]:
    """Binned densities after a Gaussian error of this variance [ns^2]; ends are repeated."""
    margin = 16
    shape = share.shape
    padded = functional.pad(
        share.reshape(-1, shape[-1]), (margin, margin), mode="replicate"
    ).reshape(*shape[:-1], shape[-1] + 2 * margin)
    n = 2 ** math.ceil(math.log2(padded.shape[-1] + margin))
    omega = angular_frequencies(n, step, share.device).to(share.dtype)
    transform = torch.fft.rfft(padded, n=n) * gaussian(omega, variance)
    inside = slice(margin, margin + shape[-1])
    contents: Tensor = torch.fft.irfft(transform, n=n)[..., inside].clamp(min=1e-12)
    return contents


def _recent(values: Tensor, n: int) -> Tensor:
    """Sum over the last ``n`` bins, the present one included."""
    total = values.cumsum(-1)
    return total - functional.pad(total, (n, 0))[..., : values.shape[-1]]


def photoelectrons_ahead(share: Float[Tensor, "*cell bin"], merging_bins: int) -> Tensor:
    """Share of photoelectrons within the merging time after each bin."""
    total = share.cumsum(-1)
    later = torch.cat(
        [total[..., merging_bins:], total[..., -1:].expand(*total.shape[:-1], merging_bins)], -1
    )
    return later - total + share / 2
