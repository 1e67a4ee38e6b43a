"""The terms of a fit: one pass over a run's hits and one over the light traced for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from kzcal.calibrate.stream import HitBatch
from kzcal.errors import CalibrationError
from kzcal.fit.config import FitConfig
from kzcal.fit.energy.gathering import SpectrumAccumulator, SpectrumSettings
from kzcal.fit.light.lost import LostByTrace
from kzcal.fit.light.occupancy import OccupancyCounts
from kzcal.fit.light.points import SAMPLES, Rows, emission_points, rows_of_samples
from kzcal.fit.light.traced import TracedBlock, traced
from kzcal.fit.light.traced_pairs import ArrivalValues, TracedPairs
from kzcal.fit.run import CalibratedRun
from kzcal.fit.terms import Term
from kzcal.fit.times.counts import TimeCounts
from kzcal.geometry import Detector
from kzcal.physics.transport import Transport

DECAYS = 8
"""Drawn for every event: with one, the gammas of the expectation would scatter like the data's."""


class Gatherer(Protocol):
    """Takes in a run and the light traced for it, each once, and gives a term."""

    def add(self, batch: HitBatch, behind: Float[Tensor, " hit"], /) -> None:
        """Take in hits, and the light lost behind each."""

    def add_light(self, block: TracedBlock) -> None:
        """Take in traced photons."""

    def term(self) -> Term:
        """The comparison."""


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What one pass over a run and one over its traced light give.

    Args:
        terms: the comparisons.
        lost: light lost behind hits.
    """

    terms: tuple[Term, ...]
    lost: LostByTrace


def gather(
    run: CalibratedRun,
    nominal: Detector,
    config: FitConfig,
    *,
    values: Mapping[str, float] | None = None,
    lost: LostByTrace | None = None,
    advance: Callable[[str, float], None] = lambda _step, _share: None,
) -> Gathered:
    """The terms that a configuration asks for.

    Args:
        run: the calibrated run, with the detector at the values that light is traced with.
        nominal: the detector as its file describes it.
        config: the settings.
        values: of the parameters, by name; None for those where the fit starts.
        lost: of an earlier trace with the same calibration; None for this trace's.
        advance: called with the name of a step and the share of it that is done.

    Raises:
        CalibrationError: the run has no event of a calibration sample.
    """
    rows = sample_rows(run, config)
    n_events = sum(len(part) for part in rows.values())
    if not n_events:
        message = (
            f"a global fit needs events of {', '.join(SAMPLES)} within {config.radius_m} m, got "
            f"none in run {run.stream.source.header.run}"
        )
        raise CalibrationError(message)
    gatherers = _gatherers(run, nominal, config, rows)
    vertex = run.stream.events.vertex.double().cpu().numpy()
    points = emission_points(
        rows,
        vertex,
        Transport(run.detector),
        light=light_in_hits(run),
        ordering=Transport(nominal),
        decays=DECAYS,
        seed=config.seed,
    )
    delays = ArrivalValues.of(values or config.parameter_set(nominal).values)
    pairs = TracedPairs.of(run, rows, delays, seed=config.seed)
    for block in traced(points, run, config.photons / n_events, seed=config.seed):
        if lost is None:
            pairs.add_light(block)
        for gatherer in gatherers:
            gatherer.add_light(block)
        advance("trace light", len(block.events) / n_events)
    lost = pairs.lost() if lost is None else lost
    n_hits = max(run.stream.source.n_hits, 1)
    for batch in run.stream.batches():
        behind = lost.behind(batch)
        for gatherer in gatherers:
            gatherer.add(batch, behind)
        advance("count hits", len(batch.pmt) / n_hits)
    return Gathered(tuple(gatherer.term() for gatherer in gatherers), lost)


def light_in_hits(run: CalibratedRun) -> Float64[np.ndarray, " event"]:
    """Light of every event in the hits that it leaves on average where the run's events are."""
    light = run.result.light.light.double().cpu().numpy()
    scale: float = float(run.result.n_hits.sum()) / max(light.sum(), 1e-12)
    return light * scale


def sample_rows(run: CalibratedRun, config: FitConfig) -> Mapping[str, Rows]:
    """Events of the samples within the radius."""
    events = run.stream.events
    inside = events.used & (events.vertex.norm(dim=1) < config.radius_m)
    chosen = np.asarray(inside.cpu().numpy())
    return rows_of_samples(run.result.selections, chosen)


def _gatherers(
    run: CalibratedRun, nominal: Detector, config: FitConfig, rows: Mapping[str, Rows]
) -> tuple[Gatherer, ...]:
    spectra = SpectrumSettings(radius_m=config.radius_m, seed=config.seed)
    made: dict[str, Callable[[], Gatherer]] = {
        "occupancy": lambda: OccupancyCounts.of(run, rows),
        "spectra": lambda: SpectrumAccumulator.of(run, nominal, tuple(rows), spectra),
        "times": lambda: TimeCounts.of(run, rows),
    }
    return tuple(make() for name, make in made.items() if name in config.terms)
