"""The full tracer: every photon followed through the detector until it ends.

Photons are thinned at emission by the largest probability that any of them is detected with, and
accepted at a PMT with the rest: a Poisson number of photons, of which each counts on its own, is
the same either way, and none is followed in vain.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int32, Int64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.geometry.materials import Materials
from kzcal.light import LightSites
from kzcal.optics.photons import FATES
from kzcal.optics.photons_blocks import Columns, columns_for, trace_block
from kzcal.optics.photons_tables import Sources, as_record, largest_efficiency, photon_tables
from kzcal.photoelectrons import Photoelectrons

SLOPES = (
    "absorption_scale",
    "scattering_scale",
    "pmt_reflectivity",
    "sheet_reflectivity",
    "angular_slope",
)
SPECTRA = ("scintillation", "cherenkov")
BLOCK = 1 << 16
"""Photons that a thread traces at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Photons that were detected, in the order of their numbers.

    Args:
        source: row of the source.
        pmt: cable number.
        time: after the emission, ns.
        slopes: of the log of each one's expected count in the logs of SLOPES.
        weight: photoelectrons per photon that one of them stands for, at relative efficiency 1.
        fates: how many photons ended in each way of FATES.
    """

    source: Int32[np.ndarray, " photon"]
    pmt: Int32[np.ndarray, " photon"]
    time: Float32[np.ndarray, " photon"]
    slopes: Float32[np.ndarray, "photon 5"]
    weight: float
    fates: dict[str, int]


class FullTracer:
    """Photoelectrons of any light, photon by photon.

    Args:
        detector: its ``light`` gives the parameters.
        materials: optical tables of its media.
        ceiling: relative efficiency of the PMTs that photoelectrons are drawn for.
        device: cpu or cuda; where the histories are computed.
    """

    def __init__(
        self,
        detector: Detector,
        materials: Materials,
        ceiling: float = 1.6,
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        if not ceiling > 0:
            message = f"the ceiling of the efficiencies must be positive, got {ceiling}"
            raise ConfigurationError(message)
        self.ceiling = ceiling
        self.tables = photon_tables(detector, materials)
        self.weight = largest_efficiency(detector, materials)
        self._blocks = partial(_blocks, as_record(self.tables))
        if torch.device(device).type == "cuda":
            from kzcal.optics.photons_cuda import blocks_on_cuda, tables_on_cuda

            self._blocks = partial(blocks_on_cuda, tables_on_cuda(self.tables))

    def sample(self, sites: LightSites, *, generator: torch.Generator) -> Photoelectrons:
        """Draw photoelectrons for PMTs of relative efficiency ``ceiling``."""
        sources, mean, site = self._sources(sites)
        number = torch.poisson(mean * self.weight * self.ceiling, generator=generator)
        found = self._traced(sources, number.long().cpu().numpy(), _key(generator))
        source, pmt, time = (
            torch.from_numpy(column).to(site.device)
            for column in (found.source, found.pmt, found.time)
        )
        site = site[source.long()]
        return Photoelectrons(sites.event[site], pmt.long(), sites.time[site] + time)

    def trace(
        self,
        position: Float64[np.ndarray, "source 3"],
        photons: int | Int64[np.ndarray, " source"],
        *,
        spectrum: str = "scintillation",
        generator: torch.Generator,
    ) -> Detections:
        """Trace so many isotropic photons from each point, all emitted at time zero.

        Args:
            position: m.
            photons: from every point, or from each; all of them are traced.
            spectrum: scintillation (of the medium that the point lies in) or cherenkov.
            generator: source of the key of the random numbers.

        Raises:
            ConfigurationError: no such spectrum.
        """
        if spectrum not in SPECTRA:
            message = f"a spectrum is one of {', '.join(SPECTRA)}, got {spectrum!r}"
            raise ConfigurationError(message)
        n = len(position)
        square = (position**2).sum(1)
        medium = np.searchsorted(self.tables.square_radius[:-1], square, side="right")
        cherenkov = np.full(n, len(self.tables.medium))
        sources = Sources(
            position=np.ascontiguousarray(position, np.float64),
            direction=np.zeros((n, 3)),
            beta=np.zeros(n),
            spectrum=(medium if spectrum == "scintillation" else cherenkov).astype(np.int64),
            profile=np.full(n, -1),
        )
        number = np.broadcast_to(np.asarray(photons, np.int64), (n,))
        return self._traced(sources, number, _key(generator))

    def _sources(self, sites: LightSites) -> tuple[Sources, torch.Tensor, torch.Tensor]:
        """Scintillation of all sites, then their Cherenkov light; mean numbers and sites' rows."""
        both = torch.cat([sites.scintillation, sites.cherenkov]).double()
        kept = torch.nonzero(both > 0).flatten()
        n = len(sites.event)
        row, cherenkov = kept % max(n, 1), (kept >= n)
        last_medium = len(self.tables.medium) - 1
        spectrum = torch.where(
            cherenkov, last_medium + 1, sites.medium[row].clamp(max=last_medium)
        )
        sources = Sources(
            position=sites.position[row].double().cpu().numpy(),
            direction=sites.direction[row].double().cpu().numpy(),
            beta=torch.where(cherenkov, sites.beta[row], 0.0).double().cpu().numpy(),
            spectrum=spectrum.long().cpu().numpy(),
            profile=torch.where(cherenkov, -1, sites.profile[row]).long().cpu().numpy(),
        )
        return sources, both[kept], row

    def _traced(self, sources: Sources, number: np.ndarray, key: np.uint64) -> Detections:
        ends = np.cumsum(number, dtype=np.int64)
        fates = np.zeros(len(FATES), np.int64)
        parts = []
        for part, counts in self._blocks(sources, ends, key):
            parts.append(part)
            fates += counts
        source, pmt, time, slopes = (
            np.concatenate(column) for column in zip(columns_for(0), *parts, strict=True)
        )
        ended = dict(zip(FATES, fates.tolist(), strict=True))
        return Detections(source, pmt, time, slopes, self.weight, ended)


def _blocks(
    record: np.ndarray, sources: Sources, ends: np.ndarray, key: np.uint64
) -> Iterator[tuple[Columns, np.ndarray]]:
    """Detected photons and fates of each block, in order."""
    total = int(ends[-1]) if len(ends) else 0

    def trace(first: int) -> tuple[Columns, np.ndarray]:
        columns = columns_for(min(BLOCK, total - first))
        fates = np.zeros(len(FATES), np.int64)
        found = trace_block(key, first, ends, sources, record, columns, fates)
        source, pmt, time, slopes = columns
        part = source[:found].copy(), pmt[:found].copy(), time[:found].copy()
        return (*part, slopes[:found].copy()), fates

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        yield from threads.map(trace, range(0, total, BLOCK))


def _key(generator: torch.Generator) -> np.uint64:
    """One draw of 63 bits."""
    drawn = torch.randint(2**63 - 1, (1,), generator=generator, device=generator.device)
    return np.uint64(drawn.item())
