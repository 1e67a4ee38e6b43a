"""Runs to calibrate: one of the whole detector, and small ones of a few of its PMTs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.demo import DemoTruth, write_demo_period
from kzcal.calibrate.driver import RunResult, calibrate_run
from kzcal.calibrate.stream import DetectorTensors, EventColumns, RunStream
from kzcal.geometry import load_detector
from kzcal.hits import FORCED, PHYSICS, Events, Hits, RunHeader
from kzcal.io.events import open_events
from kzcal.io.memory import MemorySource
from kzcal.optics.plain_light import PlainLight
from kzcal.response.charge import ChargeShape
from kzcal.response.detector import DetectorResponse
from kzcal.response.timing import ALPHA_PROFILE, ELECTRON_PROFILE

CPU = torch.device("cpu")
WINDOW, FORCED_WINDOW = (-150.0, 350.0), (0.0, 10_000.0)


@pytest.fixture(scope="session")
def demo_period(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoTruth]:
    """A small period of the whole detector, and its truth."""
    path = tmp_path_factory.mktemp("demo") / "period.h5"
    return path, write_demo_period(path, seed=3, n_events=2000)


@pytest.fixture(scope="session")
def demo_result(demo_period: tuple[Path, DemoTruth]) -> RunResult:
    """What a calibration finds in it."""
    detector = load_detector()
    with open_events(demo_period[0], detector) as source:
        return calibrate_run(
            source,
            detector,
            CalibrationConfig(),
            samples={},
            device=CPU,
            advance=lambda _: None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ThinRun:
    """A run that some of the PMTs saw, and what it was made with."""

    stream: RunStream
    efficiency: torch.Tensor
    time_offset: torch.Tensor
    dark_rate: torch.Tensor
    walk: float

    @property
    def counting(self) -> torch.Tensor:
        """Every PMT counts."""
        return torch.ones(len(self.efficiency), dtype=torch.bool)


@pytest.fixture(scope="session")
def thin_run() -> Callable[..., ThinRun]:
    """Makes a run that every eighth PMT sees, and all in one place."""
    return draw_thin_run


def thin_cables() -> np.ndarray:
    """Every eighth PMT, and the forty nearest to a place just off the equator."""
    directions = load_detector().directions
    near = np.argsort(-directions @ np.array([0.8, 0.5, 0.33]))[:40]
    return np.union1d(np.arange(0, len(directions), 8), near)


def draw_thin_run(
    n_events: int, *, exchanged: tuple[tuple[int, int], ...] = (), walk: float = 0.0, seed: int = 1
) -> ThinRun:
    """A run with forced triggers and perfect vertices, of PMTs whose constants differ.

    Args:
        n_events: physics triggers; a fifth as many forced ones come on top.
        exchanged: pairs of exchanged cables, numbered among the PMTs of the run.
        walk: delay of small pulses, ns.
        seed: decides everything.
    """
    cables, place = thin_cables(), thin_cables()
    n_pmt = len(cables)
    for a, b in exchanged:
        place[[a, b]] = cables[[b, a]]
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    efficiency = torch.from_numpy(rng.normal(1.0, 0.1, n_pmt).clip(0.6, 1.4)).float()
    offset = torch.from_numpy(rng.normal(0.0, 3.0, n_pmt).clip(-9, 9)).float()
    rate = torch.from_numpy(25e3 * rng.lognormal(0, 0.3, n_pmt)).float()
    n = n_events + n_events // 5
    forced = np.arange(n) % 6 == 5
    direction = rng.normal(size=(n, 3))
    direction *= (6.2 * np.cbrt(rng.random(n)) / np.linalg.norm(direction, axis=1))[:, None]
    energy = np.where(forced, 0.0, rng.uniform(0.5, 2.5, n))
    true = DetectorTensors.of(load_detector(), place, CPU)
    light = PlainLight(photoelectrons=3000.0).sample(
        torch.from_numpy(direction).float(),
        torch.from_numpy(energy).float(),
        torch.zeros(n),
        torch.zeros(n, dtype=torch.long),
        efficiency,
        true.direction,
        true.aperture_radius,
        true.radius,
        (ELECTRON_PROFILE, ALPHA_PROFILE),
        generator=generator,
    )
    begin, end = (
        torch.from_numpy(np.where(forced, f, p)).float()
        for f, p in zip(FORCED_WINDOW, WINDOW, strict=True)
    )
    pulses = response(offset, rate, true.kind, walk).sample(
        light, (begin, end), generator=generator
    )
    events = Events(
        event=np.arange(n),
        timestamp=10**6 * np.arange(n),
        trigger=np.where(forced, FORCED, PHYSICS).astype(np.uint8),
        vertex=np.where(forced[:, None], np.nan, direction).astype(np.float32),
        energy=np.where(forced, np.nan, energy).astype(np.float32),
        t0=np.where(forced, np.nan, 0.0).astype(np.float32),
        hits=Hits.from_counts(
            torch.bincount(pulses.event, minlength=n).numpy(),
            pulses.pmt.numpy().astype(np.uint16),
            (torch.round(pulses.time * 8) / 8).numpy(),
            (torch.round(pulses.charge * 64) / 64).numpy(),
        ),
    )
    header = RunHeader(7, "thin", physics_window_ns=WINDOW, forced_window_ns=FORCED_WINDOW)
    config = CalibrationConfig()
    stream = RunStream(
        MemorySource(Path("thin.h5"), events, header),
        EventColumns.of(events, config, CPU),
        DetectorTensors.of(load_detector(), cables, CPU),
        config,
        lambda _: None,
    )
    return ThinRun(stream, efficiency, offset, rate, walk)


def response(
    offset: torch.Tensor, rate: torch.Tensor, kind: torch.Tensor, walk: float
) -> DetectorResponse:
    """PMTs with charges of their type, whose every pulse is reported."""
    like = torch.ones_like(offset)
    shape = ChargeShape(0.1 * like, 0.3 * like, -1.0 * like, 0.01 * like)
    wide = kind == 1
    return DetectorResponse(
        gain=like,
        spe_width=torch.where(wide, 0.55, 0.4),
        time_offset=offset,
        tts=torch.where(wide, 2.5, 1.3),
        dark_rate=rate,
        alive=like > 0,
        shape=shape,
        walk=walk,
    )
