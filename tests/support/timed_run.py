"""A run of point-like events whose truth is known, made by the tracer and the response.

Nothing is calibrated: the constants of every PMT are the true ones, and the light model is worked
out from traced photons. What is left to find is what all PMTs share.
"""

from types import SimpleNamespace

import numpy as np
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.light_model import LightModel
from kzcal.calibrate.stream import DetectorTensors, EventColumns, HitBatch
from kzcal.fit.light.points import EmissionPoints
from kzcal.fit.light.traced import traced
from kzcal.fit.run import CalibratedRun
from kzcal.fit.times.counts import TimeCounts
from kzcal.geometry import load_detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import load_materials
from kzcal.light import PROFILES, LightSites
from kzcal.optics.acceptance import (
    N_CELLS,
    Acceptance,
    Sightline,
    cell_of,
    sightline,
    sightline_of_hits,
)
from kzcal.optics.tracer import FullTracer
from kzcal.parts import Selection
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal.response.detector import DetectorResponse
from kzcal.response.nominal import read_nominal
from kzcal.response.strays import Stray

WINDOW = (-150.0, 350.0)
PHOTONS_PER_MEV = 8200.0
SAMPLES = {"neutron-capture": (2.2, "electron"), "po210": (0.45, "alpha")}
TRUTH = {
    "decay_scale": 1.0,
    "late_fraction": 0.03,
    "late_delay": 25.0,
    "early_fraction": 0.0,
    "time_walk": 0.7,
    "tts_mean_17": 1.3,
    "tts_mean_20": 2.5,
    "time_shift": 0.0,
    "vertex_resolution": 0.137,
    "t0_resolution": 0.35,
}
RADIUS_M = 5.0
CABLES = torch.device("cpu")


