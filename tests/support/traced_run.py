"""A calibrated run of events at known points, without hits."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.occupancy import LightModel
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.fit.points import EmissionPoints
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.hits import PHYSICS, Events, Hits, RunHeader
from kzcal.io.memory import MemorySource
from kzcal.optics.acceptance import Acceptance

CPU = torch.device("cpu")


def run_at(vertex, *, light=None, exchanged=(), **parameters):
    """Events at vertices [m], in a detector whose light has such parameters."""
    n = len(vertex)
    detector = load_detector()
    detector = replace(detector, light=replace(detector.light, **parameters))
    events = Events(
        event=np.arange(n),
        timestamp=10**6 * np.arange(n),
        trigger=np.full(n, PHYSICS, np.uint8),
        vertex=np.asarray(vertex, np.float32),
        energy=np.ones(n, np.float32),
        t0=np.zeros(n, np.float32),
        hits=Hits.from_counts(
            np.zeros(n, np.int64),
            np.zeros(0, np.uint16),
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
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
    result = SimpleNamespace(light=LightModel(weight.float(), shone, Acceptance.flat(2, CPU)))
    return CalibratedRun(stream, result, detector, load_materials(), weight, place)


def points_of(run, rows=None, *, sample=0, names=("one",)):
    """One point of light to an event, at its vertex and at once."""
    rows = np.arange(len(run.stream.events.used)) if rows is None else np.asarray(rows, int)
    return EmissionPoints(
        row=rows,
        position=run.stream.events.vertex.numpy()[rows].astype(float),
        time=np.zeros(len(rows)),
        share=np.ones(len(rows)),
        sample=np.full(len(rows), sample),
        names=names,
    )
