r"""Light of calibration samples against that of simulated decays: light yield and quenching.

Every event's apparent light (``kzcal.fit.energy.apparent``), over the hits that traced photons of
its sample leave in its radius shell (``kzcal.fit.light.collection``), is its number of photons;
over those of one MeV it is an energy. Events are counted in bins of it. Expected are simulated
decays (``kzcal.fit.energy.quenching``) times the light yield, with the statistics of their hits,
of the dark ones and a further relative width, over a smooth background whose heights are
profiled. As the collection moves with the parameters of the light, so do the peaks of its shells.

Assumption: within a shell the calibration's light model knows how collection depends on place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.fit.energy.profiled import profiled
from kzcal.fit.energy.quenching import QuenchedLight
from kzcal.fit.light.collection import CollectionSums
from kzcal.fit.terms import FEWEST, Expectation, Values
from kzcal.geometry import LightParameters
from kzcal.geometry.adjusted import YIELD

NEAR = 0.09
"""Relative distance of a peak from its events below which nothing pulls it but the events."""
PULLING, STEEPNESS = 1000.0, 5.0
"""Counts of a bin that pulls a peak from farther off, and their growth with the distance: events
that background could take as well would not. It is as expected, and without slope, at any fit."""


@dataclass(frozen=True, slots=True, eq=False)
class Smearing:
    """What spreads the light of events of one energy.

    Args:
        hits_per_mev: of each sample and shell.
        dark: dark hits in a light window.
        spread: variance of the hits over their number, by sample.
        width: further relative standard deviation, by sample.
    """

    hits_per_mev: Float[Tensor, "sample shell"]
    dark: float
    spread: Float[Tensor, " sample"]
    width: Float[Tensor, " sample"]

    def shares(
        self,
        sample: int,
        energy: Float[Tensor, "shell group"],
        edges: Float[Tensor, " edge"],
    ) -> Float[Tensor, "shell group bin"]:
        """Share of each group's events in each bin, by a Gaussian with the skewness of hits.

        Args:
            sample: which one.
            energy: of the groups, MeV.
            edges: of the bins, MeV.
        """
        hits = self.hits_per_mev[sample][:, None]
        per_hit = self.spread[sample] / hits
        square = energy * per_hit + self.dark / hits**2 + (self.width[sample] * energy) ** 2
        third = energy * per_hit**2 + self.dark / hits**3
        sigma = torch.sqrt(square)[..., None]
        z = (edges - energy[..., None]) / sigma
        density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        skewed = third[..., None] / sigma**3 / 6 * (z**2 - 1) * density
        shares: Tensor = (torch.special.ndtr(z) - skewed).diff(dim=-1).clamp(min=0.0)
        return shares


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumTerm:
    """Spectra of samples by radius shell.

    Args:
        names: of the samples.
        observed: events in bins.
        edges: of the bins, MeV at the anchor.
        lights: of simulated decays by shell.
        profiles: of their scintillation, index into kzcal.light.PROFILES.
        collection: of traced light.
        anchor: parameters that the light was traced with.
        anchor_values: light yield and hits per photon there.
        smearing: of the light.
        background: smooth columns below a peak, zero where there are fewer.
        known: events that are there by chance.
        centre: median of the events of each sample, MeV at the anchor.
        floor: least share of decays among the events of each sample, so that background never
            takes a peak that is still elsewhere.
        start: heights of signal and background to begin with.
        variance: relative, of the expectation.
    """

    names: tuple[str, ...]
    observed: Float[Tensor, "sample shell bin"]
    edges: Float[Tensor, "sample edge"]
    lights: tuple[QuenchedLight, ...]
    profiles: tuple[int, ...]
    collection: CollectionSums
    anchor: LightParameters
    anchor_values: tuple[float, Float[Tensor, "profile shell"]]
    smearing: Smearing
    background: Float[Tensor, "sample bin component"]
    known: Float[Tensor, "sample shell bin"]
    centre: Float[Tensor, " sample"]
    floor: Float[Tensor, " sample"]
    start: Float[Tensor, "spectrum component"]
    variance: Float[Tensor, "sample shell bin"]

    @property
    def name(self) -> str:
        """What it compares."""
        return "spectra"

    @property
    def counts(self) -> Float[Tensor, " bin"]:
        """Events by sample, shell and bin; then PULLING for every sample and shell."""
        events = self.observed.reshape(-1)
        return torch.cat([events, events.new_full((self.start.shape[0],), PULLING)])

    def expected(self, values: Values) -> Expectation:
        """Expected events, heights profiled; then PULLING, and more where a peak is astray."""
        signal, astray = self.signal(values), self.astray(values)
        columns = self.columns(signal)
        least = self.floor[:, None] * self.observed.sum(-1)
        counts = self.observed.flatten(0, 1)
        known = (self.known + least[..., None] * signal).flatten(0, 1)
        heights = profiled(counts, columns, known, self.start)
        mean = known + (columns * heights[:, None]).sum(-1)
        variance = torch.cat([self.variance.reshape(-1), torch.zeros_like(astray)])
        pulled = PULLING * torch.exp(STEEPNESS * astray)
        return Expectation(torch.cat([mean.clamp(min=FEWEST).reshape(-1), pulled]), variance)

    def astray(self, values: Values) -> Float[Tensor, " spectrum"]:
        """How much farther than NEAR each peak is from the median of its events, relative."""
        energy = self.energies(values)
        pairs = zip(energy, self.lights, strict=True)
        means = torch.stack([(e * light.weight).sum(-1) for e, light in pairs])
        return (torch.log(means / self.centre[:, None]).abs() - NEAR).clamp(min=0.0).flatten()

    def energies(self, values: Values) -> list[Float[Tensor, "shell group"]]:
        """Light of the groups of each sample in each shell, MeV at the anchor."""
        at, before = self.anchor_values
        moved = self.collection.per_photon(values, self.anchor) / before
        moved = moved * values.get(YIELD, at * moved.new_ones(())) / at
        pairs = zip(self.profiles, self.lights, strict=True)
        return [moved[profile][:, None] * light.energy(values) for profile, light in pairs]

    def signal(self, values: Values) -> Float[Tensor, "sample shell bin"]:
        """Share of each bin in the decays of each sample and shell that are in any bin."""
        shares = []
        for sample, energy in enumerate(self.energies(values)):
            share = self.smearing.shares(sample, energy, self.edges[sample])
            total = torch.einsum("rg,rgb->rb", self.lights[sample].weight, share)
            shares.append(total / total.sum(-1, keepdim=True).clamp(min=FEWEST))
        return torch.stack(shares)

    def columns(
        self, signal: Float[Tensor, "sample shell bin"]
    ) -> Float[Tensor, "spectrum bin component"]:
        """Signal and background of every spectrum, for height one."""
        below = self.background[:, None].expand(*signal.shape, -1)
        return torch.cat([signal[..., None], below], dim=-1).flatten(0, 1)
