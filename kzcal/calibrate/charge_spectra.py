"""Charge histograms of every PMT, by how many further photoelectrons a pulse may hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from kzcal.calibrate.arrivals import Arrivals
from kzcal.calibrate.light_model import LightModel
from kzcal.calibrate.stream import RunStream
from kzcal.calibrate.survey import LIGHT_WINDOW, Survey
from kzcal.calibrate.timing.walk import Walk

PILE_UP_EDGES = (0.02, 0.06, 0.12, 0.2, 0.3, 0.45, 0.7)
"""Upper edges of the classes of expected further photoelectrons; hits above are left out."""
N_BINS = 256
LOW_LIGHT = 2
"""Classes that are nearly all single photoelectrons; the report shows them."""


@dataclass(frozen=True, slots=True)
class ChargeSpectra:
    """Charge histograms of every PMT.

    Args:
        counts: hits by pile-up class and charge bin.
        pile_up: mean of the expected further photoelectrons of the hits in each class.
        step: width of a charge bin, p.e.
        offset: charge at the middle of the first bin, p.e.
        saturation: charge q reads q / (1 + q / saturation), p.e.; bins are of what is read.
    """

    counts: Float[Tensor, "pmt pile_up_class bin"]
    pile_up: Float[Tensor, "pmt pile_up_class"]
    step: float
    offset: float
    saturation: float = math.inf

    @property
    def charge(self) -> Float[Tensor, " bin"]:
        """Middle of each bin, p.e."""
        bins = torch.arange(self.counts.shape[-1], device=self.counts.device)
        return bins.double() * self.step + self.offset

    @property
    def before_saturation(self) -> Float[Tensor, " bin"]:
        """The charge of which the middle of each bin is read, p.e."""
        return self.charge / (1 - self.charge / self.saturation)

    def as_read(self, density: Float[Tensor, "*shape bin"]) -> Float[Tensor, "*shape bin"]:
        """Density of what is read, from that of the charge at the same values."""
        if math.isinf(self.saturation):
            return density
        charge = self.before_saturation
        place = ((charge - self.offset) / self.step).clamp(0, density.shape[-1] - 1.001)
        low = place.long()
        part = (place - low).to(density.dtype)
        stretched = (charge / self.charge) ** 2
        below, above = density.index_select(-1, low), density.index_select(-1, low + 1)
        return torch.lerp(below, above, part).mul_(stretched.to(density.dtype))

    def of_pmts(self, rows: Int[Tensor, " some"]) -> ChargeSpectra:
        """The histograms of some PMTs."""
        return replace(self, counts=self.counts[rows], pile_up=self.pile_up[rows])


def charge_spectra(
    stream: RunStream, first_look: Survey, model: LightModel, arrivals: Arrivals, walk: Walk
) -> ChargeSpectra:
    """Fill the histograms in one pass over the run.

    Hits are sorted by their times without the walk: with it, small pulses would seem to have less
    light ahead of them, and go to lower classes than large ones.
    """
    quantum = stream.config.charge_step
    n_pmt, n_class = stream.detector.n_pmt, len(PILE_UP_EDGES)
    device = stream.detector.device
    counts = torch.zeros(n_pmt * n_class * N_BINS, dtype=torch.float64, device=device)
    total = torch.zeros(n_pmt * n_class, dtype=torch.float64, device=device)
    edges = torch.tensor(PILE_UP_EDGES, device=device)
    lower, upper = LIGHT_WINDOW
    for batch in stream.batches():
        residual = batch.residual - first_look.offset[batch.pmt] - walk.of(batch.charge)
        light = batch.used & (residual > lower) & (residual < upper)
        further = model.of_hits(batch, stream) * arrivals.ahead(batch, stream, residual)
        further = torch.where(batch.forced, 0.0, further)
        bins = torch.round(batch.charge / quantum).long() // 2
        inside = (bins >= 0) & (bins < N_BINS) & (further < PILE_UP_EDGES[-1])
        chosen = (light | batch.forced) & inside
        cell = (batch.pmt * n_class + torch.bucketize(further, edges))[chosen]
        total += torch.bincount(cell, further[chosen].double(), n_pmt * n_class)
        counts += torch.bincount(cell * N_BINS + bins[chosen], minlength=len(counts))
    spectra = counts.reshape(n_pmt, n_class, N_BINS)
    pile_up = total.reshape(n_pmt, n_class) / spectra.sum(2).clamp(min=1)
    saturation = stream.config.saturation_pe
    return ChargeSpectra(spectra, pile_up, 2 * quantum, quantum / 2, saturation)
