"""Twins of a run, from its file and the database to files of photoelectrons and of targets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kzcal import __version__
from kzcal.conditions.canonical import canonical_json
from kzcal.conditions.payload import InputFile, Lineage
from kzcal.fit.config import FitConfig
from kzcal.geometry.adjusted import detector_at
from kzcal.io.hdf5_writer import event_writer
from kzcal.io.source import EventSource
from kzcal.optics.tracer import FullTracer
from kzcal.parts import SampleSelection
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.response.shared import sharing
from kzcal.simulate.constants import Constants
from kzcal.simulate.run import what_the_hits_are
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.setup import CEILING
from kzcal.translate.decays import Quenching
from kzcal.translate.twin import twins
from kzcal.translate.twin_model import TwinModel, TwinStages
from kzcal.translate.twin_population import Population


@dataclass(frozen=True, slots=True, eq=False)
class FittedDetector:
    """Where the detector of twins comes from.

    Args:
        constants: of the run.
        config: settings of the fit, of which detector and optics are taken.
        device: where light is traced.
    """

    constants: Constants
    config: FitConfig
    device: torch.device

    def stages(self) -> TwinStages:
        """What makes light in the detector that the fit has found."""
        nominal, materials = self.config.open_detector()
        values = self.config.parameter_set(nominal).values | self.constants.shared()
        detector = detector_at(nominal, values)
        response = response_from(self.constants.payload(detector), detector, read_nominal())
        efficiency = sharing(response, detector, values).qe
        best = 1.0 if efficiency is None else float(efficiency.max())
        tracer = FullTracer(detector, materials, max(CEILING, best), device=self.device)
        quenching = Quenching.of(detector, materials, values)
        return TwinStages(quenching, tracer, values, self.device)

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name, for the lineage."""
        nominal, materials = self.config.open_detector()
        return {
            "tag": self.constants.tag,
            "revision": self.constants.revision,
            "payload": self.constants.digest,
            "fit": self.constants.fit,
            "detector": nominal.digest,
            "materials": materials.digest,
            "device": self.device.type,
        }


@dataclass(frozen=True, slots=True)
class Twinned:
    """What was written.

    Args:
        out: the file of twins.
        target: the file of the run's own events, or None.
        run: run number.
        n_twins: of events and forced triggers.
        n_forced: twins of forced triggers.
        n_photoelectrons: of all twins.
        samples: twins of the events of each sample.
        purity: of each sample.
        seconds: that making and writing took.
    """

    out: Path
    target: Path | None
    run: int
    n_twins: int
    n_forced: int
    n_photoelectrons: int
    samples: Mapping[str, int]
    purity: Mapping[str, float]
    seconds: float


def write_twins(
    path: Path,
    source: EventSource,
    samples: Mapping[str, SampleSelection],
    fitted: FittedDetector,
    out: Path,
    target: Path | None = None,
    *,
    copies: int = 1,
    radius_m: float | None = None,
    seed: int = 1,
    advance: Callable[[float], None] = lambda _twins: None,
) -> Twinned:
    """Write the twins of a run, and the run's own events in the same order.

    Args:
        path: of the run's file.
        source: the same, open.
        samples: calibration samples to select, by name.
        fitted: where the detector comes from.
        out: the file of twins, which have the numbers of their events.
        target: file of the events themselves, if it is wanted.
        copies: twins of every event.
        radius_m: events farther out get no twin; None for the edge of the scintillator.
        seed: decides the twins together with the run and its detector.
        advance: told how many twins have been written.

    Raises:
        CalibrationError: the run has no events of the samples, or decays do not fit them.
    """
    began = time.perf_counter()
    stages = fitted.stages()
    population = Population.of(source, samples, stages.quenching.detector, radius_m)
    key = BlockKey(seed, source.header.run, "twin", 0)
    model = TwinModel.of(population, stages, key)
    settings = {"copies": copies, "radius_m": radius_m, "constants": fitted.as_dict()}
    lineage = _lineage(path, source, settings, seed)
    header = replace(source.header, physics_window_ns=None, forced_window_ns=None)
    notes = {
        "lineage": lineage,
        "hits": what_the_hits_are(stages.tracer.ceiling),
        "twin_of": source.digest(),
    }
    total = forced = 0
    with event_writer(out, header, source.muons, notes=notes) as append:
        for part in twins(model, copies, key):
            append(part)
            total += len(part.hits.pmt)
            forced += int(part.forced.sum())
            advance(len(part))
    if target is not None:
        write_target(source, population, target, lineage)
    return Twinned(
        out=out,
        target=target,
        run=source.header.run,
        n_twins=copies * len(population.kept),
        n_forced=forced,
        n_photoelectrons=total,
        samples={
            name: copies * len(population.of_sample(row))
            for row, name in enumerate(population.names)
        },
        purity=dict(zip(population.names, population.purity, strict=True)),
        seconds=time.perf_counter() - began,
    )


def write_target(source: EventSource, population: Population, path: Path, lineage: str) -> None:
    """Write the run's own events that have twins."""
    with event_writer(path, source.header, source.muons, notes={"lineage": lineage}) as append:
        first = 0
        for chunk in source.chunks():
            kept = population.kept - first
            append(chunk.take(kept[(kept >= 0) & (kept < len(chunk))]))
            first += len(chunk)


def _lineage(path: Path, source: EventSource, settings: Mapping[str, Any], seed: int) -> str:
    """All that decides the numbers, as JSON."""
    lineage = Lineage(
        inputs=(InputFile(path.name, source.digest()),),
        code_version=__version__,
        configuration={"command": "kzcal translate twin", **settings},
        seed=seed,
    )
    return canonical_json(lineage.as_dict(), "a lineage").decode()
