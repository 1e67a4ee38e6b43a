"""What twins of a run are made from: its samples, their cuts, and how their light is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64, Int64

from kzcal.components import ParticleSource
from kzcal.fit.light.points import Vertices, source_of
from kzcal.hits import Events
from kzcal.light import LightSites
from kzcal.photoelectrons import Photoelectrons
from kzcal.simulate.chain import on_device
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.stages import LightModel
from kzcal.translate.decays import Quenching
from kzcal.translate.energy_cut import EnergyCut, LightScale
from kzcal.translate.twin_population import Population

TRIAL = 800
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
    """

    name: str
    source: ParticleSource
    purity: float
    cut: EnergyCut


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
            _Trial.of(name, part[:TRIAL], stages, key)
            for name, part in zip(population.names, events, strict=True)
        ]
        number, energy, vertex = (
            np.concatenate([getattr(trial, column) for trial in trials])
            for column in _Trial.__slots__
        )
        scale = LightScale.of(number, energy, vertex, stages.tracer.ceiling)
        models = []
        for name, purity, part, trial in zip(
            population.names, population.purity, events, trials, strict=True
        ):
            generator = key.numpy(f"{name} seen")
            seen = scale.seen(trial.number, trial.vertex, generator=generator)
            cut = EnergyCut.of(part.energy.astype(np.float64), seen)
            models.append(SampleModel(name, source_of(name), purity, cut))
        return cls(population, tuple(models), scale, stages)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Decays of a sample: photoelectrons, quenched energy [MeV] and place [m] of each."""

    number: Int64[np.ndarray, " event"]
    energy: Float64[np.ndarray, " event"]
    vertex: Vertices

    @classmethod
    def of(cls, name: str, events: Events, stages: TwinStages, key: BlockKey) -> _Trial:
        trial = replace(key, component=f"{key.component} {name}")
        vertex = events.vertex.astype(np.float64)
        generator = trial.numpy("decays")
        sites, energy = stages.quenching.light(source_of(name), vertex, generator=generator)
        found = stages.photoelectrons(sites, trial)
        return cls(counted(found, len(vertex)), energy, vertex)


def counted(light: Photoelectrons, n: int) -> Int64[np.ndarray, " event"]:
    """Photoelectrons of each of ``n`` events."""
    return torch.bincount(light.event, minlength=n).cpu().numpy()
