"""What is written is read back bit by bit, in chunks of any size."""

import dataclasses
import os
import tracemalloc
from collections import namedtuple
from pathlib import Path

import h5py
import numpy as np
import pytest
from event_files import DETECTOR, HEADER, many_events, plain_events, plain_muons, some_muons
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.hits import Hits, Muons, Profile, RunHeader
from kzcal.io import schema
from kzcal.io.events import EventFile, open_events, write_events
from kzcal.io.hdf5_writer import timeline_writer

MUON_COLUMNS = ("timestamp", "entry", "direction", "charge")
ANYWHERE = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def assert_same_bits(found, expected):
    """Two columns agree in type and in every bit, NaN payloads included."""
    assert found.dtype == expected.dtype
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def assert_same_events(found, expected):
    for name in ("event", "timestamp", "trigger", "vertex", "energy", "t0"):
        assert_same_bits(getattr(found, name), getattr(expected, name))
    for name in ("offsets", "pmt", "time", "charge"):
        assert_same_bits(getattr(found.hits, name), getattr(expected.hits, name))
    assert set(found.truth) == set(expected.truth)
    for name, column in expected.truth.items():
        assert_same_bits(found.truth[name], column)


def assert_same_profiles(found, expected):
    """Muons that are none leave no group, and so no profile."""
    assert (found.profile is None) == (expected.profile is None or not len(expected))
    if found.profile is not None:
        assert_same_bits(found.profile.offsets, expected.profile.offsets)
        assert_same_bits(found.profile.deposit, expected.profile.deposit)


@ANYWHERE
@given(events=many_events(), muons=some_muons(), cut=st.integers(0, 12))
def test_any_events_come_back_bit_by_bit(tmp_path, events, muons, cut):
    path = tmp_path / "run.h5"
    write_events(path, HEADER, [events[:cut], events[cut:]], muons)
    with open_events(path, DETECTOR) as source:
        assert source.header == HEADER
        assert (source.n_events, source.n_hits) == (len(events), len(events.hits.pmt))
        whole = list(source.chunks())
        assert source.dropped == 0
        for name in MUON_COLUMNS:
            assert_same_bits(getattr(source.muons, name), getattr(muons, name))
        assert_same_profiles(source.muons, muons)
    if len(events):
        assert len(whole) == 1
        assert_same_events(whole[0], events)
    else:
        assert whole == []


@ANYWHERE
@given(events=many_events(), hits_per_chunk=st.integers(1, 40))
def test_chunks_are_cut_between_events_and_keep_to_their_size(tmp_path, events, hits_per_chunk):
    path = tmp_path / "run.h5"
    write_events(path, HEADER, [events])
    with open_events(path, DETECTOR) as source:
        start = 0
        for chunk in source.chunks(hits_per_chunk):
            assert len(chunk) == 1 or len(chunk.hits.pmt) <= hits_per_chunk
            assert_same_events(chunk, events[start : start + len(chunk)])
            start += len(chunk)
    assert start == len(events)


@ANYWHERE
@given(events=many_events())
def test_the_table_holds_every_event_and_no_hit(tmp_path, events):
    path = tmp_path / "run.h5"
    write_events(path, HEADER, [events])
    with open_events(path, DETECTOR) as source:
        table = source.table()
    assert_same_events(table, dataclasses.replace(events, hits=table.hits))
    assert_same_bits(table.hits.offsets, np.zeros(len(events) + 1, np.int64))
    assert len(table.hits.pmt) == 0


def test_views_of_a_longer_table_are_written_as_they_look(tmp_path):
    events = plain_events()
    path = tmp_path / "run.h5"
    views = Hits(events.hits.offsets[10:21], events.hits.pmt, events.hits.time, events.hits.charge)
    write_events(path, HEADER, [dataclasses.replace(events[10:20], hits=views)])
    with open_events(path, DETECTOR) as source:
        assert_same_events(next(source.chunks()), events[10:20])