class TimedRun:
    """Events of the samples, their hits, and the run that the global fit sees.

    ``spread`` is that of the transit-time spreads of a type over their mean.
    """

    def __init__(self, truth=TRUTH, n_events=(150, 400), *, seed, spread=0.08, dark=25e3):
        self.generator = torch.Generator().manual_seed(seed)
        self.truth = truth
        detector = detector_at(load_detector(), {**truth, "cherenkov_scale": 0.0})
        self.tensors = DetectorTensors.of(detector, np.arange(detector.n_pmt), CABLES)
        self.samples = np.repeat(np.arange(len(SAMPLES)), n_events)
        energy = torch.tensor([e for e, _ in SAMPLES.values()])[self.samples]
        self.vertex = self._normal(len(energy), 3)
        far = self._uniform(len(energy)) ** (1 / 3) * RADIUS_M
        self.vertex *= (far / self.vertex.norm(dim=1))[:, None]
        self.response = self._response(detector, spread, dark)
        self.run = self._run(detector, energy)
        self.hits = self._hits(energy)

    def counts(self):
        """What the term counts in the run, without light."""
        rows = {name: np.flatnonzero(self.samples == i) for i, name in enumerate(SAMPLES)}
        counts = TimeCounts.of(self.run, rows)
        counts.add(self.hits)
        return counts

    def term(self, photons, *, seed):
        """The term with so many photons for each event."""
        counts = self.counts()
        for block in traced(self.points(), self.run, photons, seed=seed):
            counts.add_light(block)
        return counts.term()

    def points(self):
        """Every event's light at its reconstructed vertex."""
        n = len(self.samples)
        position = self.run.stream.events.vertex.double().numpy()
        return EmissionPoints(
            row=np.arange(n),
            position=position,
            time=np.zeros(n),
            share=np.ones(n),
            decay=np.arange(n),
            sample=self.samples,
            names=tuple(SAMPLES),
        )

    def _normal(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def _uniform(self, *shape):
        return torch.rand(shape, generator=self.generator)

    def _response(self, detector, spread, dark):
        n = detector.n_pmt
        kind = self.tensors.kind
        relative = (1 + spread * self._normal(n)).clamp(0.7, 1.3)
        for k in (0, 1):
            relative[kind == k] /= relative[kind == k].square().mean().sqrt()
        rms = torch.tensor([self.truth["tts_mean_17"], self.truth["tts_mean_20"]])
        shape = ChargeShape(*(torch.full((n,), v) for v in (0.13, 0.35, 0.30, 0.05)))
        return DetectorResponse(
            gain=1 + 0.05 * self._normal(n),
            spe_width=torch.full((n,), 0.4),
            time_offset=torch.zeros(n),
            tts=relative * rms[kind],
            dark_rate=torch.full((n,), dark),
            alive=torch.ones(n, dtype=torch.bool),
            shape=shape,
            walk=self.truth["time_walk"],
            late_share=self.truth["late_fraction"],
            late_delay=self.truth["late_delay"],
            moved=self._early(),
        )

    def _early(self):
        """Early pulses with the delays of their types, if the truth has any."""
        if self.truth["early_fraction"] == 0:
            return ()
        types = sorted(read_nominal().types.items())
        ends = torch.tensor([nominal.early_ns for _, nominal in types])[self.tensors.kind]
        first, last = ends.T
        return (Stray(torch.full_like(first, self.truth["early_fraction"]), first, last),)

    def _run(self, detector, energy):
        n, response = len(energy), self.response
        materials = load_materials()
        error = self.truth["vertex_resolution"] / (3 * energy).sqrt()
        found = self.vertex + error[:, None] * self._normal(n, 3)
        t0 = self.truth["t0_resolution"] * self._normal(n)
        yes = torch.ones(n, dtype=torch.bool)
        events = EventColumns(yes, ~yes, found, energy, t0)
        stream = SimpleNamespace(events=events, detector=self.tensors, config=CalibrationConfig())
        seen = detection_efficiency(response.gain, response.spe_width, response.shape)[0]
        light = LightModel(seen, energy * PHOTONS_PER_MEV, self._acceptance(detector, materials))
        alpha = Selection(self.samples == 1, 1.0, 0.01, "")
        near = torch.tensor([1.3, 2.5], dtype=torch.float64)
        result = SimpleNamespace(
            light=light,
            selections={"po210": alpha},
            charge=SimpleNamespace(
                gain=response.gain, width=response.spe_width, shape=lambda _kind: response.shape
            ),
            timing=SimpleNamespace(
                offset=response.time_offset,
                tts=response.tts,
                covariance=torch.zeros(len(seen), 2, 2),
                simple=SimpleNamespace(tts=near),
            ),
            survey=SimpleNamespace(dark=SimpleNamespace(rate=response.dark_rate * seen)),
            walk=SimpleNamespace(value=0.6),
        )
        return CalibratedRun(stream, result, detector, materials, seen, np.arange(detector.n_pmt))

    def _acceptance(self, detector, materials, sites=400, photons=6000):
        """The factor on the solid angle that traced photons of these very events ask for."""
        flat, tensors = Acceptance.flat(2, CABLES), self.tensors
        vertex = self.vertex[:: max(1, len(self.vertex) // sites)]
        found = FullTracer(detector, materials).trace(
            vertex.double().numpy(), photons, generator=self.generator
        )
        source, pmt = (torch.from_numpy(c).long() for c in (found.source, found.pmt))
        seen = sightline_of_hits(vertex[source], tensors.direction[pmt], tensors.radius)
        view = sightline(vertex, tensors.direction, tensors.radius)
        rows = []
        for k in (0, 1):
            columns = tensors.kind == k
            part = Sightline(view.distance[:, columns], view.cosine[:, columns])
            share = flat.fraction(part, tensors.aperture_radius[columns], k)
            expected = torch.bincount(cell_of(part).reshape(-1), share.reshape(-1), N_CELLS)
            counted = torch.bincount(cell_of(seen)[columns[pmt]], minlength=N_CELLS)
            rows.append((counted * found.weight / photons, expected))
        counted, expected = (torch.stack(column) for column in zip(*rows, strict=True))
        few = 30 * found.weight / photons
        factor = torch.log((counted + few) / (expected + few))
        return Acceptance(factor.reshape(flat.log_factor.shape).float())

    def _hits(self, energy):
        n, events = len(energy), self.run.stream.events
        profile = torch.tensor([PROFILES.index(p) for _, p in SAMPLES.values()])[self.samples]
        none = torch.zeros(n)
        sites = LightSites(
            event=torch.arange(n),
            position=self.vertex,
            time=none,
            direction=torch.zeros(n, 3),
            scintillation=energy * PHOTONS_PER_MEV,
            cherenkov=none,
            beta=none,
            profile=profile,
            medium=torch.zeros(n, dtype=torch.long),
        )
        tracer = FullTracer(self.run.detector, self.run.materials, ceiling=1.0)
        light = tracer.sample(sites, generator=self.generator)
        window = tuple(torch.full((n,), edge) for edge in WINDOW)
        pulses = self.response.sample(light, window, generator=self.generator)
        time = pulses.time - events.t0[pulses.event]
        tensors = self.tensors
        view = sightline_of_hits(
            events.vertex[pulses.event], tensors.direction[pulses.pmt], tensors.radius
        )
        yes = torch.ones(len(time), dtype=torch.bool)
        return HitBatch(
            rows=slice(0, n),
            event=pulses.event,
            pmt=pulses.pmt,
            time=time,
            charge=pulses.charge,
            forced=~yes,
            used=yes,
            view=view,
            residual=time - view.distance / self.run.stream.config.light_speed,
        )
