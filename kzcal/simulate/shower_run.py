"""From what a user asks of showers to an event file, which appears whole or not at all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64

from kzcal import __version__
from kzcal.conditions.canonical import canonical_json
from kzcal.conditions.payload import Lineage
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector, load_detector
from kzcal.hits import RunHeader
from kzcal.io.hdf5_writer import timeline_writer
from kzcal.parts import ParticleSource
from kzcal.physics.catalogue import entries
from kzcal.physics.double_beta import HALF_LIFE, electron_pairs, two_neutrino
from kzcal.physics.transport import Transport
from kzcal.simulate.chain import PHYSICS_WINDOW_NS, Chain
from kzcal.simulate.cocktail import Cocktail
from kzcal.simulate.constants import Constants
from kzcal.simulate.energy_window import EnergyWindow
from kzcal.simulate.histories import Histories, HistoryPlan
from kzcal.simulate.setup import Setup
from kzcal.simulate.shower_decays import WIDEST, DecayChain, DecayStream, Mixture
from kzcal.simulate.shower_laws import ShowerModel
from kzcal.simulate.shower_timeline import DAY_S, ShowerTimeline, TimelinePlan
from kzcal.simulate.smearing import T0_NS, VERTEX_M, Smearing
from kzcal.simulate.vertices import VertexChain, visible_scale
from kzcal.simulate.volumes import volume

XENON136_G, AVOGADRO = 135.907, 6.02214076e23
VERTICES, WITH_HITS = "vertices", "decays with hits"
"""What the header calls a file without hits, and one in which only captures have none."""
LEAST_MEV = 0.05


@dataclass(frozen=True, slots=True)
class ShowerRequest:
    """A simulation of showers as a user asks for it.

    Args:
        model: what muons and decays follow.
        days: duration of a run; None for histories.
        histories: decays of each class with histories of their own; None for a run.
        look_back_s: length of the histories, s.
        reach_m: muons with a capture seen nearer to the decay stay in its history, m.
        window: of reconstructed energies, MeV; None for all.
        run: run number.
        seed: decides everything.
        detector: name or TOML file.
        constants: of the PMTs, for decays with hits; None for vertices alone.
        device: where light and response are drawn.
    """

    model: ShowerModel
    days: float | None = None
    histories: int | None = None
    look_back_s: float = DAY_S
    reach_m: float = 2.0
    window: EnergyWindow | None = None
    run: int = 1
    seed: int = 1
    detector: str = "kamland-zen-800"
    constants: Constants | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if (self.days is None) is (self.histories is None):
            message = (
                "showers have either days or histories, got "
                f"days={self.days} and histories={self.histories}"
            )
            raise ConfigurationError(message)

    def open(self) -> Histories | ShowerTimeline:
        """What makes the events."""
        detector = load_detector(self.detector)
        chain = self._chain(detector)
        mixture = Mixture.of_isotopes(self.model.yields)
        known = {entry.name: entry.half_life for entry in entries()}
        lives = np.array([(known[name] or math.nan) / math.log(2) for name in mixture.names])
        if not np.isfinite(lives).all():
            name = mixture.names[int(np.argmin(np.isfinite(lives)))]
            message = f"isotopes must have a half-life, got {name}: leave it out of [yields]"
            raise ConfigurationError(message)
        isotopes = self._stream("isotopes", mixture, chain, detector)
        signal = self._stream("signal", _alone(self._signal()), chain, detector)
        return self._maker(detector, isotopes, signal, lives)

    def _maker(
        self,
        detector: Detector,
        isotopes: DecayStream,
        signal: DecayStream,
        lives: Float64[np.ndarray, " source"],
    ) -> Histories | ShowerTimeline:
        radius = detector.scintillator_radius
        if self.histories is not None:
            plan = HistoryPlan(
                self.histories, self.look_back_s, self.reach_m, radius, self.seed, self.run
            )
            return Histories(plan, self.model, isotopes, signal, lives)
        laws = self.model.showers
        rates = (
            double_beta_per_day(laws.xenon136_kg),
            1e-3 * laws.loaded_t * sum(self.model.yields.values()),
        )
        days = TimelinePlan(self.days or 0.0, *rates, radius, self.seed, self.run)
        return ShowerTimeline(days, self.model, isotopes, signal, lives)

    def _signal(self) -> ParticleSource:
        """Double beta decays by their own spectrum, or in histories as many of each energy."""
        if self.histories is None:
            return two_neutrino()
        window = self.window or EnergyWindow(0.5, 3.0)
        margin = WIDEST * self.model.showers.energy_resolution * math.sqrt(window.upper + 1)
        return electron_pairs(max(window.lower - margin, LEAST_MEV), window.upper + margin)

    def _stream(
        self, name: str, mixture: Mixture, chain: DecayChain, detector: Detector
    ) -> DecayStream:
        where = volume("xels", detector)
        return DecayStream(f"showers/{name}", mixture, where, chain, self.seed, self.run)

    def _chain(self, detector: Detector) -> DecayChain:
        resolution = self.model.showers.energy_resolution
        if self.constants is None:
            transport = Transport(detector)
            scale = visible_scale(transport)
            errors = Smearing(VERTEX_M, T0_NS, energy=resolution, scale=scale)
            return DecayChain(VertexChain(transport, errors), errors, self.window)
        cocktail = Cocktail(self.run, (), self.seed, detector=self.detector, vertex="smeared")
        chain = Setup(cocktail, self.constants, device=self.device).open().chain
        if not isinstance(chain, Chain) or not isinstance(chain.transport, Transport):
            message = "decays with hits need the whole chain, got one without light"
            raise ConfigurationError(message)
        scale = visible_scale(chain.transport)
        errors = Smearing(VERTEX_M, T0_NS, energy=resolution, scale=scale)
        return DecayChain(replace(chain, reconstruction=errors), errors, self.window)

    def header(self, duration_ns: int) -> RunHeader:
        """What the file says about its run."""
        hits = self.constants is not None
        return RunHeader(
            run=self.run,
            detector=load_detector(self.detector).name,
            sample=WITH_HITS if hits else VERTICES,
            livetime_ns=duration_ns,
            physics_window_ns=PHYSICS_WINDOW_NS if hits else None,
        )

    def lineage(self) -> str:
        """All that decides the numbers, as JSON."""
        chosen = asdict(self) | {"detector": load_detector(self.detector).digest}
        chosen["model"]["yields"] = dict(self.model.yields)
        chosen["device"] = torch.device(self.device).type
        if self.constants is not None:
            known = ("tag", "revision", "digest", "fit")
            chosen["constants"] = {name: getattr(self.constants, name) for name in known}
        lineage = Lineage(code_version=__version__, configuration=chosen, seed=self.seed)
        return canonical_json(lineage.as_dict(), "a lineage").decode()


def double_beta_per_day(xenon136_kg: float) -> float:
    """Double beta decays per day of so much 136Xe."""
    atoms = 1e3 * xenon136_kg / XENON136_G * AVOGADRO
    return atoms * math.log(2) / HALF_LIFE * DAY_S


def _alone(source: ParticleSource) -> Mixture:
    return Mixture({"xe136": source}, np.ones(1))


@dataclass(frozen=True, slots=True)
class ShowersWritten:
    """What a simulation of showers wrote.

    Args:
        out: the event file.
        run: run number.
        days: from its beginning to its end.
        events: number of each kind.
        n_muons: muons.
        n_hits: hits of the decays.
        seconds: time that it took.
    """

    out: Path
    run: int
    days: float
    events: Mapping[str, int]
    n_muons: int
    n_hits: int
    seconds: float


def write_showers(
    request: ShowerRequest, out: Path, *, advance: Callable[[float], None] | None = None
) -> ShowersWritten:
    """Simulate showers and write the event file.

    Args:
        request: what is to be simulated.
        out: the event file.
        advance: told by which share of the whole it came on.
    """
    begin = time.perf_counter()
    maker = request.open()
    duration = maker.plan.duration_ns
    counts: dict[str, int] = {}
    n_muons = n_hits = 0
    notes: dict[str, str | float] = {"lineage": request.lineage(), **maker.plan.notes}
    with timeline_writer(out, request.header(duration), notes=notes) as append:
        for events, muons in maker.chunks():
            append(events, muons)
            for kind, n in zip(*np.unique(events.truth["kind"], return_counts=True), strict=True):
                counts[kind.decode()] = counts.get(kind.decode(), 0) + int(n)
            n_muons, n_hits = n_muons + len(muons), n_hits + len(events.hits.pmt)
            if advance is not None:
                advance(1.0)
    days = duration / DAY_S * 1e-9
    seconds = time.perf_counter() - begin
    return ShowersWritten(out, request.run, days, counts, n_muons, n_hits, seconds)
