"""Light yield and Birks constant of simulated runs, put in and found again from their spectra.

    python benchmarks/spectra_closure.py [--truths 20] [--write docs/global_fit_energy.md]

Decays are transported, their photons traced and their photoelectrons reported with a value of its
own for every PMT; vertices and emission times scatter. The constants of every PMT are taken as
known, so that what is tested is the counting of light, its collection and the spectra. The light
is traced again with other photons at the true optics, one light yield and one Birks constant.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from challenge_detector import SHAPE
from pages import table, write_part

from kzcal.calibrate.arrivals import (
    DISTANCE_EDGES,
    N_DISTANCE,
    N_ENERGY,
    Arrivals,
    class_of,
    energy_class,
)
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.light_model import first_model
from kzcal.calibrate.occupancy import fit_occupancy
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.calibrate.survey import FIRST, N_BINS, STEP, survey
from kzcal.fit.config import FitConfig
from kzcal.fit.energy.gathering import SpectrumAccumulator, SpectrumSettings
from kzcal.fit.light.lost import LostByTime
from kzcal.fit.light.points import Rows, emission_points, source_of
from kzcal.fit.light.traced import traced
from kzcal.fit.newton import Newton
from kzcal.fit.objective import FitObjective
from kzcal.fit.run import CalibratedRun
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import Materials
from kzcal.hits import PHYSICS, Events, Muons, RunHeader
from kzcal.io.memory import MemorySource
from kzcal.optics.tracer import FullTracer
from kzcal.parts import Parameter, Selection
from kzcal.photoelectrons import Photoelectrons
from kzcal.physics.transport import Transport
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal.response.detector import DetectorResponse
from kzcal.response.translator import PHYSICS_WINDOW, hits_of

CPU = torch.device("cpu")
CHALLENGE = Path(__file__).parent / "challenge" / "fit.toml"
NUMBERS = {"neutron-capture": 400, "po214": 400, "c11": 500, "po210": 500}
VISIBLE = {"neutron-capture": 2.1, "po214": 0.62, "c11": 1.25, "po210": 0.36}
SECOND = 10**9
RADIUS, FIDUCIAL, CEILING = 5.6, 5.5, 1.6
PHOTONS = 4000
PARAMETERS = (
    Parameter("light_yield", 1.0, 0.5, 2.0, "1"),
    Parameter("birks_mm_per_mev", 0.12, 0.05, 0.3, "mm/MeV"),
)


@dataclass(frozen=True)
class Found:
    """What one simulated run gives."""

    truth: np.ndarray
    values: np.ndarray
    covariance: np.ndarray

    @property
    def pulls(self) -> np.ndarray:
        """Found less true over the stated error."""
        return (self.values - self.truth) / np.sqrt(np.diag(self.covariance))


def response_of(detector: Detector, rng: np.random.Generator) -> DetectorResponse:
    """PMTs that all differ; efficiencies have mean one for each type."""
    n = detector.n_pmt

    def drawn(mean: float, spread: float) -> torch.Tensor:
        return torch.from_numpy(mean * (1 + spread * rng.standard_normal(n)).astype(np.float32))

    qe = drawn(1.0, 0.08).clamp(0.6, 1.4)
    for inch in (17, 20):
        rows = torch.from_numpy(detector.diameter_inch == inch)
        qe[rows] /= qe[rows].mean()
    return DetectorResponse(
        gain=drawn(1.0, 0.1),
        spe_width=drawn(0.42, 0.05),
        time_offset=torch.zeros(n),
        tts=drawn(1.4, 0.1),
        dark_rate=drawn(20_000.0, 0.2),
        alive=torch.ones(n, dtype=torch.bool),
        shape=ChargeShape(*(torch.full((n,), value) for value in SHAPE)),
        walk=0.0,
        qe=qe,
    )


def vertices(rng: np.random.Generator, n: int) -> np.ndarray:
    """Evenly in a ball, m."""
    direction = rng.standard_normal((n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return RADIUS * np.cbrt(rng.random((n, 1))) * direction


def photoelectrons(
    detector: Detector, materials: Materials, rng: np.random.Generator
) -> tuple[np.ndarray, Photoelectrons]:
    """True centroids of all events, sample after sample, and their photoelectrons."""
    transport = Transport(detector, materials)
    tracer = FullTracer(detector, materials, CEILING)
    places, parts, first = [], [], 0
    for name, number in NUMBERS.items():
        start = vertices(rng, number)
        decays = source_of(name).sample(number, generator=rng)
        deposits = transport.deposits(decays, start, generator=rng)
        sites = transport.light(deposits)
        truth = transport.truth(deposits)
        places.append(np.stack([truth[axis] for axis in "xyz"], axis=1))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        parts.append(tracer.sample(replace(sites, event=sites.event + first), generator=generator))
        first += number
    joined = (torch.cat(column) for column in zip(*map(_columns, parts), strict=True))
    return np.concatenate(places), Photoelectrons(*joined)


def _columns(part: Photoelectrons) -> Iterator[torch.Tensor]:
    yield from (part.event, part.pmt, part.time)


def times(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps of all events, captures after muons and 214Po after captures, and of muons."""
    captures, alphas = NUMBERS["neutron-capture"], NUMBERS["po214"]
    muons = SECOND * (1 + np.arange(captures))
    lonely = SECOND * (1 + captures + 1 + np.arange(sum(NUMBERS.values()) - captures - alphas))
    prompt = muons + rng.integers(160_000, 900_000, captures)
    return np.concatenate([prompt, prompt[:alphas] + 100_000, lonely]), muons


