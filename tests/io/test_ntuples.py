"""ROOT ntuples of both layouts, written here branch by branch, give exact physics values."""

import random
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from event_files import DETECTOR

from kzcal.errors import FileFormatError
from kzcal.io.events import open_events
from kzcal.io.ntuple_layout import Conventions
from kzcal.io.ntuples import kamland_reader, ratpac_reader

SPEED = 0.1695
COUNTS = (3, 0, 2)
VERTEX_M = np.array([[0.5, -0.25, 1.0], [0.0, 0.0, 0.0], [-1.5, 0.0, -0.75]])
PMT = np.array([5, 1878, 700, 0, 1325])
EDGE_NS = np.array([61.0, 40.5, 52.25, -3.0, 100.0])
CHARGE = np.array([1.0, 0.25, 3.5, 0.75, 1.25])
IN_TIME_ORDER = [1, 2, 0, 3, 4]


def write_tree(file, name, columns):
    """A tree as ROOT itself writes it: numbers and lists of numbers per row."""
    types = {
        key: f"var * {value.layout.content.dtype.name}"
        if isinstance(value, ak.Array)
        else value.dtype.name
        for key, value in columns.items()
    }
    file.mktree(name, types).extend(columns)


def lists(values, counts=COUNTS):
    return ak.unflatten(np.asarray(values), np.asarray(counts, np.int64))


def flight_ns(vertex, pmt, speed=SPEED):
    event = np.repeat(np.arange(len(COUNTS)), COUNTS)
    distance = np.sqrt(((DETECTOR.positions[pmt] - vertex[event]) ** 2).sum(axis=1))
    return distance / speed


def kamland_columns(**other):
    """The nt tree: flight taken off, centimetres, and a list of all hits that is not wanted."""
    columns = {
        "run": np.full(3, 15_001, np.int32),
        "EventNumber": np.array([10, 11, 15], np.int32),
        "T0": np.array([1.5, -2.0, 0.25], np.float32),
        "EnergyA2": np.array([2.5, 0.3, 1.0], np.float32),
        "x": (100 * VERTEX_M[:, 0]).astype(np.float32),
        "y": (100 * VERTEX_M[:, 1]).astype(np.float32),
        "z": (100 * VERTEX_M[:, 2]).astype(np.float32),
        "r": (100 * np.linalg.norm(VERTEX_M, axis=1)).astype(np.float32),
        "pmtlist_good": lists(PMT.astype(np.int32)),
        "pmtt_good": lists(EDGE_NS - flight_ns(VERTEX_M, PMT)),
        "pmtq_good": lists(CHARGE.astype(np.float32)),
        "pmtlist": lists(np.full(5, 2000, np.int32)),
    }
    return columns | other


def ratpac_columns(**other):
    """The output tree: leading edges, millimetres."""
    columns = {
        "mcx": 1000 * VERTEX_M[:, 0],
        "mcy": 1000 * VERTEX_M[:, 1],
        "mcz": 1000 * VERTEX_M[:, 2],
        "mcke": np.array([2.5, 0.3, 1.0]),
        "hitPMTID": lists(PMT.astype(np.int32)),
        "hitPMTTime": lists(EDGE_NS),
        "hitPMTCharge": lists(CHARGE),
    }
    return columns | other


@pytest.fixture
def ntuple(tmp_path: Path):
    """Write trees of a ROOT file."""

    def write(**trees) -> Path:
        path = tmp_path / "sim.root"
        with uproot.recreate(path) as file:
            for name, columns in trees.items():
                write_tree(file, name, columns)
        return path

    return write


def only_chunk(source):
    (chunk,) = source.chunks()
    return chunk


