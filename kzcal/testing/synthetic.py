"""A small synthetic run: muons, captures, two spectra and forced triggers, drawn with numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int16, Int64

from kzcal.geometry import Detector, load_detector
from kzcal.hits import FORCED, PHYSICS, Events, Hits, Muons, RunHeader
from kzcal.parts import CalibrationChunk

LIVETIME_NS = 3_600_000_000_000
CAPTURE_NS = 207_500.0
SPEED_M_PER_NS = 0.195
HITS_PER_MEV = 150.0
HITS_PER_FORCED = 8.0
NO_VECTOR = (np.nan, np.nan, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """All that is known about a run, in time order."""

    events: Events
    muons: Muons
    header: RunHeader
    detector: Detector

    @property
    def table(self) -> Events:
        """The events without their hits, as a selection sees them."""
        return without_hits(self.events)


def synthetic_run(seed: int = 1, n_events: int = 1200) -> Run:
    """A run of an hour with 50 muons; the same seed gives the same run.

    A quarter each are captures after muons, a line at 0.37 MeV, a spectrum of 1 to 2 MeV and
    forced triggers. Hits are few and their charges and times simple: enough for laws, not for
    physics.

    Args:
        seed: of the random stream.
        n_events: events of the run, muons aside.
    """
    generator = np.random.default_rng(seed)
    detector = load_detector()
    muons = _muons(generator, 50)
    kind = generator.integers(0, 4, n_events)
    time = generator.integers(0, LIVETIME_NS, n_events)
    after = generator.choice(muons.timestamp, n_events)
    delay = generator.exponential(CAPTURE_NS, n_events).astype(np.int64)
    time = np.where(kind == 0, after + delay, time)
    energy = np.select(
        [kind == 0, kind == 1, kind == 2],
        [
            generator.normal(2.2, 0.1, n_events),
            generator.normal(0.37, 0.03, n_events),
            generator.uniform(0.95, 1.9, n_events),
        ],
        np.nan,
    )
    order = np.argsort(time, kind="stable")
    events = _events(generator, detector, time[order], energy[order])
    windows = ((-150.0, 350.0), (0.0, 10_000.0))
    header = RunHeader(1, detector.name, "test", None, LIVETIME_NS, *windows)
    return Run(events, muons, header, detector)


def without_hits(events: Events) -> Events:
    """The same events with no hit."""
    return replace(events, hits=events.hits.where(np.zeros(len(events.hits.pmt), bool)))


def chunk_of(run: Run, rows: slice | None = None, *, samples: int = 2) -> CalibrationChunk:
    """Consecutive events of a run as an estimator sees them, in samples by turns.

    Args:
        run: the run.
        rows: which events; all of them by default.
        samples: how many samples physics triggers are dealt to; forced triggers are in none.
    """
    rows = slice(0, len(run.events)) if rows is None else rows
    events = run.events[rows]
    names = tuple(f"sample-{i}" for i in range(samples))
    dealt = (events.event % samples).astype(np.int16)
    sample: Int16[np.ndarray, " event"] = np.where(events.physics, dealt, np.int16(-1))
    row = events.hits.event_index
    distance = np.linalg.norm(
        run.detector.positions[events.hits.pmt] - events.vertex[row].astype(np.float64), axis=1
    )
    residual = (events.hits.time - events.t0[row] - distance / SPEED_M_PER_NS).astype(np.float32)
    return CalibrationChunk(events, residual, sample, names, run.detector, run.header)


def _muons(generator: np.random.Generator, n: int) -> Muons:
    """Muons at random times, straight down."""
    entry = np.tile(np.array([0.0, 0.0, 6.5], np.float32), (n, 1))
    times = np.sort(generator.integers(0, LIVETIME_NS - 10_000_000, n))
    return Muons(times, entry, -entry / np.float32(6.5), np.full(n, 1e6, np.float32))


def _events(
    generator: np.random.Generator,
    detector: Detector,
    time: Int64[np.ndarray, " event"],
    energy: Float64[np.ndarray, " event"],
) -> Events:
    """Events at these times; those without an energy are forced triggers."""
    n, forced = len(time), np.isnan(energy)
    radius = 5.9 * np.cbrt(generator.random(n))
    direction = generator.normal(size=(n, 3))
    vertex = direction * (radius / np.linalg.norm(direction, axis=1))[:, None]
    t0 = np.where(forced, np.nan, generator.normal(0.0, 1.0, n))
    mean = np.where(forced, HITS_PER_FORCED, HITS_PER_MEV * np.maximum(energy, 0.0))
    counts = generator.poisson(np.nan_to_num(mean, nan=HITS_PER_FORCED))
    return Events(
        np.arange(n),
        time,
        np.where(forced, FORCED, PHYSICS).astype(np.uint8),
        np.where(forced[:, None], NO_VECTOR, vertex).astype(np.float32),
        energy.astype(np.float32),
        t0.astype(np.float32),
        _hits(generator, detector, counts, vertex, t0),
    )


def _hits(
    generator: np.random.Generator,
    detector: Detector,
    counts: Int64[np.ndarray, " event"],
    vertex: Float64[np.ndarray, "event 3"],
    t0: Float64[np.ndarray, " event"],
) -> Hits:
    """Hits on any PMT: in time with the event, or anywhere for a forced trigger."""
    event = np.repeat(np.arange(len(counts)), counts)
    pmt = generator.integers(0, detector.n_pmt, len(event))
    distance = np.linalg.norm(detector.positions[pmt] - vertex[event], axis=1)
    scattered = generator.normal(0.0, 2.0, len(event)) + generator.exponential(7.0, len(event))
    time = np.where(
        np.isnan(t0[event]),
        generator.uniform(0.0, 10_000.0, len(event)),
        t0[event] + distance / SPEED_M_PER_NS + scattered,
    )
    order = np.lexsort((time, event))
    charge = np.abs(generator.normal(1.0, 0.35, len(event))) + 0.05
    return Hits.from_counts(
        counts,
        pmt[order].astype(np.uint16),
        time[order].astype(np.float32),
        charge.astype(np.float32),
    )