def simulated(detector: Detector, materials: Materials, seed: int) -> CalibratedRun:
    """A run of the samples, with the constants that made it."""
    rng = np.random.default_rng(seed)
    response = response_of(detector, rng)
    place, light = photoelectrons(detector, materials, rng)
    n = len(place)
    window = tuple(torch.full((n,), edge) for edge in PHYSICS_WINDOW)
    generator = torch.Generator().manual_seed(seed)
    pulses = response.sample(light, window, ceiling=CEILING, generator=generator)
    visible = np.repeat([VISIBLE[name] for name in NUMBERS], list(NUMBERS.values()))
    scatter = 0.137 / np.sqrt(3 * visible)[:, None] * rng.standard_normal((n, 3))
    stamps, muons = times(rng)
    events = Events(
        event=np.arange(n),
        timestamp=stamps,
        trigger=np.full(n, PHYSICS, np.uint8),
        vertex=(np.nan_to_num(place, nan=9.0) + scatter).astype(np.float32),
        energy=visible.astype(np.float32),
        t0=rng.normal(0.0, 0.35, n).astype(np.float32),
        hits=hits_of(pulses, n),
    )
    order = np.argsort(stamps, kind="stable")
    label = np.repeat(np.arange(len(NUMBERS)), list(NUMBERS.values()))[order]
    arrivals = arrivals_of(light, events, response, detector, rng)
    known = calibrated(events.take(order), muons, arrivals, response, detector, materials)
    known.result.selections = {
        name: Selection(label == i, 1.0, 0.0, "as simulated") for i, name in enumerate(NUMBERS)
    }
    return known


def arrivals_of(
    light: Photoelectrons,
    events: Events,
    response: DetectorResponse,
    detector: Detector,
    rng: np.random.Generator,
) -> Arrivals:
    """When photoelectrons come, late ones and errors of the reconstruction with them."""
    event, pmt = light.event.numpy(), light.pmt.numpy()
    away = np.linalg.norm(detector.positions[pmt] - events.vertex[event], axis=1)
    late = (rng.random(len(event)) < response.late_share) * rng.exponential(
        response.late_delay, len(event)
    )
    time = light.time.numpy() - events.t0[event] + late
    time = rng.normal(time, response.tts.numpy()[pmt])
    residual = time - away / CalibrationConfig().light_speed
    energy = energy_class(torch.from_numpy(events.energy))[light.event]
    cell = energy * N_DISTANCE + class_of(torch.from_numpy(away), DISTANCE_EDGES)
    place = torch.from_numpy(np.floor((residual - FIRST) / STEP).astype(np.int64))
    inside = (place >= 0) & (place < N_BINS)
    shape = N_ENERGY, N_DISTANCE, N_BINS
    counts = torch.bincount((cell * N_BINS + place)[inside], minlength=int(np.prod(shape)))
    return Arrivals.of(counts.reshape(shape).double(), FIRST, STEP)


