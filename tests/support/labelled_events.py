"""Files of events whose kind is known, and whose times tell it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kzcal.io.hdf5_writer import event_writer
from kzcal.testing import Run, synthetic_run

KINDS = np.array([b"narrow", b"wide", b"other"])


def labelled_run(n_events: int = 600, seed: int = 1, wider: float = 4.0) -> Run:
    """A synthetic run of three kinds in turn; times of wide events have more spread."""
    run = synthetic_run(seed, n_events)
    kind = np.arange(n_events) % 3
    noise = np.random.default_rng(seed).normal(0.0, wider, len(run.events.hits.time))
    wide = kind[run.events.hits.event_index] == 1
    time = (run.events.hits.time + np.where(wide, noise, 0.0)).astype(np.float32)
    order = np.lexsort((time, run.events.hits.event_index))
    hits = replace(run.events.hits, pmt=run.events.hits.pmt[order], time=time[order])
    events = replace(run.events, hits=hits, truth={"kind": KINDS[kind]})
    return replace(run, events=events)


def written(path: Path, run: Run, number: int = 1) -> Path:
    """The run in a file, under another number."""
    with event_writer(path, replace(run.header, run=number), run.muons) as append:
        append(run.events)
    return path
