"""Stages of a simulation that are quick and simple, and a recipe of such a simulation."""

from dataclasses import dataclass

import numpy as np
import torch

from kzcal.geometry import load_detector
from kzcal.hits import Muons, RunHeader
from kzcal.light import LightSites
from kzcal.particles import ELECTRON, Deposits, Primaries
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.detector import Pulses
from kzcal.simulate.chain import PHYSICS_WINDOW_NS, Chain
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.timeline import BLOCK, Series, Steady, steady_counts
from kzcal.simulate.volumes import volume
from kzcal.simulate.workers import Simulation


class Pairs:
    """Two electrons of 1 and 0.5 MeV; the second comes after a delay of 300 ns on average."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        time = np.stack([np.zeros(n), generator.exponential(300.0, n)], axis=1)
        return Primaries(
            offsets=np.arange(0, 2 * n + 1, 2),
            particle=np.full(2 * n, ELECTRON, np.int32),
            energy=np.tile([1.0, 0.5], n),
            time=time.ravel(),
            direction=np.tile([0.0, 0.0, 1.0], (2 * n, 1)),
        )


class OnTheSpot:
    """Every particle leaves its energy where it starts, in the innermost medium."""

    def deposits(self, primaries, position, *, generator):
        jitter = generator.normal(0.0, 0.01, (len(primaries.energy), 3))
        return Deposits(
            primaries.offsets,
            primaries.particle,
            primaries.energy,
            position[primaries.decay] + jitter,
            primaries.direction,
            primaries.time,
            np.zeros(len(primaries.energy), np.int32),
        )

    def light(self, deposits):
        n = len(deposits.energy)
        return LightSites(
            event=torch.from_numpy(deposits.event),
            position=torch.from_numpy(deposits.position).float(),
            time=torch.from_numpy(deposits.time).float(),
            direction=torch.from_numpy(deposits.direction).float(),
            scintillation=torch.from_numpy(8500.0 * deposits.energy).float(),
            cherenkov=torch.zeros(n),
            beta=torch.full((n,), 0.9),
            profile=torch.zeros(n, dtype=torch.long),
            medium=torch.zeros(n, dtype=torch.long),
        )

    def truth(self, deposits):
        total = np.bincount(deposits.event, deposits.energy, len(deposits))
        with np.errstate(invalid="ignore"):
            place = [
                np.bincount(deposits.event, deposits.energy * axis, len(deposits)) / total
                for axis in deposits.position.T
            ]
        return dict(zip("xyz", place, strict=True)) | {"e_dep": total}


class EvenLight:
    """Every PMT sees the same small share of the light, at once."""

    ceiling = 1.5

    def __init__(self, n_pmt: int = 1879, share: float = 2e-5) -> None:
        self.n_pmt, self.share = n_pmt, share

    def sample(self, sites, *, generator):
        mean = (sites.scintillation * self.share * self.n_pmt * self.ceiling).float()
        site = torch.repeat_interleave(
            torch.arange(len(mean)), torch.poisson(mean, generator=generator).long()
        )
        pmt = torch.randint(self.n_pmt, site.shape, generator=generator)
        delay = -10.0 * torch.log1p(-torch.rand(site.shape, generator=generator))
        return Photoelectrons(sites.event[site], pmt, sites.time[site] + delay)


class Thinning:
    """Keeps a photoelectron with the chance that belongs to efficiency one, and its window."""

    def sample(self, light, window, *, ceiling=None, generator):
        chance = torch.rand(light.time.shape, generator=generator)
        low, high = (edge[light.event] for edge in window)
        kept = (chance < 1 / (ceiling or 1.0)) & (light.time >= low) & (light.time <= high)
        charge = 0.5 + torch.rand(light.time.shape, generator=generator)
        rows = torch.nonzero(kept)[:, 0]
        rows = rows[torch.argsort(light.time[rows], stable=True)]
        rows = rows[torch.argsort(light.event[rows], stable=True)]
        return Pulses(light.event[rows], light.pmt[rows], light.time[rows], charge[rows])


@dataclass(frozen=True)
class Found:
    """Like a reconstruction's result."""

    vertex: np.ndarray
    energy: np.ndarray
    t0: np.ndarray


class Counting:
    """Energy from the number of hits, time from the first; the vertex is always the centre."""

    def fit(self, events):
        energy = (events.hits.counts / 300.0).astype(np.float32)
        t0 = [time.min() if len(time) else np.nan for time in hit_times(events)]
        return Found(np.zeros((len(events), 3), np.float32), energy, np.array(t0, np.float32))


def hit_times(events):
    """Times of each event's hits, ns."""
    return np.split(events.hits.time, events.hits.offsets[1:-1])


def plain_chain(reconstruction=None, *, keeps_true: bool = False) -> Chain:
    return Chain(
        detector=load_detector(),
        transport=OnTheSpot(),
        light=EvenLight(),
        response=Thinning(),
        reconstruction=reconstruction,
        constants="c0",
        device=torch.device("cpu"),
        keeps_true=keeps_true,
    )


@dataclass(frozen=True)
class PlainRecipe:
    """So many pairs of electrons, or an hour of them with forced triggers."""

    n: int = 300
    seed: int = 7
    run: int = 15001
    hour: bool = False
    least_hits: int = 0
    keeps_true: bool = False

    def open(self) -> Simulation:
        chain = plain_chain(Counting(), keeps_true=self.keeps_true)
        xels = volume("xels", chain.detector)
        hour = 3600 * 10**9
        components = [Series("pairs", "pairs", Pairs(), xels, self.n)]
        if self.hour:
            key = BlockKey(self.seed, self.run, "pairs", 0)
            counts = steady_counts(hour, rate_hz=self.n / 3600, key=key)
            forced = steady_counts(hour, number=BLOCK + 10, key=key)
            components = [
                Steady("pairs", "pairs", Pairs(), xels, hour, counts),
                Steady("forced", "forced", None, xels, hour, forced),
            ]
        header = RunHeader(
            self.run,
            chain.detector.name,
            sample=None if self.hour else "pairs",
            physics_window_ns=PHYSICS_WINDOW_NS,
        )
        return Simulation(
            chain, components, self.seed, header, Muons.none(), self.least_hits, "{}"
        )
