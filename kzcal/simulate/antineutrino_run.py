"""From what a user asks of antineutrinos and of single events to a simulation of both."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from jaxtyping import Int64

from kzcal.conditions.canonical import canonical_json
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector, load_detector
from kzcal.parts import ParticleSource
from kzcal.plugins import load
from kzcal.simulate.chain import Chain
from kzcal.simulate.cocktail import CAPTURE
from kzcal.simulate.energy_window import EnergyWindow, Thinning
from kzcal.simulate.ibd import (
    FLUXES,
    PAIRS_AT_ONCE,
    Antineutrinos,
    Flux,
    NeutronWalk,
)
from kzcal.simulate.ibd_events import Alone, IbdEvents
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.setup import Setup
from kzcal.simulate.smearing import Smearing
from kzcal.simulate.timeline import Component, Thinned
from kzcal.simulate.vertices import VertexChain, visible_scale
from kzcal.simulate.volumes import volume
from kzcal.simulate.workers import Simulation

DAY_NS = 86_400 * 10**9
HIGHEST_MEV = 1e3
MOST_DAYS, MOST_REACTIONS, MOST_SINGLES = 1e5, 10**9, 10**10
IBD, WITHOUT_HITS = "ibd", "without hits"


@dataclass(frozen=True, slots=True)
class AntineutrinoRequest:
    """The antineutrinos of a simulation.

    Args:
        flux: where they come from.
        number: of reactions; None for as many as the rate makes in a run.
        rate_per_day: of reactions in the volume. Source: KamLAND (2015),
            arXiv:1503.02137: 0.1 to 0.2 a day of reactors and 0.1 of the Earth.
        volume: where they react, as kzcal.simulate.volumes reads it.
        walk: of their neutrons.
    """

    flux: Flux
    number: int | None = None
    rate_per_day: float = 0.25
    volume: str = "ls"
    walk: NeutronWalk = field(default_factory=NeutronWalk)

    def __post_init__(self) -> None:
        if not 0 <= self.rate_per_day < math.inf:
            message = f"the rate of antineutrinos must not be negative, got {self.rate_per_day}"
            raise ConfigurationError(message)

    def expected(self, days: float) -> float:
        """Reactions of a run of some days."""
        return self.rate_per_day * days if self.number is None else self.number

    def components(
        self, detector: Detector, captures: ParticleSource, duration_ns: int | None, key: BlockKey
    ) -> Sequence[Component]:
        """Prompt and delayed events.

        Args:
            detector: where.
            captures: what the neutrons' captures send out.
            duration_ns: of the run; None for a sample.
            key: decides the numbers of a run.
        """
        spectra = tuple((FLUXES[name](), share) for name, share in self.flux.shares)
        counts = self._counts(duration_ns, key)
        where = volume(self.volume, detector)
        pairs = Antineutrinos(spectra, where, self.walk, counts, duration_ns)
        return IbdEvents(pairs), IbdEvents(pairs, captures)

    def _counts(self, duration_ns: int | None, key: BlockKey) -> Int64[np.ndarray, " block"]:
        """Reactions of each block."""
        if self.number is not None:
            n_blocks = max(1, -(-self.number // PAIRS_AT_ONCE))
            if duration_ns is not None:
                share = np.full(n_blocks, 1 / n_blocks)
                return key.numpy("counts").multinomial(self.number, share)
            rest = self.number - PAIRS_AT_ONCE * np.arange(n_blocks)
            return np.minimum(rest, PAIRS_AT_ONCE).astype(np.int64)
        expected = self.expected((duration_ns or 0) / DAY_NS)
        n_blocks = max(1, math.ceil(expected / PAIRS_AT_ONCE))
        return key.numpy("counts").poisson(expected / n_blocks, n_blocks)


@dataclass(frozen=True, slots=True)
class CoincidenceSetup:
    """A recipe of a simulation of antineutrinos, of single events or of both.

    Args:
        setup: of the single events, and of the chain; its cocktail may be empty.
        antineutrinos: beside them, or None.
        least_mev: single events below this energy, by the scale of neutron captures, are left
            out before light is drawn.
        resolution: of the energy at 1 MeV where vertices are smeared, as a share.
        stream: of the random numbers of single events; see Alone.
    """

    setup: Setup
    antineutrinos: AntineutrinoRequest | None = None
    least_mev: float = 0.0
    resolution: float = 0.065
    stream: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.least_mev < HIGHEST_MEV:
            message = f"the least energy lies between 0 and 1000 MeV, got {self.least_mev}"
            raise ConfigurationError(message)
        days = (self.setup.cocktail.duration_s or 0.0) * 1e9 / DAY_NS
        asked = self.antineutrinos
        rates = (part.rate_per_day or 0.0 for part in self.setup.cocktail.components)
        for what, amount, most in (
            ("days", days, MOST_DAYS),
            ("antineutrinos", 0.0 if asked is None else asked.expected(days), MOST_REACTIONS),
            ("single events", days * sum(rates), MOST_SINGLES),
        ):
            if not amount <= most:
                message = (
                    f"a simulation is of {most:g} {what} at most, got {amount:g}: ask for fewer"
                )
                raise ConfigurationError(message)

    def open(self) -> Simulation:
        """The simulation."""
        simulation, cocktail = self.setup.open(), self.setup.cocktail
        scale = visible_scale(simulation.chain.transport)
        components: list[Component] = []
        sample = simulation.header.sample
        if self.antineutrinos is not None:
            duration = cocktail.duration_s
            components += self.antineutrinos.components(
                load_detector(cocktail.detector),
                load(self.setup.plugin_files).sources.choose(CAPTURE).prepare(),
                None if duration is None else round(duration * 1e9),
                BlockKey(cocktail.seed, cocktail.run, IBD, 0),
            )
            sample = sample if duration is not None else IBD
        components += [self._alone(part, scale) for part in simulation.components]
        if not self.setup.hits:
            sample = f"{sample or 'run'} {WITHOUT_HITS}"
        return replace(
            simulation,
            chain=self._scaled(simulation.chain, scale),
            components=components,
            header=replace(simulation.header, sample=sample),
            lineage=self._lineage(simulation.lineage),
        )

    def _alone(self, part: Component, scale: float) -> Component:
        """Single events above the least energy."""
        alone = Alone(part, self.stream)
        if not self.least_mev:
            return alone
        window = EnergyWindow(self.least_mev / scale, HIGHEST_MEV)
        return Thinned(alone, Thinning.none(window))

    def _scaled(self, chain: Chain | VertexChain, scale: float) -> Chain | VertexChain:
        """The same, with smeared energies on the scale of neutron captures."""
        errors = chain.reconstruction
        if not isinstance(errors, Smearing):
            return chain
        return replace(chain, reconstruction=replace(errors, scale=scale, energy=self.resolution))

    def _lineage(self, text: str) -> str:
        """All that decides the numbers, as JSON."""
        lineage = json.loads(text)
        asked = None if self.antineutrinos is None else asdict(self.antineutrinos)
        lineage["configuration"]["coincidences"] = {
            "antineutrinos": asked,
            "least_mev": self.least_mev,
            "resolution": self.resolution,
            "stream": self.stream,
        }
        return canonical_json(lineage, "a lineage").decode()
