"""Gathers the spectra of a run: one pass over its hits, one over traced light, then the term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.stream import HitBatch
from kzcal.errors import CalibrationError
from kzcal.fit.energy.apparent import ApparentLight, HitSums, dark_hits
from kzcal.fit.energy.profiled import begun
from kzcal.fit.energy.quenching import (
    CHERENKOV,
    BirksTables,
    QuenchedLight,
    quenched_light,
)
from kzcal.fit.energy.samples import PEAKS, SpectrumRows, spectrum_rows
from kzcal.fit.energy.spectra import Smearing, SpectrumTerm
from kzcal.fit.energy.width import variance_of, with_widths
from kzcal.fit.light.collection import CollectionSums, cherenkov_weight
from kzcal.fit.light.traced import TracedBlock
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import YIELD, scintillator, values_of

LEAST_SHARE = 0.4
"""Of the purity of a sample: least share of its decays among the events of its spectrum."""


@dataclass(frozen=True, slots=True)
class SpectrumSettings:
    """Binning and simulation of the spectra.

    Args:
        radius_m: events farther out are left out.
        n_shells: of equal volume.
        n_bins: of a spectrum.
        decays: simulated for each sample and shell.
        seed: of the decays.
    """

    radius_m: float = 5.5
    n_shells: int = 3
    n_bins: int = 48
    decays: int = 5000
    seed: int = 1

    @property
    def shell_edges(self) -> tuple[float, ...]:
        """Outer radii of the shells, m."""
        parts = np.arange(1, self.n_shells + 1) / self.n_shells
        return tuple((self.radius_m * np.cbrt(parts)).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumAccumulator:
    """Sees every batch of hits and every block of traced light of a run once.

    Args:
        run: that is fitted; its detector is the one that light is traced in.
        rows: events of the spectra.
        values: parameters that light is traced with.
        photons_per_mev: of the detector's file.
        settings: binning and simulation.
        wanted: events whose light is needed.
        shell: of every event; -1 outside.
        hits: of every event.
        collection: of traced light.
    """

    run: CalibratedRun
    rows: tuple[SpectrumRows, ...]
    values: Mapping[str, float]
    photons_per_mev: float
    settings: SpectrumSettings
    wanted: Bool[Tensor, " event"]
    shell: Int[Tensor, " event"]
    hits: HitSums
    collection: CollectionSums

    @classmethod
    def of(
        cls,
        run: CalibratedRun,
        nominal: Detector,
        names: Sequence[str],
        settings: SpectrumSettings = SpectrumSettings(),
    ) -> SpectrumAccumulator:
        """Nothing seen yet.

        Args:
            run: that is fitted.
            nominal: the detector as its file has it, at light yield one.
            names: samples of the points that light is traced from.
            settings: binning and simulation.

        Raises:
            CalibrationError: the run has too few events of every sample.
        """
        source, stream, result = run.stream.source, run.stream, run.result
        rows = spectrum_rows(
            result.table, source.muons, source.header, result.selections, settings.radius_m
        )
        rows = tuple(row for row in rows if row.peak.name in names)
        if not rows:
            known = ", ".join(peak.name for peak in PEAKS)
            message = f"spectra need events of a sample of {known}, got too few of each"
            raise CalibrationError(message)
        radius = stream.events.vertex.double().norm(dim=1)
        edges = torch.tensor(settings.shell_edges, dtype=torch.float64, device=radius.device)
        shell = torch.bucketize(radius, edges)
        wanted = stream.events.used & (shell < settings.n_shells)
        here, there = (scintillator(d).photons_per_mev for d in (run.detector, nominal))
        return cls(
            run=run,
            rows=rows,
            values=values_of(run.detector) | {YIELD: here / there},
            photons_per_mev=there * nominal.light_gain.light_yield,
            settings=settings,
            wanted=wanted,
            shell=torch.where(wanted, shell, -1),
            hits=HitSums.zeros(len(wanted), radius.device),
            collection=CollectionSums.zeros(run, settings.n_shells),
        )

    def add(self, batch: HitBatch, behind: Float[Tensor, " hit"]) -> None:
        """Count the hits of a batch, and what is lost behind them."""
        self.hits.add(batch, behind, self.run, self.wanted)

    def add_light(self, block: TracedBlock) -> None:
        """Count the detected photons of a block."""
        self.collection.add(block, self.run, self.shell)

    def term(self) -> SpectrumTerm:
        """The spectra, and what the parameters make of them."""
        apparent = ApparentLight.of(self.hits, self.run, self.wanted)
        at = self.values[YIELD]
        per_photon, per_mev = self._scale(apparent, at)
        energy = self._energy(apparent, per_mev)
        spectra = list(zip(self.rows, energy, strict=True))
        edges = torch.stack([self._edges(row, each) for row, each in spectra])
        counted = [
            (self._counts(row.on, e, b), row.ratio * self._counts(row.off, e, b))
            for (row, e), b in zip(spectra, edges, strict=True)
        ]
        observed, known = (torch.stack(part) for part in zip(*counted, strict=True))
        heights = [row.peak.heights for row in self.rows]
        background = torch.stack([smooth_columns(n, self.settings.n_bins) for n in heights])
        background = background.to(edges.device)
        term = SpectrumTerm(
            names=tuple(row.peak.name for row in self.rows),
            observed=observed,
            edges=edges,
            lights=self._lights(),
            profiles=tuple(row.peak.profile for row in self.rows),
            collection=self.collection,
            anchor=self.run.detector.light,
            anchor_values=(at, per_photon),
            smearing=self._smearing(apparent, per_mev),
            background=background,
            known=known,
            centre=edges[:, 0] / edges.new_tensor([row.peak.span[0] for row in self.rows]),
            floor=edges.new_tensor([LEAST_SHARE * row.purity for row in self.rows]),
            start=torch.ones(observed[..., 0].numel(), background.shape[-1] + 1).to(edges),
            variance=torch.zeros_like(observed),
        )
        values = {name: edges.new_tensor(value) for name, value in self.values.items()}
        columns = term.columns(term.signal(values))
        term = replace(term, start=begun(observed.flatten(0, 1), columns))
        term = with_widths(term, values)
        return replace(term, variance=variance_of(term, values))

    def _scale(
        self, apparent: ApparentLight, at: float
    ) -> tuple[Float[Tensor, "profile shell"], Float[Tensor, "sample shell"]]:
        """Hits per photon summed over traced events, and apparent light of one MeV."""
        values = {name: self.hits.counted.new_tensor(v) for name, v in self.values.items()}
        per_photon = self.collection.per_photon(values, self.run.detector.light)
        chosen = self.collection.traced
        model = torch.bincount(self.shell[chosen], apparent.share[chosen], self.settings.n_shells)
        share = per_photon / model.clamp(min=1e-12)
        of_rows = [row.peak.profile for row in self.rows]
        return per_photon, (share * self.photons_per_mev * at)[of_rows]

    def _energy(
        self, apparent: ApparentLight, per_mev: Float[Tensor, "sample shell"]
    ) -> Float[Tensor, "sample event"]:
        """Energy of every event as one of each sample, MeV at the anchor; zero outside."""
        inside = self.shell >= 0
        unit = per_mev[:, self.shell.clamp(min=0)]
        return torch.where(inside, apparent.light / unit.clamp(min=1e-12), 0.0)

    def _edges(self, row: SpectrumRows, energy: Float[Tensor, " event"]) -> Float[Tensor, " edge"]:
        """Edges of the bins about the median of the sample."""
        core = torch.from_numpy(row.core).to(energy.device) & (energy > 0)
        low, high = (float(energy[core].median()) * part for part in row.peak.span)
        bins = self.settings.n_bins + 1
        return torch.linspace(low, high, bins, dtype=torch.float64, device=energy.device)

    def _counts(
        self, mask: np.ndarray, energy: Float[Tensor, " event"], edges: Float[Tensor, " edge"]
    ) -> Float[Tensor, "shell bin"]:
        """Events of a mask by shell and bin."""
        shells, bins = self.settings.n_shells, len(edges) - 1
        place = torch.bucketize(energy, edges, right=True) - 1
        chosen = torch.from_numpy(mask).to(energy.device) & self.wanted
        chosen = chosen & (place >= 0) & (place < bins)
        index = (self.shell * bins + place)[chosen]
        return torch.bincount(index, minlength=shells * bins).reshape(shells, bins).double()

    def _smearing(
        self,
        apparent: ApparentLight,
        per_mev: Float[Tensor, "sample shell"],
    ) -> Smearing:
        """Hits of one MeV in each shell, without a further width."""
        inside = self.shell >= 0
        n_shells = self.settings.n_shells
        number = torch.bincount(self.shell[inside], minlength=n_shells).clamp(min=1)
        share = torch.bincount(self.shell[inside], apparent.share[inside], n_shells) / number
        spread = [
            apparent.spread[torch.from_numpy(row.core).to(share.device)].mean()
            for row in self.rows
        ]
        return Smearing(
            per_mev * share,
            dark_hits(self.run),
            torch.stack(spread),
            torch.zeros(len(self.rows), dtype=torch.float64, device=share.device),
        )

    def _lights(self) -> tuple[QuenchedLight, ...]:
        """Light of simulated decays at vertices of the samples' events, shell by shell."""
        run, settings = self.run, self.settings
        vertex = run.stream.events.vertex.double().cpu().numpy()
        device = run.stream.detector.device
        weight = 0.0
        if self.values.get(CHERENKOV, 0.0) > 0:
            chosen = vertex[self.wanted.cpu().numpy()]
            weight = cherenkov_weight(run, chosen, seed=settings.seed)
        tables = BirksTables.of(run.detector, run.materials)
        shell, wanted = self.shell.cpu().numpy(), self.wanted.cpu().numpy()
        found = []
        for row in self.rows:
            core = row.core & wanted
            shells = []
            for number in range(settings.n_shells):
                places = vertex[core & (shell == number)]
                places = places if len(places) else vertex[core]
                light = quenched_light(
                    row.peak.name,
                    tables,
                    places[np.arange(settings.decays) % len(places)],
                    cherenkov_weight=weight,
                    seed=settings.seed,
                )
                shells.append(light)
            found.append(QuenchedLight.by_shell(shells).to(device))
        return tuple(found)


def smooth_columns(heights: int, n_bins: int, most: int = 3) -> Float[Tensor, "bin component"]:
    """Bernstein polynomials over the bins, as many as there are heights; zero columns after."""
    x = (torch.arange(n_bins, dtype=torch.float64) + 0.5) / n_bins
    columns = torch.zeros(n_bins, most, dtype=torch.float64)
    for k in range(heights):
        columns[:, k] = comb(heights - 1, k) * x**k * (1 - x) ** (heights - 1 - k)
    return columns
