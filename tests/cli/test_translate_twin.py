"""``kzcal translate twin``: two files that a translator can learn from."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from capture_run import captures, write_captures, write_constants
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.geometry import load_detector
from kzcal.io.events import EventFile


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run and a database of half the light yield."""
    path = tmp_path_factory.mktemp("twin")
    write_captures(path / "run.h5", captures(n=12, n_forced=3))
    write_constants(path / "kz.db", light_yield=0.5, time_shift=0.2)
    return path


def twin(place: Path, *words: object) -> Result:
    given = ("translate", "twin", place / "run.h5", "--db", place / "kz.db", "--tag", "full-2026")
    environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return CliRunner().invoke(main, [str(word) for word in (*given, *words)], env=environment)


def test_twins_and_targets_are_written(place: Path):
    out, target = place / "gtq.h5", place / "dtq.h5"
    result = twin(place, "--out", out, "--target", target, "--seed", 4, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["samples"] == {"neutron-capture": 12}
    assert (found["n_twins"], found["n_forced"]) == (15, 3)
    with EventFile(out, load_detector()) as twins, EventFile(target, load_detector()) as events:
        (made,), (own,) = twins.chunks(), events.chunks()
        assert np.array_equal(made.event, own.event)
        assert twins.header.physics_window_ns is None
        assert twins.n_hits == found["n_photoelectrons"]
    with EventFile(place / "run.h5", load_detector()) as run:
        (before,) = run.chunks()
        digest = run.digest()
    assert np.array_equal(before.hits.time, own.hits.time)
    assert np.array_equal(before.vertex, made.vertex, equal_nan=True)
    with h5py.File(out) as file, h5py.File(target) as beside:
        assert file.attrs["twin_of"] == digest
        assert file.attrs["hits"].endswith("relative efficiency 1.6")
        lineage = json.loads(file.attrs["lineage"])
        assert beside.attrs["lineage"] == file.attrs["lineage"]
    assert lineage["configuration"]["command"] == "kzcal translate twin"
    assert lineage["configuration"]["radius_m"] is None
    assert lineage["seed"] == 4


def test_copies_are_told_of(place: Path):
    result = twin(place, "--out", place / "twice.h5", "--copies", 2, "--radius", 4.5)
    assert result.exit_code == 0, result.output
    inside = np.linalg.norm(captures(n=12, n_forced=3).vertex, axis=1) < 4.5
    assert 0 < inside.sum() < 12
    assert f"{2 * inside.sum() + 6} twins" in result.stdout
    assert f"{2 * inside.sum()} of neutron-capture" in result.stdout


def test_a_run_without_constants_is_refused(place: Path):
    result = twin(place, "--out", place / "none.h5", "--run", 7)
    assert result.exit_code != 0
    assert "7" in result.output
    assert not (place / "none.h5").exists()


@pytest.mark.parametrize(
    ("out", "target", "told"),
    [
        ("run.h5", None, "FILE and --out"),
        ("a.h5", "run.h5", "FILE and --target"),
        ("a.h5", "./a.h5", "--out and --target"),
        ("link.h5", None, "FILE and --out"),
    ],
)
def test_a_file_given_twice_is_refused(out, target, told, place: Path):
    if not (place / "link.h5").exists():
        (place / "link.h5").symlink_to(place / "run.h5")
    before = (place / "run.h5").read_bytes()
    words = ("--out", place / out) + (() if target is None else ("--target", f"{place}/{target}"))
    result = twin(place, *words)
    assert result.exit_code == 1
    assert f"{told} must be different files" in result.output
    assert (place / "run.h5").read_bytes() == before
    assert not (place / "a.h5").exists()
