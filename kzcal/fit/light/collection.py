"""Hits that a photon leaves, by time profile, radius shell and type of PMT, from traced light.

Light of all samples counts for each profile, with the share of its scintillation that comes
before the light window ends: where an event is decides what is collected of it, hardly what it is.

Assumption: the cloud of light about a gamma's centroid collects as its centroid does; over some
    decimetres that moves the collection by less than 0.1 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.fit.light.sloped import SlopedHistogram
from kzcal.fit.light.traced import TracedBlock
from kzcal.fit.run import CalibratedRun
from kzcal.fit.terms import Values
from kzcal.geometry import LightParameters
from kzcal.light import PROFILE_COMPONENTS
from kzcal.optics.tracer import SPECTRA, FullTracer

N_PROFILES = 2
"""Electrons and alphas."""
N_TYPES = 2
EFFICIENCY_20 = "efficiency_20"
PLACES = 50


@dataclass(frozen=True, slots=True, eq=False)
class CollectionSums:
    """Hits per photon summed over events; blocks are added in place.

    Args:
        hits: by profile, shell and type of PMT, with slopes.
        traced: events of the run whose light was traced.
        n_shells: number of shells.
    """

    hits: SlopedHistogram
    traced: Bool[Tensor, " event"]
    n_shells: int

    @classmethod
    def zeros(cls, run: CalibratedRun, n_shells: int) -> CollectionSums:
        """Nothing added yet."""
        used = run.stream.events.used
        hits = SlopedHistogram.zeros(N_PROFILES * n_shells * N_TYPES, used.device)
        return cls(hits, torch.zeros_like(used), n_shells)

    def add(self, block: TracedBlock, run: CalibratedRun, shell: Int[Tensor, " event"]) -> None:
        """Add traced light.

        Args:
            block: of it.
            run: whose efficiencies weigh it.
            shell: of every event of the run; -1 outside.
        """
        kept = shell[block.events] >= 0
        self.traced[block.events[kept]] = True
        mine = kept[block.event]
        pmt = block.pmt[mine]
        weight = block.weight * run.weight[pmt].double() / block.emitted[block.event[mine]]
        place = shell[block.row[mine]] * N_TYPES + run.stream.detector.kind[pmt]
        for profile in range(N_PROFILES):
            seen = seen_share(block.residual[mine], profile, run.detector.light.decay_scale)
            index = profile * self.n_shells * N_TYPES + place
            self.hits.add(index, weight * seen, block.slopes[mine])

    def per_photon(
        self, values: Values, anchor: LightParameters
    ) -> Float[Tensor, "profile shell"]:
        """Sums over the traced events of hits per photon at values of the parameters."""
        hits = self.hits.expected(values, anchor).reshape(N_PROFILES, self.n_shells, N_TYPES)
        return hits[..., 0] + hits[..., 1] * values.get(EFFICIENCY_20, hits.new_ones(()))

    @property
    def relative_error(self) -> float:
        """Of the hits per photon of all shells together, from the number of photons traced."""
        total = self.hits.total[: self.n_shells * N_TYPES].sum()
        squares = self.hits.squares[: self.n_shells * N_TYPES].sum()
        return float(squares.sqrt() / total.clamp(min=1e-30))


def seen_share(
    residual: Float[Tensor, " photon"], profile: int, decay_scale: float
) -> Float[Tensor, " photon"]:
    """Share of the scintillation that comes before the light window ends.

    Args:
        residual: of the light without scintillation, ns.
        profile: index into kzcal.light.PROFILES.
        decay_scale: decay times over the nominal ones.
    """
    left = (LIGHT_WINDOW[1] - residual.double()).clamp(min=0.0)
    weights, times = zip(*PROFILE_COMPONENTS[profile], strict=True)
    seen = torch.zeros_like(left)
    for weight, time in zip(weights, times, strict=True):
        seen = seen - weight / sum(weights) * torch.expm1(-left / (time * decay_scale))
    return seen


def cherenkov_weight(
    run: CalibratedRun,
    position: Float64[np.ndarray, "event 3"],
    *,
    photons: int = 1_000_000,
    seed: int,
) -> float:
    """Photoelectrons of a Cherenkov photon over those of a scintillation photon of one place.

    Args:
        run: its detector and materials.
        position: some of these places are taken, m.
        photons: traced of both kinds together.
        seed: of the photons.
    """
    places = np.ascontiguousarray(position[:: max(len(position) // PLACES, 1)][:PLACES])
    number = max(photons // (2 * len(places)), 1)
    tracer = FullTracer(run.detector, run.materials, device=run.stream.detector.device)
    found = []
    for spectrum in SPECTRA:
        generator = torch.Generator().manual_seed(seed)
        seen = tracer.trace(places, number, spectrum=spectrum, generator=generator)
        found.append(len(seen.pmt))
    light, cherenkov = found
    return cherenkov / max(light, 1)
