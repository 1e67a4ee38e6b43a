"""A run of captures soon after muons, with forced triggers, and a database with its constants."""

from pathlib import Path

import numpy as np

from kzcal.conditions.database import Database
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT
from kzcal.geometry import load_detector
from kzcal.hits import FORCED, PHYSICS, Events, Hits, Muons, RunHeader
from kzcal.io.events import write_events
from kzcal.testing.payloads import example_calibration

RUN, TAG = 15001, "full-2026"
MUON_GAP_NS = 10**9


def captures(n: int = 30, n_forced: int = 5, seed: int = 3) -> Events:
    """One capture 300 us after each muon, of which every sixth or so is a forced trigger."""
    rng = np.random.default_rng(seed)
    total = n + n_forced
    forced = np.zeros(total, bool)
    forced[rng.choice(total, n_forced, replace=False)] = True
    direction = rng.standard_normal((total, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    vertex = 5.5 * np.cbrt(rng.random((total, 1))) * direction
    columns = {
        "vertex": vertex,
        "energy": rng.normal(2.2, 0.1, total).clip(1.95, 2.45),
        "t0": rng.normal(0.0, 7.0, total),
    }
    for values in columns.values():
        values[forced] = np.nan
    counts = rng.poisson(20, total)
    return Events(
        event=np.arange(100, 100 + total),
        timestamp=MUON_GAP_NS * np.arange(1, total + 1) + 300_000,
        trigger=np.where(forced, FORCED, PHYSICS).astype(np.uint8),
        hits=Hits.from_counts(
            counts,
            rng.integers(0, 1879, counts.sum()).astype(np.uint16),
            np.sort(rng.uniform(0, 1, counts.sum())).astype(np.float32),
            np.ones(counts.sum(), np.float32),
        ),
        **{name: values.astype(np.float32) for name, values in columns.items()},
    )


def muons(n: int) -> Muons:
    """As many muons as events, each 300 us before one."""
    down = np.tile(np.array([0, 0, -1], np.float32), (n, 1))
    return Muons(MUON_GAP_NS * np.arange(1, n + 1), -6.5 * down, down, np.full(n, 1e5, np.float32))


def write_captures(path: Path, events: Events | None = None) -> Events:
    """Write the run."""
    events = captures() if events is None else events
    header = RunHeader(
        RUN,
        load_detector().name,
        livetime_ns=MUON_GAP_NS * (len(events) + 2),
        physics_window_ns=(-150.0, 350.0),
        forced_window_ns=(0.0, 1e4),
    )
    write_events(path, header, [events], muons(len(events)))
    return events


def write_constants(path: Path, **parameters: float) -> None:
    """A database with constants of every PMT and, if any are given, a global fit."""
    payloads = [example_calibration(load_detector())]
    if parameters:
        n = len(parameters)
        block = GlobalBlock(
            tuple(parameters),
            np.array(list(parameters.values())),
            ("1",) * n,
            np.zeros((n, n)),
            ("chosen",) * n,
        )
        nothing = Column(np.zeros(1), "1", "nothing")
        payloads.append(Payload(GLOBAL_FIT, {"nothing": nothing}, block, Lineage()))
    with Database.init(path) as db:
        db.store(TAG, RUN, RUN, payloads, "chosen", description="of a test")
