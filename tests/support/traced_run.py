"""A calibrated run of events at known points: without hits, or with those of traced light."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, Arrivals
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.light_model import LightModel
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.fit.light.points import EmissionPoints
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.hits import PHYSICS, Events, Hits, RunHeader
from kzcal.io.memory import MemorySource
from kzcal.optics.acceptance import Acceptance
from kzcal.optics.tracer import FullTracer
from kzcal.response.charge import ChargeShape

CPU = torch.device("cpu")
SHAPE = (0.1, 0.3, -1.0, 0.01)
"""Charges of which every one is above threshold."""


def run_at(vertex, *, light=None, exchanged=(), hits=None, dark_rate=0.0, **parameters):
    """Events at vertices [m], in a detector whose light has such parameters.

    Args:
        vertex: of each event, m.
        light: of each event; 1 if None.
        exchanged: pairs of cables.
        hits: event, cable and time [ns] of hits in the order of events.
        dark_rate: that the calibration found, Hz.
        parameters: of the light.
    """
    n = len(vertex)
    detector = load_detector()
    detector = replace(detector, light=replace(detector.light, **parameters))
    event, pmt, hit_time = hits or (np.zeros(0, np.int64), [], [])
    events = Events(
        event=np.arange(n),
        timestamp=10**6 * np.arange(n),
        trigger=np.full(n, PHYSICS, np.uint8),
        vertex=np.asarray(vertex, np.float32),
        energy=np.ones(n, np.float32),
        t0=np.zeros(n, np.float32),
        hits=Hits.from_counts(
            np.bincount(event, minlength=n),
            np.asarray(pmt, np.uint16),
            np.asarray(hit_time, np.float32),
            np.ones(len(pmt), np.float32),
        ),
    )
    place = np.arange(detector.n_pmt)
    for a, b in exchanged:
        place[[a, b]] = b, a
    config = CalibrationConfig()
    stream = RunStream(
        MemorySource(Path("points.h5"), events, RunHeader(7, "points")),
        EventColumns.of(events, config, CPU),
        DetectorTensors.of(detector, place, CPU),
        config,
        lambda _: None,
    )
    shone = torch.ones(n) if light is None else torch.as_tensor(light).float()
    weight = torch.ones(detector.n_pmt, dtype=torch.float64)
    flat = torch.ones(N_ENERGY, N_DISTANCE, 120)
    result = SimpleNamespace(
        light=LightModel(weight.float(), shone, Acceptance.flat(2, CPU)),
        survey=SimpleNamespace(
            offset=torch.zeros(detector.n_pmt),
            dark=SimpleNamespace(rate=torch.full((detector.n_pmt,), dark_rate)),
        ),
        arrivals=Arrivals.of(flat, -20.0, 1.0),
        timing=SimpleNamespace(simple=SimpleNamespace(tts=torch.tensor([1.3, 2.4]))),
        selections={},
        charge=SimpleNamespace(
            gain=weight.clone(),
            width=0.3 * weight,
            shape=lambda kind: ChargeShape(*(torch.full((len(kind),), v) for v in SHAPE)),
        ),
    )
    return CalibratedRun(stream, result, detector, load_materials(), weight, place)


def lit_run(vertex, photons, seed, *, efficiency_20=1.0, **parameters):
    """Events at vertices with the hits of so many photons from each, none of which merge."""
    detector = load_detector()
    shining = replace(detector, light=replace(detector.light, **parameters))
    generator = torch.Generator().manual_seed(seed)
    tracer = FullTracer(shining, load_materials())
    found = tracer.trace(np.asarray(vertex, np.float64), photons, generator=generator)
    chance = torch.rand(len(found.pmt), generator=generator).numpy()
    seen = chance < np.where(detector.diameter_inch[found.pmt] == 20, efficiency_20, 1.0)
    order = np.argsort(found.source[seen], kind="stable")
    columns = (found.source, found.pmt, found.time)
    return run_at(vertex, hits=tuple(column[seen][order] for column in columns))


def points_of(run, rows=None, *, sample=0, names=("one",)):
    """One point of light to an event, at its vertex and at once."""
    rows = np.arange(len(run.stream.events.used)) if rows is None else np.asarray(rows, int)
    return EmissionPoints(
        row=rows,
        position=run.stream.events.vertex.numpy()[rows].astype(float),
        time=np.zeros(len(rows)),
        share=np.ones(len(rows)),
        decay=np.arange(len(rows)),
        sample=np.full(len(rows), sample),
        names=names,
    )
