r"""Probability of what a PMT reports, as a renewal process on a grid in time.

Photoelectrons, light's and dark, come with the intensity :math:`\lambda(t)`. A PMT that is live
begins a pulse with the first of them, takes up the :math:`n - 1` more of the merging time T that
follows, Poisson with mean :math:`m(t) = \int_t^{t+T}\lambda`, and is live again. The pulse has the
charge density of n photoelectrons and passes the discriminator or is dropped; a dropped one makes
the PMT as blind as one that is seen. With a(t) the probability of being live at t and not having
reported since the last reported pulse,

.. math:: \dot a = -\lambda a + (\lambda a h)(t - T),

h being the chance that a pulse is dropped. A reported pulse multiplies the likelihood by
:math:`\lambda a` and the density of its charge, and sets a to zero for T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.response.charge import ChargeShape, passing, single_pe_density
from kzcal.response.merging import Pulses
from kzcal.response.timing import angular_frequencies, delay, exponential, gaussian

if TYPE_CHECKING:
    from kzcal.response.detector import DetectorResponse

CHARGE_STEP = 1 / 32
MOST_HIDDEN = 6
"""Photoelectrons of which a pulse always passes the discriminator."""


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """Photoelectrons that the light of each event makes in each PMT, by cable.

    Args:
        mean: expected number, the PMT's efficiency included.
        share: of them in each bin of time, before the transit time; one row for each PMT of each
            event, or fewer to be broadcast.
        begin: of the first bin, ns; bins cover the window of the recording.
        step: width of a bin, ns.
    """

    mean: Float[Tensor, "event pmt"]
    share: Float[Tensor, "#event #pmt bin"]
    begin: float
    step: float


def log_likelihood(
    response: DetectorResponse,
    pulses: Pulses,
    expectation: Expectation,
    window: tuple[float, float],
) -> Float[Tensor, " event"]:
    """Sum over the PMTs of each event; see DetectorResponse.log_prob."""
    intensity = _intensity(response, expectation, window)
    n_event, n_pmt, n_bin = intensity.shape
    merging = round(response.merging_time / expectation.step)
    pile_up = _ahead(intensity, merging)
    charge = pulses.charge / (1 - pulses.charge / response.saturation)
    begun = pulses.time - response.delay_of(charge, pulses.pmt)
    at = ((begun - expectation.begin) / expectation.step).long().clamp(0, n_bin - 1)
    cell = pulses.event * n_pmt + pulses.pmt
    more = pile_up[pulses.event, pulses.pmt, at]
    marks = _charge_log_density(response, charge, pulses.pmt, more)
    marks = marks - 2 * torch.log1p(-pulses.charge / response.saturation)
    hidden = _dropped(response, pile_up)
    flat = (intensity.reshape(-1, n_bin), hidden.reshape(-1, n_bin))
    silent = _renewal(*flat, cell, at, merging)
    total = silent.reshape(n_event, n_pmt).sum(1) - math.log(expectation.step) * torch.bincount(
        pulses.event, minlength=n_event
    )
    return total.index_add(0, pulses.event, marks)


def _intensity(
    response: DetectorResponse, expectation: Expectation, window: tuple[float, float]
) -> Float[Tensor, "event pmt bin"]:
    """Expected photoelectrons and dark pulses by bin, as they arrive at the electronics."""
    step, n_bin = expectation.step, expectation.share.shape[-1]
    n = 2 ** math.ceil(math.log2(n_bin + 512 / step))
    omega: Tensor = angular_frequencies(n, step, expectation.mean.device)
    transit = gaussian(omega, response.tts.double() ** 2) * delay(
        omega, response.time_offset.double()
    )
    late = response.late_share * (exponential(omega, response.late_delay) - 1)
    stray, further = torch.ones_like(transit), torch.ones_like(transit)
    for part in response.moved:
        stray = stray + part.share[:, None] * (part.transform(omega) - 1)
    for part in response.added:
        further = further + part.share[:, None] * part.transform(omega)
    transform = torch.fft.rfft(expectation.share.double(), n=n)
    arriving = transform * transit * (1 + late) * stray * further
    share = torch.fft.irfft(arriving, n=n)[..., :n_bin].clamp(min=0)
    time = expectation.begin + step * (torch.arange(n_bin, device=omega.device) + 0.5)
    recorded = ((time >= window[0]) & (time <= window[1])).double()
    dark = (response.dark_rate.double() * 1e-9 * step)[:, None] * recorded
    alive = response.alive.double()[:, None]
    arrivals: Tensor = alive * (expectation.mean.double()[..., None] * share + dark)
    return arrivals


def _ahead(intensity: Tensor, merging: int) -> Tensor:
    """Expected photoelectrons within the merging time after the middle of each bin."""
    total = torch.nn.functional.pad(intensity.cumsum(-1), (1, 0))
    end = total[..., -1:].expand(*total.shape[:-1], merging)
    middle = (total[..., 1:] + total[..., :-1]) / 2
    later = torch.cat([total, end], -1)[..., merging:]
    return (later[..., 1:] + later[..., :-1]) / 2 - middle


def _renewal(
    intensity: Float[Tensor, "cell bin"],
    hidden: Float[Tensor, "cell bin"],
    cell: Int[Tensor, " hit"],
    at: Int[Tensor, " hit"],
    merging: int,
) -> Float[Tensor, " cell"]:
    """Log-probability of the times of the reported pulses of each cell, per bin.

    Within a bin a pulse begins half-way through on average, whence the half exponents.
    """
    n_cell, n_bin = intensity.shape
    order = torch.argsort(at, stable=True)
    bounds = torch.searchsorted(at[order], torch.arange(n_bin + 1, device=at.device))
    edges, rows = bounds.tolist(), cell[order]
    live = torch.ones(n_cell, dtype=intensity.dtype, device=intensity.device)
    total = torch.zeros_like(live)
    waiting = [torch.zeros_like(live)] * (n_bin + merging + 1)
    for b in range(n_bin):
        live = live + waiting[b]
        now = intensity[:, b]
        begins = live * -torch.expm1(-now)
        waiting[b + merging] = begins * hidden[:, b]
        chosen = rows[edges[b] : edges[b + 1]]
        density = live[chosen] * now[chosen] * torch.exp(-now[chosen] / 2)
        live = live - begins
        if not len(chosen):
            continue
        total = total.index_add(0, chosen, torch.log(density.clamp(min=1e-300)))
        reports = torch.zeros_like(live).index_fill(0, chosen, 1.0)
        live = live * (1 - reports)
        for later in range(b + 1, b + merging):
            waiting[later] = waiting[later] * (1 - reports)
        waiting[b + merging] = torch.where(reports > 0, 1.0, waiting[b + merging])
    return total + torch.log((live + torch.stack(waiting[n_bin:]).sum(0)).clamp(min=1e-300))


def _transforms(response: DetectorResponse, n: int) -> tuple[Tensor, Tensor]:
    """Transform of the single-p.e. charge of every PMT on ``n`` charges, and the charges."""
    charge = CHARGE_STEP * torch.arange(n, dtype=torch.float64, device=response.gain.device)
    shape = _double(response.shape)
    density = single_pe_density(charge, response.gain.double(), response.spe_width.double(), shape)
    weight = torch.full_like(charge, CHARGE_STEP)
    weight[0] /= 2
    content = density.value * weight
    return torch.fft.rfft(content / content.sum(1, keepdim=True)), charge


def _charge_log_density(
    response: DetectorResponse, charge: Tensor, pmt: Tensor, more: Tensor
) -> Float[Tensor, " hit"]:
    """Log-density of passing with this charge, with so many more photoelectrons expected."""
    if not len(charge):
        return charge.double()
    largest = float(torch.maximum(charge.max(), 3 * more.max())) + 8
    n = 2 ** math.ceil(math.log2(largest / CHARGE_STEP))
    transform, _ = _transforms(response, n)
    single = transform[pmt]
    density = torch.fft.irfft(single * torch.exp(more[:, None] * (single - 1)), n=n) / CHARGE_STEP
    position = (charge.double() / CHARGE_STEP).clamp(0, n - 2)
    low = position.long()
    hit = torch.arange(len(charge), device=charge.device)
    density[:, 0] *= 2
    value = torch.lerp(density[hit, low], density[hit, low + 1], position - low)
    shape, level = response.shape, charge.double()
    pull = (level - shape.threshold[pmt].double()) / shape.threshold_width[pmt].double()
    seen = 0.5 * torch.special.erfc(-pull / math.sqrt(2))
    return torch.log(value.clamp(min=1e-300)) + torch.log(seen.clamp(min=1e-300))


def _dropped(response: DetectorResponse, pile_up: Tensor) -> Float[Tensor, "event pmt bin"]:
    """Chance that a pulse with so many more photoelectrons expected stays below threshold."""
    transform, grid = _transforms(response, 512)
    passes = passing(grid, _double(response.shape))
    total = torch.zeros_like(pile_up)
    term = torch.exp(-pile_up)
    for n in range(1, MOST_HIDDEN + 1):
        density = torch.fft.irfft(transform**n, n=512).clamp(min=0)
        total = total + term * (density * (1 - passes)).sum(1)[:, None]
        term = term * pile_up / n
    return total


def _double(shape: ChargeShape) -> ChargeShape:
    return ChargeShape(
        shape.exponential_fraction.double(),
        shape.exponential_scale.double(),
        shape.threshold.double(),
        shape.threshold_width.double(),
    )
