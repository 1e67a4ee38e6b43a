"""Events to compare: two runs of one law, and copies of one with a single thing changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kzcal.io.memory import MemorySource
from kzcal.testing import synthetic_run

SMALL = {"blocks": 16, "deals": 2499, "events": 200, "graph_events": 0, "shuffles": 2}
"""Settings of a scorecard that is quick."""


def run_of(seed, n_events=2000):
    return synthetic_run(seed, n_events)


def with_hits(events, **columns):
    return replace(events, hits=replace(events.hits, **columns))


def distorted(run, what, seed=5):
    """The run's events with one thing changed."""
    events, rng = run.events, np.random.default_rng(seed)
    hits = events.hits
    n = len(hits.pmt)
    if what == "charge":
        return with_hits(events, charge=hits.charge * np.float32(1.05))
    if what == "time":
        late = rng.normal(0, 1.0, n).astype(np.float32)
        return with_hits(events, time=hits.time + late)
    if what == "crate":
        crate = (hits.pmt >= 300) & (hits.pmt < 360)
        return replace(events, hits=hits.where(~(crate & (rng.random(n) < 0.8))))
    off_time = events.forced[hits.event_index]
    return replace(events, hits=hits.where(~(off_time & (rng.random(n) < 0.2))))


def source(run, events=None):
    return MemorySource(Path("made_up.h5"), run.events if events is None else events, run.header)
