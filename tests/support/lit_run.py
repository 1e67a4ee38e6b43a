"""A run of dim alphas and bright captures, from photons to hits, with what made it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from point_events import ball

from kzcal.calibrate.arrivals import N_DISTANCE, N_ENERGY, Arrivals
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.light_model import first_model
from kzcal.calibrate.occupancy import fit_occupancy
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.calibrate.survey import FIRST, N_BINS, STEP, survey
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.hits import PHYSICS, Events, Muons, RunHeader
from kzcal.io.memory import MemorySource
from kzcal.light import LightSites
from kzcal.optics.tracer import FullTracer
from kzcal.parts import Selection
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal.response.detector import DetectorResponse
from kzcal.response.translator import PHYSICS_WINDOW, hits_of

CPU = torch.device("cpu")
SHAPE = (0.13, 0.35, 0.30, 0.05)
MILLISECOND = 1_000_000
SAMPLES = {"neutron-capture": (2.1, 0), "po210": (0.4, 1)}
"""Energy that events are said to have, MeV, and profile of their light."""


def dark_detector():
    """The detector without Cherenkov light."""
    detector = load_detector()
    return replace(detector, light=replace(detector.light, cherenkov_scale=0.0))


def lit_run(photons, n, *, radius=4.5, seed=1):
    """``n`` events of each sample with so many photons, all from points."""
    detector, rng = dark_detector(), np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    response = response_of(detector)
    label = np.arange(2 * n) % 2
    vertex = ball(rng, 2 * n, radius)
    light = FullTracer(detector, load_materials(), 1.0).sample(
        sites_of(vertex, label, photons), generator=generator
    )
    window = tuple(torch.full((2 * n,), edge) for edge in PHYSICS_WINDOW)
    pulses = response.sample(light, window, generator=generator)
    stamp = 1000 * MILLISECOND * (1 + np.arange(2 * n))
    events = Events(
        event=np.arange(2 * n),
        timestamp=stamp,
        trigger=np.full(2 * n, PHYSICS, np.uint8),
        vertex=vertex.astype(np.float32),
        energy=np.array([energy for energy, _ in SAMPLES.values()], np.float32)[label],
        t0=np.zeros(2 * n, np.float32),
        hits=hits_of(pulses, 2 * n),
    )
    muons = stamp[label == 0] - MILLISECOND // 2
    arrivals = arrivals_of(light, label, vertex, detector, response.tts[0], generator)
    return calibrated(events, muons, label, arrivals, response, detector)


def response_of(detector):
    n = detector.n_pmt
    one = torch.ones(n)
    return DetectorResponse(
        gain=one,
        spe_width=0.42 * one,
        time_offset=0 * one,
        tts=1.4 * one,
        dark_rate=20_000 * one,
        alive=one.bool(),
        shape=ChargeShape(*(torch.full((n,), value) for value in SHAPE)),
        walk=0.0,
        late_share=0.0,
    )


def sites_of(vertex, label, photons):
    n = len(vertex)
    number = np.array([photons[name] for name in SAMPLES], np.float32)[label]
    nothing = torch.zeros(n)
    return LightSites(
        event=torch.arange(n),
        position=torch.from_numpy(vertex).float(),
        time=nothing,
        direction=torch.zeros(n, 3),
        scintillation=torch.from_numpy(number),
        cherenkov=nothing,
        beta=nothing,
        profile=torch.from_numpy(label),
        medium=torch.ones(n, dtype=torch.long),
    )


def arrivals_of(light, label, vertex, detector, tts, generator):
    """One distribution of arrival times for each sample, from its photoelectrons."""
    place = torch.from_numpy(detector.positions)[light.pmt]
    away = (place - torch.from_numpy(vertex)[light.event]).norm(dim=1)
    spread = tts * torch.randn(len(away), generator=generator)
    residual = light.time + spread - away / CalibrationConfig().light_speed
    index = ((residual - FIRST) / STEP).floor().long()
    kind = torch.from_numpy(label)[light.event]
    inside = (index >= 0) & (index < N_BINS)
    rows = [torch.bincount(index[inside & (kind == k)], minlength=N_BINS) for k in range(2)]
    share = torch.stack([rows[1] if k < N_ENERGY - 2 else rows[0] for k in range(N_ENERGY)])
    return Arrivals.of(share[:, None].expand(-1, N_DISTANCE, -1).double(), FIRST, STEP)


def calibrated(events, muons, label, arrivals, response, detector):
    none = np.zeros((len(muons), 3), np.float32)
    header = RunHeader(
        7, detector.name, livetime_ns=int(events.timestamp[-1]), physics_window_ns=PHYSICS_WINDOW
    )
    source = MemorySource(
        Path("lit.h5"), events, header, Muons(muons, none, none, none[:, 0].copy())
    )
    config = CalibrationConfig()
    stream = RunStream(
        source,
        EventColumns.of(events, config, CPU),
        DetectorTensors.of(detector, np.arange(detector.n_pmt), CPU),
        config,
        lambda _: None,
    )
    look = survey(stream)
    look = replace(look, offset=torch.zeros(detector.n_pmt))
    everything = torch.ones(detector.n_pmt, dtype=torch.bool)
    model, _ = fit_occupancy(stream, look, everything, first_model(stream), arrivals, passes=2)
    model = replace(model, efficiency=torch.ones(detector.n_pmt))
    gain, width = response.gain.double(), response.spe_width.double()

    def shape(kind):
        return ChargeShape(*(torch.full(kind.shape, v).double() for v in SHAPE))

    result = SimpleNamespace(
        table=source.table(),
        selections={name: Selection(label == i, 1.0, 0.0, "") for i, name in enumerate(SAMPLES)},
        survey=look,
        light=model,
        arrivals=arrivals,
        charge=SimpleNamespace(gain=gain, width=width, shape=shape),
    )
    weight = detection_efficiency(gain, width, shape(gain))[0]
    place = np.arange(detector.n_pmt)
    return CalibratedRun(stream, result, detector, load_materials(), weight, place)
