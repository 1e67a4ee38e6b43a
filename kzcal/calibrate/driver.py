"""The order of a calibration: every step once, each of a few passes over the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.arrivals import Arrivals
from kzcal.calibrate.cabling import Cabling, find_cabling
from kzcal.calibrate.charge_spectra import ChargeSpectra, charge_spectra
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.light_model import LightModel, first_model
from kzcal.calibrate.occupancy import (
    OccupancySums,
    fit_occupancy,
    normalised,
    occupancy_by_distance,
)
from kzcal.calibrate.pulses import ChargeFit, fit_charge, nominal_efficiency
from kzcal.calibrate.spool import Spool
from kzcal.calibrate.status import FEWEST_HITS, FirstStatus, StatusTable, first_status, judge
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.calibrate.survey import Survey, survey
from kzcal.calibrate.timing.cells import CHARGE_EDGES, spool_hits
from kzcal.calibrate.timing.fit import TimingResult, fit_arrivals, fit_timing
from kzcal.calibrate.timing.walk import Walk, measure_walk
from kzcal.errors import CalibrationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.source import EventSource
from kzcal.parts import SampleSelection, Selection
from kzcal.response.charge import PeClasses, detection_efficiency, pe_classes

T = TypeVar("T")
PASSES = 9
"""How often a run without exchanged cables is read; a progress bar needs to know."""
OCCUPANCY_PASSES = 2
AFTER_EXCHANGE = 1
"""Further passes once exchanged cables are known: the acceptance is right by then."""
FEWEST_EVENTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """Everything that a calibration finds in a run.

    Args:
        table: the run's events without their hits.
        selections: calibration samples by name.
        survey: dark hits and rough times.
        status: verdict on each PMT.
        cabling: where cables lead.
        light: light model.
        qe: relative efficiency before threshold, mean one over the good PMTs of each type.
        qe_error: one standard deviation.
        spectra: charge histograms.
        charge: charge response.
        walk: delay of small pulses.
        timing: time response.
        occupancy: hits by distance, and what is expected.
        n_hits: hits of each PMT in the light window.
        arrivals: when photoelectrons come, by energy and distance.
        seconds: time that each step took, s.
    """

    table: Events
    selections: Mapping[str, Selection]
    survey: Survey
    status: StatusTable
    cabling: Cabling
    light: LightModel
    qe: Float[Tensor, " pmt"]
    qe_error: Float[Tensor, " pmt"]
    spectra: ChargeSpectra
    charge: ChargeFit
    walk: Walk
    timing: TimingResult
    occupancy: tuple[Tensor, Tensor]
    n_hits: Tensor
    arrivals: Arrivals
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Clock:
    """Time that each step takes."""

    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, name: str, step: Callable[[], T]) -> T:
        """Do a step and note how long it took."""
        begin = time.perf_counter()
        result = step()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
        return result


def calibrate_run(
    source: EventSource,
    detector: Detector,
    config: CalibrationConfig,
    *,
    samples: Mapping[str, SampleSelection],
    device: torch.device,
    advance: Callable[[int], None],
) -> RunResult:
    """Calibrate every PMT of a run.

    Args:
        source: the open run.
        detector: the detector.
        config: the settings.
        samples: calibration samples to select, by name.
        device: where the heavy work is done.
        advance: called with the number of hits read, for a progress bar.

    Raises:
        CalibrationError: too few usable events.
    """
    clock = _Clock()
    table = clock.run("read events", source.table)
    selections = clock.run(
        "select samples",
        lambda: {
            name: sample.select(table, source.muons, source.header, detector)
            for name, sample in samples.items()
        },
    )
    own = np.arange(detector.n_pmt)
    stream = RunStream(
        source,
        EventColumns.of(table, config, device),
        DetectorTensors.of(detector, own, device),
        config,
        advance,
    )
    _require_events(stream)
    stream, first_look, first, cabling, model, sums = _light(stream, detector, clock)
    place = torch.from_numpy(cabling.place != own).to(device)
    wrong = torch.zeros_like(place)
    wrong[list(cabling.misplaced)] = True
    counting = first.counting & ~place & ~wrong
    fitted = ~first.dead & ~wrong & (sums.raw > FEWEST_HITS)
    kind = stream.detector.kind
    walk = clock.run("time walk", lambda: measure_walk(stream, first_look, model, counting))
    offset = first_look.offset
    with Spool(device) as spool:
        cells = clock.run(
            "sort hits",
            lambda: spool_hits(
                stream,
                model,
                nominal_efficiency(kind).float(),
                walk,
                offset,
                first_look.dark.rate,
                counting,
                spool,
            ),
        )
        templates = clock.run(
            "fit arrivals", lambda: fit_arrivals(stream, spool, cells, offset, counting)
        )
        arrivals = templates.arrivals()
        model, sums = clock.run(
            "fit occupancy",
            lambda: fit_occupancy(stream, first_look, counting, model, arrivals, passes=1),
        )
        spectra = clock.run(
            "fill charges", lambda: charge_spectra(stream, first_look, model, arrivals, walk)
        )
        charge = clock.run("fit charges", lambda: fit_charge(spectra, kind, fitted, counting))
        classes = _classes(charge, kind, counting)
        timing = clock.run(
            "fit times",
            lambda: fit_timing(stream, spool, templates, classes, offset, counting, fitted),
        )
    occupancy = clock.run(
        "compare occupancy",
        lambda: occupancy_by_distance(stream, first_look, model, arrivals),
    )
    qe, qe_error = _efficiency(sums, charge, counting, fitted, kind)
    return RunResult(
        table,
        selections,
        first_look,
        judge(first, cabling, config),
        cabling,
        model,
        qe,
        qe_error,
        spectra,
        charge,
        walk,
        timing,
        occupancy,
        sums.raw,
        arrivals,
        clock.seconds,
    )


def _require_events(stream: RunStream) -> None:
    n_used = int(stream.events.used.sum())
    if n_used < FEWEST_EVENTS:
        message = (
            f"a calibration needs {FEWEST_EVENTS} physics triggers with a vertex and an energy "
            f"from {stream.config.energy_min} to {stream.config.energy_max} MeV, got {n_used} "
            f"(run {stream.source.header.run})"
        )
        raise CalibrationError(message)


def _light(
    stream: RunStream, detector: Detector, clock: _Clock
) -> tuple[RunStream, Survey, FirstStatus, Cabling, LightModel, OccupancySums]:
    """First look, light model and cabling; once more if cables lead elsewhere."""
    config, device = stream.config, stream.detector.device
    first_look = clock.run("survey", lambda: survey(stream))
    first = first_status(first_look, stream.detector.kind, config)
    model, sums = clock.run(
        "fit occupancy",
        lambda: fit_occupancy(
            stream,
            first_look,
            first.counting,
            first_model(stream),
            first_look.arrivals,
            passes=OCCUPANCY_PASSES,
        ),
    )
    cabling = clock.run("check cables", lambda: find_cabling(stream, model, sums, ~first.dead))
    if cabling.exchanged:
        tensors = DetectorTensors.of(detector, cabling.place, device)
        stream = replace(stream, detector=tensors)
        first_look = clock.run("survey", lambda: survey(stream))
        first = first_status(first_look, stream.detector.kind, config)
        model, sums = clock.run(
            "fit occupancy",
            lambda: fit_occupancy(
                stream,
                first_look,
                first.counting,
                model,
                first_look.arrivals,
                passes=AFTER_EXCHANGE,
            ),
        )
    return stream, first_look, first, cabling, model, sums


def _classes(charge: ChargeFit, kind: Tensor, counting: Tensor) -> PeClasses:
    """Classes of charge; PMTs without a fit count as their type."""
    gain, width = charge.likely.clone().unbind(1)
    for k in torch.unique(kind):
        rows = kind == k
        for values in (gain, width):
            mean = values[rows & counting].nanmean()
            values[rows] = torch.where(torch.isfinite(values[rows]), values[rows], mean)
    return pe_classes(CHARGE_EDGES, gain, width, charge.shape(kind), kind, counting)


def _efficiency(
    sums: OccupancySums, charge: ChargeFit, counting: Tensor, fitted: Tensor, kind: Tensor
) -> tuple[Float[Tensor, " pmt"], Float[Tensor, " pmt"]]:
    """Efficiency before threshold: the share of pulses that pass is taken off."""
    detected, by_gain, by_width = detection_efficiency(
        charge.gain, charge.width, charge.shape(kind)
    )
    raw, counted = sums.raw.double(), sums.counted.double()
    seen = counted / sums.expected.double().clamp(min=1e-9)
    qe = normalised(seen / detected, counting & fitted, kind)
    slope = torch.stack([by_gain, by_width], dim=1) / detected[:, None]
    threshold = (slope[:, None] @ charge.covariance @ slope[..., None])[:, 0, 0]
    relative = torch.sqrt(raw / counted.clamp(min=1) ** 2 + threshold)
    nothing = torch.where(fitted, 0.0, torch.nan)
    return qe + nothing, qe * relative + nothing
