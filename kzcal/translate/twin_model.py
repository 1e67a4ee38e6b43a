"""What twins of a run are made from: its samples, their cuts, and how their light is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64, Int64

from kzcal.errors import CalibrationError
from kzcal.fit.light.points import Vertices, source_of
from kzcal.hits import Events
from kzcal.light import LightSites
from kzcal.parts import ParticleSource
from kzcal.photoelectrons import Photoelectrons
from kzcal.simulate.chain import on_device
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.stages import LightModel
from kzcal.translate.decays import Quenching
from kzcal.translate.energy_cut import EnergyCut, LightScale, Seen
from kzcal.translate.twin_population import Population

LINES, SCALE = ("neutron-capture", "po210", "po214"), "neutron-capture"
"""Samples of one energy, and the one that tells how electrons are reconstructed."""
LEAST_SHARE = 0.02
"""Of the decays of a sample that become its events."""
MOST_DRAWS = 1000
"""Decays that a twin may need: at the least share one twin in 6e8 needs more."""
TRIAL_OF_LINE, TRIAL_OF_SPECTRUM = 500, 2000
"""Decays of a sample that tell how its light is seen."""


@dataclass(frozen=True, slots=True, eq=False)
class TwinStages:
    """What makes the light of twins.

    Args:
        quenching: from decays to light.
        tracer: from light to photoelectrons.
        values: parameters of the global fit by name; errors of the reconstruction are some.
        device: where light is traced.
    """

    quenching: Quenching
    tracer: LightModel
    values: Mapping[str, float]
    device: torch.device

    def photoelectrons(self, sites: LightSites, key: BlockKey) -> Photoelectrons:
        """Trace light; the key decides the random numbers."""
        generator = key.torch("light", self.device)
        return self.tracer.sample(on_device(sites, self.device), generator=generator)


@dataclass(frozen=True, slots=True, eq=False)
class SampleModel:
    """What makes the events of a sample.

    Args:
        name: of the sample.
        source: of its decays.
        purity: share of its events that are such decays; others are electrons.
        cut: on reconstructed energy.
        acceptance: share of its decays that become its events.
    """

    name: str
    source: ParticleSource
    purity: float
    cut: EnergyCut
    acceptance: float


@dataclass(frozen=True, slots=True, eq=False)
class TwinModel:
    """All that twins are made from.

    Args:
        population: which events have twins.
        samples: what each is made of.
        scale: photoelectrons of an MeV.
        stages: what makes light.
    """

    population: Population
    samples: tuple[SampleModel, ...]
    scale: LightScale
    stages: TwinStages

    @classmethod
    def of(cls, population: Population, stages: TwinStages, key: BlockKey) -> TwinModel:
        """The model of a run, from decays that are traced for it and not used again."""
        events = [population.of_sample(row) for row in range(len(population.names))]
        trials = [
            _Trial.of(name, part, stages, key)
            for name, part in zip(population.names, events, strict=True)
        ]
        number, energy, vertex = (
            np.concatenate([getattr(trial, column) for trial in trials])
            for column in _Trial.__slots__
        )
        found = dict(zip(population.names, map(_seen, events), strict=True))
        line = found.get(SCALE) or max(found.values(), key=lambda each: len(each.energy))
        scale = LightScale.of(number, energy, vertex, line, ceiling=stages.tracer.ceiling)
        seen = [
            scale.seen(trial.number, trial.vertex, generator=key.numpy(f"{name} seen"))
            for name, trial in zip(population.names, trials, strict=True)
        ]
        cuts = energy_cuts(found, seen)
        models = [
            SampleModel(name, source_of(name), purity, cut, acceptance_of(cut, decays))
            for name, purity, cut, decays in zip(
                population.names, population.purity, cuts, seen, strict=True
            )
        ]
        return cls(population, tuple(models), scale, stages)


def energy_cuts(found: Mapping[str, Seen], decays: Sequence[Seen]) -> list[EnergyCut]:
    """Cuts of samples; spectra, which are of electrons, take the scale of captures.

    Args:
        found: events of each sample by name, as they were reconstructed.
        decays: of each, but for the scale.

    Raises:
        CalibrationError: decays of a sample are not what its events are.
    """
    pairs = list(zip(found, found.values(), decays, strict=True))
    own = {name: EnergyCut.of_line(events.energy, d.energy) for name, events, d in pairs}
    cuts = []
    for name, events, seen in pairs:
        cut = own[name]
        if name not in LINES:
            cut = EnergyCut.of_spectrum(events, seen, own.get(SCALE, cut).scale)
        _check_light(name, cut, seen)
        cuts.append(cut)
    return cuts


def acceptance_of(cut: EnergyCut, decays: Seen) -> float:
    """Share of decays that become events of a sample."""
    return float(cut.chance(decays).mean())


def _check_light(name: str, cut: EnergyCut, seen: Seen) -> None:
    """Refuse a sample whose decays do not have its energies."""
    share = acceptance_of(cut, seen)
    if share < LEAST_SHARE:
        message = (
            f"one of {1 / LEAST_SHARE:.0f} decays of a sample must pass its cut on energy and its "
            f"mix at least, got {100 * share:.2f} % of {name} from {cut.lower:.3f} to "
            f"{cut.upper:.3f} MeV: give the detector and the tag of the run"
        )
        raise CalibrationError(message)


def _seen(events: Events) -> Seen:
    """What a reconstruction found of events."""
    square = (events.vertex.astype(np.float64) ** 2).sum(axis=1)
    return Seen(events.energy.astype(np.float64), square)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Decays of a sample: photoelectrons, quenched energy [MeV] and place [m] of each."""

    number: Int64[np.ndarray, " event"]
    energy: Float64[np.ndarray, " event"]
    vertex: Vertices

    @classmethod
    def of(cls, name: str, events: Events, stages: TwinStages, key: BlockKey) -> _Trial:
        trial = replace(key, component=f"{key.component} {name}")
        number = TRIAL_OF_LINE if name in LINES else TRIAL_OF_SPECTRUM
        vertex = events.vertex[np.arange(number) % len(events)].astype(np.float64)
        generator = trial.numpy("decays")
        sites, energy = stages.quenching.light(source_of(name), vertex, generator=generator)
        found = stages.photoelectrons(sites, trial)
        return cls(counted(found, len(vertex)), energy, vertex)


def counted(light: Photoelectrons, n: int) -> Int64[np.ndarray, " event"]:
    """Photoelectrons of each of ``n`` events."""
    return torch.bincount(light.event, minlength=n).cpu().numpy()