def calibrated(
    events: Events,
    muons: np.ndarray,
    arrivals: Arrivals,
    response: DetectorResponse,
    detector: Detector,
    materials: Materials,
) -> CalibratedRun:
    """What a calibration would find if it found the constants of every PMT."""
    none = np.zeros((len(muons), 3), np.float32)
    seen = Muons(muons, none, none, np.zeros(len(muons), np.float32))
    header = RunHeader(
        7, detector.name, livetime_ns=int(events.timestamp[-1]), physics_window_ns=PHYSICS_WINDOW
    )
    source = MemorySource(Path("closure.h5"), events, header, seen)
    config = CalibrationConfig()
    place = np.arange(detector.n_pmt)
    tensors = DetectorTensors.of(detector, place, CPU)
    columns = EventColumns.of(events, config, CPU)
    stream = RunStream(source, columns, tensors, config, lambda _hits: None)
    look = survey(stream)
    everything = torch.ones(detector.n_pmt, dtype=torch.bool)
    look = replace(look, offset=torch.zeros(detector.n_pmt))
    model, _ = fit_occupancy(stream, look, everything, first_model(stream), arrivals, passes=3)
    double = [c.double() for c in (response.gain, response.spe_width)]
    shape = ChargeShape(*(torch.full((detector.n_pmt,), v).double() for v in SHAPE))
    result = SimpleNamespace(
        table=source.table(),
        survey=look,
        light=model,
        arrivals=arrivals,
        charge=SimpleNamespace(
            gain=double[0],
            width=double[1],
            shape=lambda kind: ChargeShape(*(torch.full(kind.shape, v).double() for v in SHAPE)),
        ),
    )
    weight = response.qe.double() * detection_efficiency(*double, shape)[0]
    return CalibratedRun(stream, result, detector, materials, weight, place)


def fitted(run: CalibratedRun, nominal: Detector, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Light yield and Birks constant of a run, and their covariance with the finite light's."""
    inside = run.stream.events.vertex.norm(dim=1).numpy() < FIDUCIAL
    rows: dict[str, Rows] = {
        name: np.flatnonzero(selection.rows & inside)
        for name, selection in run.result.selections.items()
    }
    settings = SpectrumSettings(n_shells=2, decays=4000, seed=seed + 1000)
    spectra = SpectrumAccumulator.of(run, nominal, tuple(rows), settings)
    for batch in run.stream.batches():
        spectra.add(batch, LostByTime(run).behind(batch))
    vertex = run.stream.events.vertex.double().numpy()
    transport = Transport(run.detector, run.materials)
    points = emission_points(rows, vertex, transport, seed=seed + 2000)
    for block in traced(points, run, PHOTONS, seed=seed + 3000):
        spectra.add_light(block)
    objective = FitObjective([spectra.term()], PARAMETERS)
    minimum = Newton().minimise(objective, PARAMETERS, seed=seed)
    finite = (minimum.values[0] * spectra.collection.relative_error) ** 2
    return minimum.values, minimum.covariance + np.diag([finite, 0.0])


def closure(seed: int) -> Found:
    """One truth, drawn from what the challenge's may be, and what is found."""
    rng = np.random.default_rng(seed + 77)
    nominal, materials = FitConfig.from_toml(CHALLENGE).open_detector()
    truth = {"light_yield": rng.uniform(0.92, 1.10), "birks_mm_per_mev": rng.uniform(0.10, 0.14)}
    optics = {
        "absorption_scale": rng.uniform(0.75, 1.20),
        "scattering_scale": rng.uniform(0.85, 1.20),
    }
    run = simulated(detector_at(nominal, truth | optics), materials, seed)
    run = replace(run, detector=detector_at(nominal, optics))
    values, covariance = fitted(run, nominal, seed)
    return Found(np.array(list(truth.values())), values, covariance)


def main() -> None:
    """Write the pulls."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truths", type=int, default=20)
    parser.add_argument("--write", type=Path, help="page that gets the table")
    arguments = parser.parse_args()
    found = []
    for seed in range(1, arguments.truths + 1):
        found.append(closure(seed))
        print(seed, found[-1].truth, found[-1].values, found[-1].pulls, flush=True)
    pulls = np.stack([one.pulls for one in found])
    error = np.stack([np.sqrt(np.diag(one.covariance)) / one.truth for one in found]).mean(0)
    off = np.stack([one.values / one.truth - 1 for one in found])
    n = len(found)
    rows = [
        (
            parameter.name,
            f"{100 * error[i]:.2f} %",
            f"{100 * off[:, i].mean():+.2f} ± {100 * off[:, i].std(ddof=1) / n**0.5:.2f} %",
            f"{pulls[:, i].mean():+.2f} ± {n**-0.5:.2f}",
            f"{pulls[:, i].std(ddof=1):.2f} ± {(2 * n - 2) ** -0.5:.2f}",
        )
        for i, parameter in enumerate(PARAMETERS)
    ]
    head = ("parameter", "stated error", "bias", "mean of pulls", "width of pulls")
    text = f"{table(head, rows)}\n\nFrom {n} truths of {sum(NUMBERS.values())} events each."
    if arguments.write:
        write_part(arguments.write, "spectra_closure", text)
    print(text)


if __name__ == "__main__":
    main()
