"""Events in memory behave as a file of events does."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from kzcal.hits import Hits
from kzcal.io.memory import MemorySource
from kzcal.testing import synthetic_run


@pytest.fixture
def source(tmp_path: Path) -> MemorySource:
    path = tmp_path / "run.txt"
    path.write_bytes(b"hits")
    run = synthetic_run(n_events=50)
    return MemorySource(path, run.events, run.header, run.muons)


@pytest.mark.parametrize("hits_per_chunk", [1, 70, 1000, 10**9])
def test_chunks_hold_every_event_once(source: MemorySource, hits_per_chunk: int):
    chunks = list(source.chunks(hits_per_chunk))
    assert np.concatenate([c.event for c in chunks]).tolist() == list(range(50))
    assert sum(len(c.hits.pmt) for c in chunks) == source.n_hits
    assert all(len(c) == 1 or len(c.hits.pmt) <= hits_per_chunk for c in chunks)


def test_the_table_has_no_hits_and_the_digest_is_of_the_file(source: MemorySource):
    with source as opened:
        assert len(opened.table()) == 50
        assert len(opened.table().hits.pmt) == 0
        assert opened.digest() == hashlib.sha256(b"hits").hexdigest()
        assert opened.dropped == 0


def test_hits_that_are_not_finite_are_counted_and_dropped(tmp_path: Path):
    run = synthetic_run(n_events=3)
    hits = run.events.hits
    time = hits.time.copy()
    time[[0, 5]] = np.nan, np.inf
    events = run.events.take(np.arange(3))
    object.__setattr__(events, "hits", Hits(hits.offsets, hits.pmt, time, hits.charge))
    source = MemorySource(tmp_path / "run.txt", events, run.header)
    assert source.dropped == 2
    assert source.n_hits - 2 == sum(len(c.hits.pmt) for c in source.chunks())
    assert len(source.muons) == 0
