"""A broken file is refused in one sentence that names file, dataset and value."""

import math
import random

import h5py
import numpy as np
import pytest
from event_files import DETECTOR, HEADER, plain_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kzcal.errors import FileFormatError
from kzcal.io.events import open_events, write_events

FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read_everything(path):
    """Open, table and every chunk: all that a calibration would read."""
    with open_events(path, DETECTOR) as source:
        return source.table(), list(source.chunks(200)), source.dropped


def complaint(path):
    """The sentence with which the file is refused."""
    with pytest.raises(FileFormatError) as refusal:
        read_everything(path)
    sentence = str(refusal.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path}: ")


def replaced(name, values, **attributes):
    """A change that puts other values in a dataset's place."""

    def change(file):
        units = attributes.get("units", file[name].attrs.get("units"))
        del file[name]
        file[name] = values
        if units is not None:
            file[name].attrs["units"] = units

    return change


def altered_row(name, row, value):
    def change(file):
        file[name][row] = value

    return change


def attribute(name, value):
    def change(file):
        file.attrs[name] = value

    return change


def without(name):
    def change(file):
        del file[name]

    return change


def without_attribute(name):
    def change(file):
        del file.attrs[name]

    return change


PLAIN = plain_events()
N_HITS = len(PLAIN.hits.pmt)
OFFSETS = PLAIN.hits.offsets


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            attribute("format", "other"),
            "the attribute 'format' must be 'kzcal-events', got 'other'",
        ),
        (attribute("format", np.int64(3)), "the attribute 'format' must be"),
        (attribute("version", 2), "the attribute 'version' must be 1, got 2"),
        (attribute("version", "1"), "the attribute 'version' must be 1, got '1'"),
        (attribute("version", True), "the attribute 'version' must be 1, got True"),
        (attribute("run", 1.5), "the attribute 'run' must be an integer, got 1.5"),
        (attribute("detector", 800), "the attribute 'detector' must be text, got 800"),
        (attribute("livetime_ns", "long"), "the attribute 'livetime_ns' must be an integer"),
        (attribute("physics_window_ns", [350.0, -150.0]), "must be two ascending times in ns"),
        (attribute("physics_window_ns", [0.0, math.inf]), "must be two ascending times in ns"),
        (attribute("forced_window_ns", 1e4), "must be two ascending times in ns, got"),
        (without_attribute("version"), "must have the attribute 'version', got none"),
        (without_attribute("run"), "must have the attribute 'run', got none"),
        (without_attribute("detector"), "must have the attribute 'detector', got none"),
        (without("hits/offsets"), "the dataset hits/offsets is required"),
        (without("hits"), "the dataset hits/pmt is required"),
        (without("events/t0"), "the dataset events/t0 is required"),
        (without("muons/charge"), "the dataset muons/charge is required"),
        (altered_row("hits/offsets", 0, 1), "hits/offsets must start at 0, got 1"),
        (
            altered_row("hits/offsets", 10, OFFSETS[11] + 1),
            f"hits/offsets must ascend, got {OFFSETS[11]} after {OFFSETS[11] + 1} in row 11",
        ),
        (
            altered_row("hits/offsets", 30, N_HITS - 1),
            f"hits/offsets must end at the number of hits ({N_HITS}), got {N_HITS - 1}",
        ),
        (
            altered_row("hits/offsets", 30, N_HITS + 1),
            f"hits/offsets must end at the number of hits ({N_HITS}), got {N_HITS + 1}",
        ),
        (replaced("hits/offsets", OFFSETS[:-1]), "there are events (31), got 30"),
        (replaced("hits/offsets", np.zeros(0, np.int64)), "there are events (31), got 0"),
        (
            replaced("hits/charge", PLAIN.hits.charge[:-2]),
            f"hits/charge must be as long as hits/pmt ({N_HITS}), got {N_HITS - 2}",
        ),
        (
            replaced("events/energy", PLAIN.energy[:-1]),
            "events/energy must be as long as events/event (30), got 29",
        ),
        (
            replaced("truth/kind", PLAIN.truth["kind"][:5]),
            "truth/kind must be as long as events/event (30), got 5",
        ),
        (
            replaced("muons/charge", np.zeros(2, np.float32)),
            "muons/charge must be as long as muons/timestamp (5), got 2",
        ),
        (without("muons/profile"), "the dataset muons/profile is required"),
        (
            altered_row("muons/profile_offsets", 2, 9),
            "muons/profile_offsets must ascend, got 6 after 9 in row 3",
        ),
        (
            replaced("muons/profile_offsets", np.arange(5)),
            "muons/profile_offsets must have one row more than there are muons (6), got 5",
        ),
        (
            replaced("muons/profile", np.zeros(9, np.float32)),
            "muons/profile_offsets must end at the number of pieces (9), got 10",
        ),
        (
            altered_row("hits/pmt", 7, 1879),
            "hits/pmt must be a PMT of the detector (0 to 1878), got 1879 in row 7",
        ),
        (altered_row("hits/pmt", N_HITS - 1, 65535), f"got 65535 in row {N_HITS - 1}"),
        (
            altered_row("events/trigger", 29, 2),
            "must be 0 (physics) or 1 (forced), got 2 in row 29",
        ),
        (
            altered_row("events/timestamp", 4, -5),
            "events/timestamp of a run must ascend, got -5 ns after",
        ),
        (
            replaced("hits/time", PLAIN.hits.time.astype(float)),
            "hits/time must have the type float32, got float64",
        ),
        (
            replaced("hits/pmt", PLAIN.hits.pmt.astype(np.int16)),
            "hits/pmt must have the type uint16, got int16",
        ),
        (
            replaced("events/x", PLAIN.vertex[:, :1]),
            "events/x must be one column, got the shape (30, 1)",
        ),
        (
            replaced("hits/time", PLAIN.hits.time, units="us"),
            "hits/time must be in ns, got 'us'",
        ),
        (
            replaced("truth/kind", np.array([b"bb", "bi"] * 15, dtype=h5py.string_dtype())),
            "truth/kind must hold numbers or bytes of fixed length, got object",
        ),
    ],
)
def test_each_breach_is_named(altered, change, says):
    assert says in complaint(altered(change))