def test_kamland_hits_have_the_flight_back_and_the_order_of_time(ntuple):
    with open_events(ntuple(nt=kamland_columns()), DETECTOR) as source:
        assert source.header.run == 15_001
        assert source.header.sample == "sim.root"
        assert source.header.physics_window_ns is None
        assert (source.n_events, source.n_hits) == (3, 5)
        events = only_chunk(source)
    np.testing.assert_array_equal(events.event, [10, 11, 15])
    np.testing.assert_array_equal(events.t0, np.float32([1.5, -2.0, 0.25]))
    np.testing.assert_array_equal(events.energy, np.float32([2.5, 0.3, 1.0]))
    np.testing.assert_array_equal(events.vertex, VERTEX_M.astype(np.float32))
    assert events.physics.all()
    np.testing.assert_array_equal(events.hits.counts, COUNTS)
    np.testing.assert_array_equal(events.hits.pmt, PMT[IN_TIME_ORDER])
    np.testing.assert_allclose(events.hits.time, EDGE_NS[IN_TIME_ORDER], atol=1e-5)
    np.testing.assert_array_equal(events.hits.charge, CHARGE[IN_TIME_ORDER])


def test_the_effective_speed_is_the_users(ntuple):
    columns = kamland_columns(pmtt_good=lists(EDGE_NS - flight_ns(VERTEX_M, PMT, 0.18)))
    reader = kamland_reader(Conventions(speed=0.18))
    with reader.open(ntuple(nt=columns), DETECTOR) as source:
        np.testing.assert_allclose(only_chunk(source).hits.time, EDGE_NS[IN_TIME_ORDER], atol=1e-5)


def test_ratpac_hits_are_taken_as_they_are(ntuple):
    with open_events(ntuple(output=ratpac_columns()), DETECTOR) as source:
        assert source.header.run == 0
        events = only_chunk(source)
    np.testing.assert_array_equal(events.event, [0, 1, 2])
    np.testing.assert_array_equal(events.t0, np.zeros(3, np.float32))
    np.testing.assert_array_equal(events.energy, np.float32([2.5, 0.3, 1.0]))
    np.testing.assert_array_equal(events.vertex, VERTEX_M.astype(np.float32))
    np.testing.assert_array_equal(events.hits.pmt, PMT[IN_TIME_ORDER])
    np.testing.assert_array_equal(events.hits.time, EDGE_NS[IN_TIME_ORDER])


def test_ratpac_conventions_are_the_users(ntuple):
    reader = ratpac_reader(Conventions(t0=-4.5, run=77))
    with reader.open(ntuple(output=ratpac_columns()), DETECTOR) as source:
        assert source.header.run == 77
        np.testing.assert_array_equal(source.table().t0, np.full(3, -4.5, np.float32))


def test_ratpac_tubes_are_known_by_their_places(ntuple):
    """A simulation with its own numbers, radius and outer detector gives cable numbers."""
    number = np.random.default_rng(3).permutation(DETECTOR.n_pmt + 2)
    inner = 8656.9 * DETECTOR.directions
    outer = np.array([[0, 0, 9452.0], [9027.0, 0, 3500.0]])
    x, y, z = np.concatenate([inner, outer]).T
    meta = {"pmtId": number.astype(np.int32), "pmtX": x, "pmtY": y, "pmtZ": z}
    one_row = {key: lists(value, [len(value)]) for key, value in meta.items()}
    tubes = PMT.copy()
    tubes[2] = DETECTOR.n_pmt
    columns = ratpac_columns(hitPMTID=lists(number[tubes].astype(np.int32)))
    with open_events(ntuple(output=columns, meta=one_row), DETECTOR) as source:
        assert source.n_hits == 4
        events = only_chunk(source)
        assert source.dropped == 0
    kept = [1, 0, 3, 4]
    np.testing.assert_array_equal(events.hits.counts, [2, 0, 2])
    np.testing.assert_array_equal(events.hits.pmt, PMT[kept])
    np.testing.assert_array_equal(events.hits.charge, CHARGE[kept])


@pytest.mark.parametrize("hits_per_chunk", [1, 2, 3, 100])
def test_chunks_of_any_size_hold_the_same_events(ntuple, hits_per_chunk):
    with open_events(ntuple(nt=kamland_columns()), DETECTOR) as source:
        whole, parts = only_chunk(source), list(source.chunks(hits_per_chunk))
        assert all(len(c) == 1 or len(c.hits.pmt) <= hits_per_chunk for c in parts)
        table = source.table()
    for name in ("event", "vertex", "energy", "t0"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name)
        )
        np.testing.assert_array_equal(getattr(table, name), getattr(whole, name))
    time = np.concatenate([part.hits.time for part in parts])
    np.testing.assert_array_equal(time, whole.hits.time)