def test_what_a_header_leaves_out_stays_unknown(tmp_path):
    header = RunHeader(7, "mine", sample="train")
    write_events(tmp_path / "s.h5", header, [])
    with open_events(tmp_path / "s.h5", DETECTOR) as source:
        assert source.header == header
        assert len(source.muons) == 0
        assert (source.n_events, list(source.chunks())) == (0, [])


def test_every_column_with_a_unit_carries_it(run_file):
    with h5py.File(run_file) as file:
        assert file.attrs["format"] == "kzcal-events"
        assert file.attrs["version"] == 1
        for spec in (*schema.EVENTS, *schema.HITS, *schema.MUONS, schema.PROFILE):
            assert file[spec.name].dtype == spec.dtype
            assert file[spec.name].attrs.get("units") == spec.units
        assert file["hits/time"].attrs["units"] == "ns"
        assert file["hits/charge"].attrs["units"] == "p.e."


def test_a_file_without_muons_has_no_group_of_them(tmp_path):
    write_events(tmp_path / "run.h5", HEADER, [plain_events()], Muons.none())
    with h5py.File(tmp_path / "run.h5") as file:
        assert "muons" not in file


def test_muons_written_in_parts_are_those_written_at_once(tmp_path):
    muons, events = plain_muons(5), plain_events()
    profile = Profile(2 * np.arange(3), muons.profile.deposit[:4])
    parts = [
        Muons(*(getattr(muons, name)[rows] for name in MUON_COLUMNS), profile)
        for rows in (slice(0, 2), slice(2, 4))
    ]
    with timeline_writer(tmp_path / "run.h5", HEADER) as append:
        append(events[:10], parts[0])
        append(events[10:], Muons.none())
        append(None, parts[1])
    with open_events(tmp_path / "run.h5", DETECTOR) as source:
        assert_same_events(next(source.chunks()), events)
        for name in MUON_COLUMNS:
            assert_same_bits(getattr(source.muons, name), getattr(muons, name)[:4])
        assert_same_bits(source.muons.profile.offsets, muons.profile.offsets[:5])
        assert_same_bits(source.muons.profile.deposit, muons.profile.deposit[:8])


def write_muons(path, parts):
    with timeline_writer(path, HEADER) as append:
        for muons in parts:
            append(None, muons)


@pytest.mark.parametrize("first", [True, False])
def test_all_muons_of_a_file_have_profiles_or_none(tmp_path, first):
    with_one = plain_muons(2)
    without = dataclasses.replace(with_one, profile=None)
    order = (with_one, without) if first else (without, with_one)
    with pytest.raises(FileFormatError, match="all muons must have a profile or none"):
        write_muons(tmp_path / "run.h5", order)
    assert not (tmp_path / "run.h5").exists()


def test_a_profile_that_does_not_fit_its_muons_is_not_written(tmp_path):
    profile = Profile(np.array([0, 2, 1]), np.ones(1, np.float32))
    muons = dataclasses.replace(plain_muons(2), profile=profile)
    with pytest.raises(FileFormatError, match="profile_offsets must ascend, got 1 after 2"):
        write_events(tmp_path / "run.h5", HEADER, [plain_events()], muons)
    assert not (tmp_path / "run.h5").exists()


def test_the_digest_is_the_sha256_of_the_file(run_file):
    import hashlib

    with open_events(run_file, DETECTOR) as source:
        assert source.digest() == hashlib.sha256(run_file.read_bytes()).hexdigest()


def test_each_pass_starts_over(run_file):
    with open_events(run_file, DETECTOR) as source:
        next(source.chunks(50))
        first, second = (np.concatenate([c.event for c in source.chunks(50)]) for _ in "ab")
    np.testing.assert_array_equal(first, np.arange(30))
    np.testing.assert_array_equal(second, first)


def failing(events):
    yield events
    message = "the source of events broke"
    raise FileFormatError(message)


def test_a_write_that_fails_leaves_what_was_there(run_file):
    before = run_file.read_bytes()
    with pytest.raises(FileFormatError, match="the source of events broke"):
        write_events(run_file, HEADER, failing(plain_events(seed=1)))
    assert run_file.read_bytes() == before
    assert list(run_file.parent.iterdir()) == [run_file]


