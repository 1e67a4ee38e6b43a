"""From what a user asks for to the stages and components of a simulation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from kzcal import __version__
from kzcal.baseline import baseline_digest, baseline_directory
from kzcal.components import Source
from kzcal.conditions.canonical import canonical_json
from kzcal.conditions.payload import Lineage
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector, load_detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import Materials, load_materials, replaced
from kzcal.hits import Muons, RunHeader
from kzcal.optics.light_map_cache import light_map_of
from kzcal.optics.tracer import FullTracer
from kzcal.physics.transport import Transport
from kzcal.plugins import Choices, Plugins, load
from kzcal.reconstruct.fit import Reconstruction
from kzcal.reconstruct.scale import photons_per_visible_mev
from kzcal.response.constants import response_from
from kzcal.response.detector import DetectorResponse
from kzcal.response.nominal import read_nominal
from kzcal.response.shared import sharing
from kzcal.simulate.chain import FORCED_WINDOW_NS, PHYSICS_WINDOW_NS, Chain
from kzcal.simulate.cocktail import CAPTURE, FORCED, Cocktail, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.energy_window import Thinning
from kzcal.simulate.muons import draw_muons
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.smearing import FITTED, SMEARED, Smearing
from kzcal.simulate.timeline import (
    BLOCK,
    Component,
    Scheduled,
    Series,
    Steady,
    Thinned,
    steady_counts,
)
from kzcal.simulate.vertices import VertexChain
from kzcal.simulate.volumes import Point, Shell, volume
from kzcal.simulate.workers import Simulation

SECONDS_PER_DAY = 86_400
VERTICES_AT_ONCE = 4096
"""Decays of a run that are drawn together where no light is."""
CEILING = 1.6
"""Relative efficiency that light is drawn for, unless a PMT is better."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A recipe of a simulation.

    Args:
        cocktail: what is to be simulated.
        constants: of the PMTs.
        plugin_files: plugins beside those installed.
        device: where light and response are drawn.
        keeps_true: whether photoelectrons are wanted too.
        reconstructs: whether vertex, energy and time are wanted.
        hits: whether light and response are simulated; without them vertices are smeared.

    Raises:
        ConfigurationError: they are not, and the cocktail says how they come about.
    """

    cocktail: Cocktail
    constants: Constants
    plugin_files: tuple[Path, ...] = ()
    device: str = "cpu"
    keeps_true: bool = False
    reconstructs: bool = True
    hits: bool = True

    def __post_init__(self) -> None:
        if not self.reconstructs and self.cocktail.vertex != FITTED:
            message = (
                "without a reconstruction there are no vertices to smear, got vertex "
                f"{self.cocktail.vertex!r} with --no-reconstruction: leave out one of them"
            )
            raise ConfigurationError(message)
        if not self.hits and self.reconstructs and self.cocktail.vertex == FITTED:
            message = (
                f"without hits vertices are {SMEARED}, got vertex {self.cocktail.vertex!r}: "
                "smear them, or simulate hits"
            )
            raise ConfigurationError(message)

    @property
    def fits(self) -> bool:
        """Whether vertices are fitted, for which a light map is needed."""
        return self.hits and self.reconstructs and self.cocktail.vertex == FITTED

    def open(self) -> Simulation:
        """The simulation."""
        cocktail, plugins = self.cocktail, load(self.plugin_files)
        shared = self.constants.shared()
        detector = load_detector(cocktail.detector)
        if shared:
            detector = detector_at(detector, shared)
        components, muons = components_of(
            cocktail, detector, plugins.sources, BLOCK if self.hits else VERTICES_AT_ONCE
        )
        chain = self._chain(detector, shared) if self.hits else self._vertices(detector, shared)
        return Simulation(
            chain=chain,
            components=self._thinned(components, chain),
            seed=cocktail.seed,
            header=self._header(detector),
            muons=muons,
            least_hits=cocktail.least_hits,
            lineage=self._lineage(detector, plugins),
        )

    def _chain(self, detector: Detector, shared: Mapping[str, float]) -> Chain:
        device = torch.device(self.device)
        payload = self.constants.payload(detector)
        text = read_nominal(self._response_text())
        nominal = response_from(payload, detector, text, device=device)
        response = sharing(nominal, detector, shared)
        materials, ceiling = self._materials(), max(CEILING, _best(response))
        full = self.cocktail.light == "full"
        light_map, reconstruction = None, None
        if self.fits or not full:
            light_map = light_map_of(detector, materials, ceiling=ceiling, device=device)
        if self.fits and light_map is not None:
            photons = photons_per_visible_mev(detector, light_map)
            reconstruction = Reconstruction(light_map, response, photons_per_mev=photons)
        errors = Smearing.parse(self.cocktail.vertex, shared) if self.reconstructs else None
        return Chain(
            detector=detector,
            transport=Transport(detector, materials),
            light=FullTracer(detector, materials, ceiling, device=device.type)
            if light_map is None or full
            else light_map,
            response=response,
            reconstruction=reconstruction or errors,
            constants=self.constants.digest,
            device=device,
            keeps_true=self.keeps_true,
        )

    def _vertices(self, detector: Detector, shared: Mapping[str, float]) -> VertexChain:
        """The chain that ends with the energy deposits."""
        errors = Smearing.parse(self.cocktail.vertex, shared) if self.reconstructs else None
        return VertexChain(Transport(detector, self._materials()), errors)

    def _materials(self) -> Materials:
        """Optical tables, those of the user in place of the reviewed ones."""
        known, own = load_materials(), self.cocktail.optics
        return replaced(known, own) if own else known

    def _response_text(self) -> Path:
        """What a calibration does not fit of a PMT's response."""
        return Path(self.cocktail.response or baseline_directory() / "response.toml")

    def _thinned(
        self, components: Sequence[Component], chain: Chain | VertexChain
    ) -> Sequence[Component]:
        """Components with a window of quenched energy, if there is one."""
        window, cocktail = self.cocktail.window, self.cocktail
        if window is None:
            return components
        found = list(components)
        for row, part in enumerate(components):
            if isinstance(part, Series | Steady) and part.source is not None:
                key = BlockKey(cocktail.seed, cocktail.run, part.name, 0)
                thinning = Thinning.flat(window, part.source, part.volume, chain.transport, key)
                found[row] = Thinned(part, thinning)
        return found

    def _header(self, detector: Detector) -> RunHeader:
        cocktail, duration = self.cocktail, self.cocktail.duration_s
        labels = [part.label for part in cocktail.components]
        return RunHeader(
            run=cocktail.run,
            detector=detector.name,
            period=cocktail.period or None,
            sample=labels[0] if labels and duration is None else None,
            livetime_ns=None if duration is None else round(duration * 1e9),
            physics_window_ns=PHYSICS_WINDOW_NS,
            forced_window_ns=FORCED_WINDOW_NS,
        )

    def _lineage(self, detector: Detector, plugins: Plugins) -> str:
        """All that decides the numbers, as JSON."""
        lineage = Lineage(
            code_version=__version__,
            plugins=plugins.versions,
            configuration={
                "simulation": self.cocktail.as_dict(),
                "constants": {
                    "tag": self.constants.tag,
                    "revision": self.constants.revision,
                    "payload": self.constants.digest,
                    "fit": self.constants.fit,
                },
                "detector": detector.digest,
                "materials": self._materials().digest,
                "response": hashlib.sha256(self._response_text().read_bytes()).hexdigest(),
                "baseline": baseline_digest(),
                "reconstruction": self.reconstructs,
                **({} if self.hits else {"hits": False}),
                "device": torch.device(self.device).type,
            },
            seed=self.cocktail.seed,
        )
        return canonical_json(lineage.as_dict(), "a lineage").decode()