def test_a_group_in_the_place_of_a_dataset_is_refused(altered):
    def change(file):
        del file["hits/time"]
        file.create_group("hits/time")

    assert "the dataset hits/time is required" in complaint(altered(change))


def test_more_rows_than_the_file_can_hold_are_refused_before_they_are_read(altered):
    def change(file):
        del file["events/x"]
        file.create_dataset("events/x", (10**13,), "float32", chunks=(1024,))

    assert "events/x claims 40000000000000 bytes" in complaint(altered(change))


def test_a_sample_need_not_be_in_time_order(altered):
    def change(file):
        file.attrs["sample"] = "train"
        file["events/timestamp"][4] = -5

    table, _, _ = read_everything(altered(change))
    assert table.timestamp[4] == -5


def test_columns_in_the_other_byte_order_are_read(altered):
    path = altered(replaced("hits/time", PLAIN.hits.time.astype(">f4")))
    _, chunks, _ = read_everything(path)
    time = np.concatenate([chunk.hits.time for chunk in chunks])
    np.testing.assert_array_equal(time, PLAIN.hits.time)
    assert time.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an event file cannot be empty, got 0 bytes"),
        (b"pmt,time,charge\n", "must be of a known format"),
        (b"\x89HDF\r\n\x1a\n", "the HDF5 file cannot be read, the file is truncated or damaged"),
        (b"\x89HDF\r\n\x1a\n" + bytes(4000), "the HDF5 file cannot be read"),
        (b"root", "the ROOT file must have 20 bytes, got 4: it is truncated"),
    ],
)
def test_what_is_no_event_file_is_refused(tmp_path, content, says):
    path = tmp_path / "run.h5"
    path.write_bytes(content)
    assert says in complaint(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    assert "must be readable, got: No such file" in complaint(tmp_path / "absent.h5")
    assert "must be readable, got: Is a directory" in complaint(tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["hits/time", "hits/charge"])
def test_hits_that_are_not_numbers_are_counted_and_dropped(altered, name, value):
    _, chunks, dropped = read_everything(altered(altered_row(name, slice(3, 6), value)))
    assert dropped == 3
    kept = np.delete(np.arange(N_HITS), [3, 4, 5])
    for column in ("pmt", "time", "charge"):
        found = np.concatenate([getattr(chunk.hits, column) for chunk in chunks])
        np.testing.assert_array_equal(found, getattr(PLAIN.hits, column)[kept])
    counts = np.concatenate([chunk.hits.counts for chunk in chunks])
    assert counts.sum() == N_HITS - 3
    np.testing.assert_array_equal(counts[2:], PLAIN.hits.counts[2:])


def test_dropped_hits_are_those_of_the_current_pass(altered):
    path = altered(altered_row("hits/time", 3, math.nan))
    with open_events(path, DETECTOR) as source:
        for _ in range(2):
            list(source.chunks(10))
            assert source.dropped == 1


def test_a_run_that_is_refused_is_closed_again(altered):
    path = altered(attribute("version", 2))
    complaint(path)
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 1
    read_everything(path)


def survives(path, content):
    """The file is read or refused in a sentence; whatever is read is well-formed."""
    path.write_bytes(content)
    try:
        table, chunks, _ = read_everything(path)
    except FileFormatError:
        complaint(path)
        return False
    assert sum(len(chunk) for chunk in chunks) == len(table)
    for chunk in chunks:
        assert len(chunk.hits.pmt) == len(chunk.hits.time) == chunk.hits.offsets[-1]
        assert chunk.hits.pmt.max(initial=0) < DETECTOR.n_pmt
        assert np.isfinite(chunk.hits.time).all()
    return True


@FUZZ
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused(tmp_path, foreign_bytes, run_file, share):
    for content in (foreign_bytes, run_file.read_bytes()):
        assert not survives(tmp_path / "cut.h5", content[: int(share * len(content))])


@FUZZ
@given(seed=st.integers(0, 2**32), n_bytes=st.sampled_from([1, 2, 8, 64]))
def test_damaged_bytes_are_noticed_or_harmless(tmp_path, foreign_bytes, run_file, seed, n_bytes):
    chosen = random.Random(seed)
    for content in (foreign_bytes, run_file.read_bytes()):
        damaged = bytearray(content)
        for _ in range(n_bytes):
            place = chosen.randrange(len(damaged))
            damaged[place] ^= 1 << chosen.randrange(8)
        survives(tmp_path / "damaged.h5", damaged)


def test_a_flipped_bit_in_the_hits_is_noticed(tmp_path):
    path = tmp_path / "run.h5"
    write_events(path, HEADER, [plain_events(200, 100)])
    content = path.read_bytes()
    with h5py.File(path) as file:
        stored = file["hits/time"].id.get_chunk_info(0)
    damaged = bytearray(content)
    damaged[stored.byte_offset + stored.size // 2] ^= 1
    path.write_bytes(damaged)
    assert "hits/time cannot be read, the file is truncated or damaged" in complaint(path)


@pytest.mark.parametrize("place", [5, 8, 16, 24, 31])
def test_a_damaged_heap_of_texts_is_refused_before_hdf5_walks_it(tmp_path, foreign_bytes, place):
    """Several of these bytes send libhdf5 2.0.0 into an endless loop or a crash."""
    heap = foreign_bytes.index(b"GCOL")
    damaged = bytearray(foreign_bytes)
    damaged[heap + place] ^= 0xFF
    path = tmp_path / "heap.h5"
    path.write_bytes(damaged)
    sentence = complaint(path)
    assert "heap" in sentence or "truncated or damaged" in sentence


def test_a_text_that_became_a_sequence_is_refused_before_hdf5_reads_it(tmp_path, foreign_bytes):
    name = foreign_bytes.index(b"format\0\0")
    kind = foreign_bytes.index(b"\x19\x01", name) + 1
    damaged = bytearray(foreign_bytes)
    damaged[kind] = 0xFC
    path = tmp_path / "sequence.h5"
    path.write_bytes(damaged)
    assert "holds sequences of varying length" in complaint(path)
