"""Arrival-time densities of every cell of hits.

With the mean transit-time spread and the decay times of the simple light, each distance gets a
distribution of optical delays, and each energy class a shift and a spread of its own there
(gammas deposit energy over decimetres, some time after the decay). The densities for charges
that tell how many photoelectrons a pulse had follow without further freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, POINT_LIKE, Arrivals
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.calibrate.timing.cells import (
    FIRST,
    N_BINS,
    STEP,
    Cells,
)
from kzcal.calibrate.timing.multinomial import Prior, fit_multinomial
from kzcal.calibrate.timing.simple import (
    LONG_DELAYS,
    N_TRANSFORM,
    SHORT_DELAYS,
    SimpleLight,
    at_times,
    delayed,
    profiles,
)
from kzcal.response.charge import PeClasses
from kzcal.response.timing import (
    angular_frequencies,
    bin_contents,
    delay,
    gaussian,
    photoelectrons_ahead,
    reported,
    smeared,
)

N_DELAYS = len(SHORT_DELAYS) + len(LONG_DELAYS)
GAMMA_ALPHA_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Templates:
    """Arrival-time densities for a given transit-time spread.

    Args:
        cells: the cells that they describe.
        simple: what simple light told.
        smearing: variance that the reconstruction adds in each energy class, ns^2.
        values: shifts, delays and spreads of each distance class.
        merging_time: ns.
    """

    cells: Cells
    simple: SimpleLight
    smearing: Float[Tensor, " energy"]
    values: Float[Tensor, "distance value"]
    merging_time: float

    def photoelectrons(
        self, values: Float[Tensor, " value"], tts: Float[Tensor, " type"], n_bins: int = N_BINS
    ) -> Float[Tensor, "type energy bin"]:
        """Share of photoelectrons by time bin at one distance, for spreads of each type [ns]."""
        omega = angular_frequencies(N_TRANSFORM, STEP, values.device)
        shift, weights, spread = torch.split(values, [N_ENERGY, N_DELAYS, N_ENERGY])
        optics = delayed(omega, torch.exp(weights)) * delay(omega, shift - FIRST)
        share = values.new_full((N_ENERGY - POINT_LIKE,), GAMMA_ALPHA_SHARE)
        alpha = torch.cat([self.simple.alpha_share, share])
        profile = profiles(omega, self.simple.decay_scale, alpha)
        extra = torch.nn.functional.softplus(spread) - 0.1
        variance = tts[:, None] ** 2 + extra[None]
        early = at_times(omega, self.simple.early_share, self.simple.early_ns)[:, None]
        transform = gaussian(omega, variance.clamp(min=0.05)) * early * profile * optics
        return bin_contents(transform, omega, STEP, n_bins)

    def any_charge(
        self, place: int, values: Float[Tensor, " value"]
    ) -> Float[Tensor, "type energy mean bin"]:
        """Reported hits by time bin at one distance, charges together."""
        hits = reported(
            self.photoelectrons(values, self.simple.tts)[:, :, None],
            self.cells.mean[:, :, place, :, None],
            self.cells.dark[:, None, None, None],
            round(self.merging_time / STEP),
        )
        return smeared(hits, self.smearing[:, None], STEP)

    def arrivals(self) -> Arrivals:
        """Arrival times of photoelectrons in the light window, mean of the types."""
        n_bins = round((LIGHT_WINDOW[1] - FIRST) / STEP)
        rows = [self.photoelectrons(values, self.simple.tts, n_bins) for values in self.values]
        share = smeared(torch.stack(rows, dim=2), self.smearing[:, None], STEP)
        return Arrivals.of(share.mean(0), FIRST, STEP)

    def table(
        self, tts: Float[Tensor, " type"], classes: PeClasses
    ) -> Float[Tensor, "type energy distance mean charge bin"]:
        """Reported hits by time bin in every cell, for spreads of each type [ns]."""
        rows = [self.photoelectrons(values, tts) for values in self.values]
        share = torch.stack(rows, dim=2)[:, :, :, None].float()
        mean = self.cells.mean[..., None].float()
        merging_bins = round(self.merging_time / STEP)
        dark = self.cells.dark[:, None, None, None, None].float()
        hits = reported(share, mean, dark, merging_bins)
        further = mean * photoelectrons_ahead(share, merging_bins)
        chance = _charge_class_chance(further, classes.chance.float())
        smearing = self.smearing[:, None, None, None].float()
        by_charge = smeared(hits[..., None, :] * chance, smearing, STEP)
        return by_charge / by_charge.sum(-1, keepdim=True)


def _charge_class_chance(
    further: Float[Tensor, "type *cell bin"], class_of_pe: Float[Tensor, "type pe charge"]
) -> Float[Tensor, "type *cell charge bin"]:
    """Chance of each charge class, given the mean of further photoelectrons in the pulse."""
    n_type, n_pe, n_charge = class_of_pe.shape
    weight = torch.exp(-further)
    chance = further.new_full((), 1e-9)
    for n in range(n_pe):
        share = class_of_pe[:, n].reshape(n_type, *[1] * (further.ndim - 2), n_charge, 1)
        chance = chance + weight[..., None, :] * share
        weight = weight * further / (n + 1)
    return chance


def fit_templates(
    counts: Float[Tensor, "type energy distance mean bin"],
    cells: Cells,
    simple: SimpleLight,
    smearing: Float[Tensor, " energy"],
    merging_time: float,
    start: Float[Tensor, "distance value"] | None = None,
) -> Templates:
    """Find the delays and spreads of each distance from hits of few photoelectrons.

    Args:
        counts: hits by cell and time bin.
        cells: what the cells hold.
        simple: spread, decay times and alpha shares.
        smearing: variance that the reconstruction adds in each energy class, ns^2.
        merging_time: ns.
        start: values of an earlier fit.
    """
    device = counts.device
    rows_of_prior = [(0.0, 3.0)] * N_ENERGY + [(-3.0, 3.0)] * N_DELAYS + [(-2.0, 1.5)] * N_ENERGY
    centre, sigma = torch.tensor(rows_of_prior, dtype=torch.float64, device=device).T
    templates = Templates(cells, simple, smearing, centre.repeat(N_DISTANCE, 1), merging_time)
    rows: list[Tensor] = []
    for place in range(N_DISTANCE):
        near = rows[-1] if rows else centre
        first = near if start is None else start[place]
        values, _ = fit_multinomial(
            partial(templates.any_charge, place),
            counts[:, :, place],
            first,
            Prior(centre, sigma),
            iterations=10,
            tolerance=2.0,
        )
        rows.append(values)
    return Templates(cells, simple, smearing, torch.stack(rows), merging_time)