def _best(response: DetectorResponse) -> float:
    """Largest relative efficiency of a PMT."""
    return 1.0 if response.qe is None else float(response.qe.max())


def components_of(
    cocktail: Cocktail, detector: Detector, sources: Choices[Source], at_once: int = BLOCK
) -> tuple[Sequence[Component], Muons]:
    """The components of a simulation, ``at_once`` decays a block, and the muons of its run.

    Raises:
        PluginError: there is no such source.
        ConfigurationError: an option, volume or amount cannot be.
    """
    components = [
        _component(part, cocktail, detector, sources, at_once) for part in cocktail.components
    ]
    muons = Muons.none()
    if cocktail.duration_s is None:
        return components, muons
    duration_ns = round(cocktail.duration_s * 1e9)
    if cocktail.muons is not None:
        key = BlockKey(cocktail.seed, cocktail.run, "muons", 0)
        muons, captures = draw_muons(
            cocktail.muons, duration_ns, detector.scintillator_radius, key
        )
        source = sources.choose(CAPTURE).prepare()
        components.append(
            Scheduled(f"muons/{CAPTURE}", CAPTURE, source, captures.timestamp, captures.position)
        )
    if cocktail.forced is not None:
        key = BlockKey(cocktail.seed, cocktail.run, FORCED, 0)
        counts = steady_counts(
            duration_ns, rate_hz=cocktail.forced.rate_hz, number=cocktail.forced.number, key=key
        )
        centre = Point(0.0, 0.0, 0.0)
        components.append(Steady(FORCED, FORCED, None, centre, duration_ns, counts))
    return components, muons


def _component(
    part: Ingredient,
    cocktail: Cocktail,
    detector: Detector,
    sources: Choices[Source],
    at_once: int,
) -> Component:
    source = sources.choose(part.source).prepare(dict(part.options))
    where, label = volume(part.volume, detector), part.label
    if cocktail.duration_s is None:
        if part.number is None:
            message = f"a sample has a number of decays, got none for {label}"
            raise ConfigurationError(message)
        return Series(label, label, source, where, part.number)
    rate = (part.rate_per_day or 0.0) / SECONDS_PER_DAY
    if part.becquerel_per_m3 is not None:
        if not isinstance(where, Shell):
            message = f"becquerel_per_m3 needs a volume, got {part.volume!r} for {label}"
            raise ConfigurationError(message)
        rate = part.becquerel_per_m3 * where.size
    duration_ns = round(cocktail.duration_s * 1e9)
    key = BlockKey(cocktail.seed, cocktail.run, label, 0)
    counts = steady_counts(duration_ns, rate_hz=rate, number=part.number, at_once=at_once, key=key)
    return Steady(label, label, source, where, duration_ns, counts)
