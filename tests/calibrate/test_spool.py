"""Hits on disk between passes: what goes in comes out, and nothing is left."""

import tempfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kzcal.calibrate.spool import Spool

CPU = torch.device("cpu")


def chunk(length, seed):
    generator = torch.Generator().manual_seed(seed)
    return {
        "pmt": torch.randint(0, 1879, (length,), generator=generator).short(),
        "cell": torch.randint(0, 10**6, (length,), generator=generator).int(),
        "time": torch.randn(length, generator=generator),
        "wide": torch.randn(length, generator=generator, dtype=torch.float64),
    }


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype
        for name in one
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 50), max_size=6))
def test_chunks_come_back_as_they_were_again_and_again(lengths):
    chunks = [chunk(length, seed) for seed, length in enumerate(lengths)]
    with Spool(CPU) as spool:
        for columns in chunks:
            spool.append(columns)
        for _ in range(2):
            read = list(spool)
            assert len(read) == len(chunks)
            assert all(same(a, b) for a, b in zip(read, chunks, strict=True))


def test_what_is_read_may_be_changed_without_changing_the_file():
    with Spool(CPU) as spool:
        spool.append(chunk(10, 1))
        for columns in spool:
            columns["time"].zero_()
        assert same(next(iter(spool)), chunk(10, 1))


def test_appending_after_reading_adds_to_the_end():
    with Spool(CPU) as spool:
        spool.append(chunk(10, 1))
        assert len(list(spool)) == 1
        spool.append(chunk(5, 2))
        assert [same(*pair) for pair in zip(spool, (chunk(10, 1), chunk(5, 2)), strict=True)]
        assert same(list(spool)[1], chunk(5, 2))


def test_the_file_has_no_name_and_is_closed_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Spool(CPU) as spool:
        spool.append(chunk(1000, 1))
        spool.file.flush()
        assert list(tmp_path.iterdir()) == []
    assert spool.file.closed
    with pytest.raises(ValueError, match="closed"):
        spool.append(chunk(1, 1))