def test_hits_that_are_not_numbers_are_counted_and_dropped(ntuple):
    time = EDGE_NS - flight_ns(VERTEX_M, PMT)
    time[0] = np.nan
    charge = CHARGE.astype(np.float32)
    charge[4] = np.inf
    columns = kamland_columns(pmtt_good=lists(time), pmtq_good=lists(charge))
    with open_events(ntuple(nt=columns), DETECTOR) as source:
        events = only_chunk(source)
        assert source.dropped == 2
    np.testing.assert_array_equal(events.hits.pmt, PMT[[1, 2, 3]])


def test_an_ntuple_without_events_is_read(ntuple):
    none = {
        name: lists(ak.flatten(value)[:0], []) if isinstance(value, ak.Array) else value[:0]
        for name, value in kamland_columns().items()
    }
    with kamland_reader(Conventions(run=3)).open(ntuple(nt=none), DETECTOR) as source:
        assert (source.n_events, source.n_hits, source.header.run) == (0, 0, 3)
        assert list(source.chunks()) == []


def read_everything(path):
    with open_events(path, DETECTOR) as source:
        return source.table(), list(source.chunks(2))


def complaint(path):
    with pytest.raises(FileFormatError) as refusal:
        read_everything(path)
    sentence = str(refusal.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"pmtlist_good": lists(np.int32([5, 1879, 700, 0, 1]))},
            "pmtlist_good must be a PMT of the detector (0 to 1878), got 1879",
        ),
        ({"pmtlist_good": lists(np.int32([5, -1, 700, 0, 1]))}, "(0 to 1878), got -1"),
        ({"pmtlist_good": lists(np.float32([5, 1.5, 700, 0, 1]))}, "(0 to 1878), got 1.5"),
        (
            {"pmtq_good": lists(np.zeros(4), [2, 0, 2])},
            "pmtq_good must be as long as pmtlist_good, got -1 in row 0",
        ),
        ({"run": np.int32([1, 1, 2])}, "an ntuple must hold one run, got run 1 and 2: split it"),
        ({"EventNumber": np.array([1, 2.5, 3])}, "'EventNumber' must hold integers, got 2.5"),
        ({"EventNumber": lists(PMT)}, "'EventNumber' must hold a number per row, got lists"),
        ({"pmtt_good": np.zeros(3)}, "'pmtt_good' must hold a list of numbers per row"),
    ],
)
def test_each_breach_is_named(ntuple, columns, says):
    assert says in complaint(ntuple(nt=kamland_columns(**columns)))


def test_a_missing_branch_is_named_with_those_there_are(ntuple):
    columns = kamland_columns()
    del columns["pmtt_good"]
    sentence = complaint(ntuple(nt=columns))
    assert "the tree 'nt' must have the branch 'pmtt_good', got " in sentence
    assert "pmtq_good" in sentence


def test_a_root_file_with_other_trees_is_refused(ntuple):
    sentence = complaint(ntuple(other={"x": np.zeros(3)}))
    assert "the tree 'nt' is required, got ['other;1']" in sentence


def test_a_file_that_could_be_of_two_formats_is_refused(ntuple):
    path = ntuple(nt=kamland_columns(), output=ratpac_columns())
    assert "must be of one format, got kamland-ntuple and ratpac-ntuple" in complaint(path)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.99])
def test_a_file_cut_short_is_refused(ntuple, share):
    path = ntuple(nt=kamland_columns())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated" in complaint(path)


def test_damage_is_noticed_or_harmless(ntuple):
    path = ntuple(nt=kamland_columns())
    content = path.read_bytes()
    chosen = random.Random(5)
    refused = 0
    for _ in range(60):
        damaged = bytearray(content[: chosen.choice([len(content), len(content) // 2])])
        for _ in range(4):
            damaged[chosen.randrange(len(damaged))] ^= 1 << chosen.randrange(8)
        path.write_bytes(damaged)
        try:
            read_everything(path)
        except FileFormatError:
            complaint(path)
            refused += 1
    assert refused >= 30