@pytest.mark.parametrize("place", ["absent/run.h5", "."])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    with pytest.raises(ConfigurationError, match="must be a file that can be written, got"):
        write_events(tmp_path / place, HEADER, [])
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    events = plain_events(300, 300)
    room = iter([2_000_000_000, 1_500_000])
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(next(room)))
    with pytest.raises(
        ConfigurationError, match=r"must have room for \d+ bytes more, got 1500000"
    ):
        write_events(tmp_path / "run.h5", HEADER, [events[:10], events[10:]])
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_can_be_read_by_whom_the_umask_allows(run_file):
    mask = os.umask(0)
    os.umask(mask)
    assert run_file.stat().st_mode & 0o777 == 0o666 & ~mask


def changed(**columns):
    return dataclasses.replace(plain_events(), **columns)


def hits_with(**columns):
    return changed(hits=dataclasses.replace(plain_events().hits, **columns))


PLAIN = plain_events()


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (changed(energy=PLAIN.energy.astype(float)), "events/energy must have the type float32"),
        (changed(t0=PLAIN.t0[:-1]), "events/t0 must have a row per event"),
        (changed(truth={"kind": np.zeros(3)}), r"truth/kind must have a row per event \(30\)"),
        (changed(trigger=np.full(30, 2, np.uint8)), "events/trigger must be 0 .* got 2"),
        (changed(timestamp=PLAIN.timestamp[::-1]), "events/timestamp of a run must ascend"),
        (hits_with(time=PLAIN.hits.time[::-1]), "hits/time must ascend within an event"),
        (hits_with(charge=PLAIN.hits.charge[:-1]), r"hits/charge must have \d+ rows"),
        (hits_with(pmt=PLAIN.hits.pmt.astype(int)), "hits/pmt must have the type uint16"),
        (hits_with(offsets=PLAIN.hits.offsets[::-1]), "hits/offsets .* 30 descents"),
        (hits_with(offsets=PLAIN.hits.offsets[:-1]), "hits/offsets must be 31 ascending numbers"),
    ],
)
def test_events_that_no_reader_would_take_are_not_written(tmp_path, events, says):
    with pytest.raises(FileFormatError, match=says):
        write_events(tmp_path / "run.h5", HEADER, [events])
    assert list(tmp_path.iterdir()) == []


def test_order_in_time_holds_across_chunks(tmp_path):
    chunks = [PLAIN[15:], PLAIN[:15]]
    with pytest.raises(FileFormatError, match="events/timestamp of a run must ascend"):
        write_events(tmp_path / "run.h5", HEADER, chunks)
    sample = dataclasses.replace(HEADER, sample="train")
    write_events(tmp_path / "sample.h5", sample, chunks)
    with EventFile(tmp_path / "sample.h5", DETECTOR) as source:
        assert len(source.table()) == 30


def test_truth_that_changes_between_chunks_is_refused(tmp_path):
    other = changed(truth={"e_dep": PLAIN.energy}, timestamp=PLAIN.timestamp + 10**12)
    with pytest.raises(FileFormatError, match="truth must have the same columns and types"):
        write_events(tmp_path / "run.h5", HEADER, [PLAIN[:0], PLAIN[:10], other])


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """Two million hits, written chunk by chunk."""
    block = plain_events(500, 100)
    blocks = (dataclasses.replace(block, timestamp=np.full(500, i)) for i in range(40))
    write_events(tmp_path / "long.h5", HEADER, blocks)
    return tmp_path / "long.h5"


def test_streaming_holds_one_chunk_in_memory(long_file):
    with open_events(long_file, DETECTOR) as source:
        n_hits = 0
        tracemalloc.start()
        for chunk in source.chunks(100_000):
            n_hits += len(chunk.hits.pmt)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert n_hits == source.n_hits > 1_900_000
    assert peak < 6 * 100_000 * 10  # bytes; the whole file's hits are 20 MB
