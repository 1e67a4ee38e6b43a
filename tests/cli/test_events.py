"""``kzcal events``: what it finds in a file, and what it makes of an ntuple."""

import json
from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest
import uproot
from click.testing import CliRunner
from event_files import DETECTOR, HEADER, plain_events, plain_muons

from kzcal.cli.main import main
from kzcal.io.events import open_events, write_events


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A run of 30 events, 10 of them forced, with muons and one hit that is not a number."""
    events = plain_events()
    events.trigger[20:] = 1
    events.energy[20:] = np.nan
    path = tmp_path / "run.h5"
    write_events(path, HEADER, [events], plain_muons())
    with h5py.File(path, "r+") as opened:
        opened["hits/charge"][3] = np.nan
    return path


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["events", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_inspect_counts_what_is_there(file):
    found = json.loads(run("inspect", file, "--json").stdout)
    events = plain_events()
    assert found["header"]["run"] == 15_001
    assert found["header"]["physics_window_ns"] == [-150, 350]
    assert (found["n_events"], found["n_physics"], found["n_forced"]) == (30, 20, 10)
    assert (found["n_hits"], found["n_dropped"], found["n_muons"]) == (len(events.hits.pmt), 1, 5)
    assert found["nhit"]["100%"] == events.hits.counts[:20].max()
    assert found["energy"]["50%"] == pytest.approx(np.median(events.energy[:20]))
    kinds = events.truth["kind"]
    assert found["kinds"] == {"bb": (kinds == b"bb").sum(), "bi214": (kinds == b"bi214").sum()}
    fired = set(np.delete(events.hits.pmt, 3).tolist())
    assert found["silent"] == sorted(set(range(DETECTOR.n_pmt)) - fired)


def test_inspect_tells_a_person_the_same(file):
    text = run("inspect", file).stdout
    assert "30 (20 physics, 10 forced triggers)" in text
    assert "(1 dropped: time or charge not a number)" in text
    assert "physics -150 to 350 ns, forced 0 to 10000 ns" in text
    assert "livetime" in text
    assert "86400 s" in text


def test_inspect_of_a_file_without_events(tmp_path):
    path = tmp_path / "none.h5"
    write_events(path, HEADER, [])
    found = json.loads(run("inspect", path, "--json").stdout)
    assert (found["n_events"], found["nhit"], len(found["silent"])) == (0, {}, 1879)
    assert "0 (0 physics, 0 forced triggers)" in run("inspect", path).stdout


def test_inspect_reads_hits_for_the_detector_that_is_named(file):
    assert "read as KamLAND2-Zen" in run("inspect", file, "--detector", "kamland2-zen").stdout
    refused = run("inspect", file, "--detector", "borexino", code=1)
    assert "choose from kamland-zen-800, kamland2-zen" in refused.stderr


def test_a_broken_file_ends_in_one_sentence(file):
    file.write_bytes(file.read_bytes()[:-100])
    refused = run("inspect", file, code=1)
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith(f"error: {file}: ")


@pytest.fixture
def ntuple(tmp_path: Path) -> Path:
    """One event of two hits in the KamLAND-Zen layout."""
    path = tmp_path / "sim.root"
    numbers = {"run": "int32", "EventNumber": "int32"}
    numbers |= dict.fromkeys(("T0", "EnergyA2", "x", "y", "z"), "float32")
    types = numbers | {"pmtlist_good": "var * int32"}
    types |= dict.fromkeys(("pmtt_good", "pmtq_good"), "var * float32")
    rows = {name: np.zeros(1, dtype) for name, dtype in numbers.items()}
    lists = {"pmtlist_good": [[3, 1500]], "pmtt_good": [[2.0, 1.0]], "pmtq_good": [[1.5, 0.5]]}
    rows |= {name: ak.Array(values) for name, values in lists.items()}
    with uproot.recreate(path) as written:
        written.mktree("nt", types).extend(rows)
    return path


@pytest.mark.parametrize("layout", ["auto", "kamland"])
def test_convert_puts_the_flight_back(ntuple, tmp_path, layout):
    out = tmp_path / "out.h5"
    done = run("convert", ntuple, out, "--layout", layout, "--speed", "0.17", "--json")
    assert json.loads(done.stdout) == {
        "out": str(out),
        "run": 0,
        "n_events": 1,
        "n_hits": 2,
        "n_dropped": 0,
    }
    with open_events(out, DETECTOR) as source:
        hits = next(source.chunks()).hits
    np.testing.assert_array_equal(hits.pmt, [1500, 3])
    np.testing.assert_allclose(hits.time, np.array([1.0, 2.0]) + 8.5 / 0.17, rtol=1e-6)
    np.testing.assert_array_equal(hits.charge, np.float32([0.5, 1.5]))


def test_convert_takes_any_format_that_is_known(file, tmp_path):
    out = tmp_path / "copy.h5"
    text = run("convert", file, out).stdout
    assert f"wrote {out}: run 15001, 30 events" in text
    assert "dropped 1 hits" in text
    with open_events(out, DETECTOR) as copy, open_events(file, DETECTOR) as source:
        assert copy.header == source.header
        assert len(copy.muons) == 5
        (ours,), (theirs,) = copy.chunks(), source.chunks()
        assert (copy.dropped, source.dropped) == (0, 1)
    np.testing.assert_array_equal(ours.hits.offsets, theirs.hits.offsets)
    np.testing.assert_array_equal(ours.hits.charge, theirs.hits.charge)
    np.testing.assert_array_equal(ours.energy, theirs.energy)


@pytest.mark.parametrize("layout", ["auto", "kamland", "ratpac"])
def test_convert_of_a_broken_ntuple_writes_nothing(ntuple, tmp_path, layout):
    content = ntuple.read_bytes()
    ntuple.write_bytes(content[: len(content) // 2])
    refused = run("convert", ntuple, tmp_path / "out.h5", "--layout", layout, code=1)
    assert refused.stderr.startswith(f"error: {ntuple}: ")
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [ntuple]


def test_convert_of_the_other_layout_names_the_tree(ntuple, tmp_path):
    refused = run("convert", ntuple, tmp_path / "out.h5", "--layout", "ratpac", code=1)
    assert "the tree 'output' is required, got ['nt;1']" in refused.stderr
