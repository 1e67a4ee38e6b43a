"""Files of candidates: what is written is read, in any chunks, and a broken one is refused."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kzcal.candidates import IBD, SPALLATION, Candidates, joined
from kzcal.errors import ConfigurationError, FileFormatError
from kzcal.io.candidates import (
    CandidateFile,
    CandidateHeader,
    holds_candidates,
    read_candidates,
)
from kzcal.io.candidates_writer import candidate_writer, write_candidates
from kzcal.testing.candidates import synthetic_candidates

ANY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FLOATS = st.floats(width=32)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
SOME = synthetic_candidates("spallation", 60)[0]
PAIRS = synthetic_candidates("ibd", 60)[0]
HEADER = CandidateHeader(SPALLATION, "kamland-zen-800", 3600.0)


@st.composite
def many_candidates(draw):
    """Candidates with zero to a few points each; any values that the format allows."""
    counts = np.array(draw(st.lists(st.integers(0, 4), max_size=9)), np.int64)
    n, n_points = len(counts), int(counts.sum())

    def column(dtype, length, elements):
        return draw(npst.arrays(dtype, length, elements=elements))

    return Candidates(
        SPALLATION,
        column(np.int64, n, NUMBERS),
        column(np.int64, n, NUMBERS),
        {name: column(np.float32, n, FLOATS) for name in ("energy", "x")},
        np.concatenate([[0], np.cumsum(counts)]),
        {name: column(np.float32, n_points, FLOATS) for name in ("dt", "dx")},
        {"energy": "MeV", "dt": "s"},
        {
            "kind": column("S5", n, st.binary(max_size=5).map(lambda text: text.rstrip(b"\0"))),
            "group": column(np.int64, n, NUMBERS),
        },
        {"decay": column(np.int64, n, NUMBERS)},
    )


def same(one, other):
    """Whether two sets of candidates hold the same bits."""
    assert one.purpose == other.purpose
    assert dict(one.units) == dict(other.units)
    for name in ("event", "run", "offsets"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for group in ("columns", "points", "truth", "members"):
        ours, theirs = getattr(one, group), getattr(other, group)
        assert set(ours) == set(theirs)
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(ours[name], theirs[name])


@ANY
@given(candidates=many_candidates(), data=st.data())
def test_what_is_written_is_read_whole_and_in_pieces(candidates, data, tmp_path):
    path = tmp_path / "c.h5"
    cuts = data.draw(st.lists(st.integers(0, len(candidates)), max_size=3).map(sorted))
    edges = [0, *cuts, len(candidates)]
    pieces = [candidates.take(np.arange(*edge)) for edge in pairwise(edges)]
    write_candidates(path, pieces, HEADER)
    same(read_candidates(path), candidates)
    with CandidateFile(path) as file:
        assert file.header == HEADER
        assert len(file) == len(candidates)
        some = file.read(slice(*sorted(data.draw(st.tuples(*[st.integers(0, 9)] * 2)))))
        assert some.event.tolist() in [
            candidates.event[a:b].tolist() for a in range(10) for b in range(a, 11)
        ]
        chunks = list(file.chunks(data.draw(st.integers(1, 9))))
        if chunks:
            same(joined(chunks), candidates)
        else:
            assert not len(candidates)


@pytest.mark.parametrize("candidates", [SOME, PAIRS])
def test_made_up_candidates_survive_a_file(candidates, tmp_path):
    header = CandidateHeader(candidates.purpose, "kamland-zen-800", None, 99.5)
    write_candidates(tmp_path / "c.h5", candidates, header, notes={"settings": "{}"})
    same(read_candidates(tmp_path / "c.h5"), candidates)
    with CandidateFile(tmp_path / "c.h5") as file:
        assert file.header == header
        assert len(file.digest()) == 64
    assert holds_candidates(tmp_path / "c.h5")


def test_a_file_without_candidates_has_their_columns(tmp_path):
    none = PAIRS.take(np.zeros(0, np.int64))
    write_candidates(tmp_path / "c.h5", none, CandidateHeader(IBD, "d"))
    found = read_candidates(tmp_path / "c.h5")
    assert len(found) == 0
    assert set(found.columns) == set(none.columns)


def test_points_outside_a_view_are_not_written(tmp_path):
    whole = SOME.take(np.arange(20, 29))
    view = replace(whole.take(np.arange(3, 6)), offsets=whole.offsets[3:7], points=whole.points)
    write_candidates(tmp_path / "c.h5", view, HEADER)
    same(read_candidates(tmp_path / "c.h5"), whole.take(np.arange(3, 6)))


def altered(tmp_path, change):
    path = tmp_path / "c.h5"
    write_candidates(path, SOME.take(np.arange(30, 36)), HEADER)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(name, values):
    def change(file):
        del file[name]
        file[name] = values

    return change


def attribute(name, value):
    def change(file):
        file.attrs[name] = value

    return change


def without(name):
    def change(file):
        del file[name]

    return change


N_POINTS = int(SOME.take(np.arange(30, 36)).offsets[-1])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (attribute("format", "kzcal-events"), "'format' must be 'kzcal-candidates', got 'kzcal-e"),
        (attribute("version", 2), "'version' must be 1, got 2"),
        (attribute("purpose", "pile-up"), "'purpose' must be 'spallation' or 'ibd', got 'pile-up"),
        (attribute("detector", 5), "'detector' must be text, got 5"),
        (attribute("livetime_s", -1.0), "'livetime_s' must be a positive number, got -1.0"),
        (attribute("windows", "many"), "'windows' must be a positive number, got 'many'"),
        (without("candidates/run"), "candidates/run is required, got none"),
        (without("points/offsets"), "points/offsets is required, got none"),
        (replaced("candidates/event", np.zeros(6, np.int32)), "event must have the type int64"),
        (replaced("candidates/x", np.zeros(6)), "candidates/x must have the type float32"),
        (replaced("candidates/x", np.zeros(5, np.float32)), "x must be as long as candidates/"),
        (replaced("truth/kind", np.zeros(7, "S3")), "truth/kind must be as long as candidates/"),
        (replaced("points/dt", np.zeros(1, np.float32)), "must be as long as points/"),
        (replaced("points/offsets", np.arange(6)), "must be 7 ascending numbers from 0 to the nu"),
        (
            replaced("points/offsets", np.array([0, 2, 1, 3, 4, 5, N_POINTS])),
            f"of points ({N_POINTS}), got 7 from 0 to {N_POINTS}",
        ),
        (
            replaced("points/offsets", np.array([0, 0, 1, 1, 1, 1, N_POINTS + 1])),
            f"of points ({N_POINTS}), got 7 from 0 to {N_POINTS + 1}",
        ),
        (replaced("truth/kind", np.zeros((6, 2))), "truth/kind must be one column, got the shape"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(tmp_path, change, says):
    path = altered(tmp_path, change)
    with pytest.raises(FileFormatError) as refusal:
        read_candidates(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@ANY
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path, share):
    path = tmp_path / "c.h5"
    write_candidates(path, SOME, HEADER)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FileFormatError, match=r"c\.h5: "):
        read_candidates(path)


def test_other_files_hold_no_candidates(tmp_path):
    text = tmp_path / "a.csv"
    text.write_text("event,score\n")
    assert not holds_candidates(text)
    assert not holds_candidates(tmp_path / "absent.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.attrs["format"] = "kzcal-events"
    assert not holds_candidates(tmp_path / "b.h5")
    with pytest.raises(FileFormatError, match="a file of candidates must be HDF5, got"):
        read_candidates(text)


def test_what_no_reader_would_take_is_not_written(tmp_path):
    path, good = tmp_path / "c.h5", SOME.take(np.arange(5))
    for bad, says in (
        (PAIRS.take(np.arange(5)), "must be for spallation, got ibd"),
        (
            replace(good, columns=good.columns | {"x": np.zeros(4, np.float32)}),
            "have 5 rows, got 4",
        ),
    ):
        with pytest.raises(FileFormatError, match=says):
            write_candidates(path, [good, bad], HEADER)
    with pytest.raises(FileFormatError, match="the same columns in every chunk"):
        write_candidates(path, [good, replace(good, truth={})], HEADER)
    with pytest.raises(FileFormatError, match="must be known, got no chunk"):
        write_candidates(path, [], HEADER)
    with pytest.raises(ConfigurationError, match="must be a file that can be written"):
        write_candidates(tmp_path / "none" / "c.h5", good, HEADER)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_between_chunks_leaves_the_old_file(tmp_path):
    path, good = tmp_path / "c.h5", SOME.take(np.arange(5))
    write_candidates(path, good, HEADER)
    before = path.read_bytes()

    def write_half():
        with candidate_writer(path, HEADER) as append:
            append(good)
            raise KeyError("stop")

    with pytest.raises(KeyError):
        write_half()
    assert path.read_bytes() == before


def test_the_table_of_candidates_needs_no_torch():
    words = "import sys, kzcal.io.candidates_writer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
