"""``kzcal reconstruct`` as a user meets it; the light map of bare geometry keeps it quick."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from point_events import PHOTONS_PER_MEV, point_events

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.geometry import load_detector
from kzcal.hits import RunHeader
from kzcal.io.hdf5_writer import write_events
from kzcal.optics import light_map_cache
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.response.translator import nominal_response

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
ENERGY = np.linspace(0.8, 3.0, 25)


@pytest.fixture(autouse=True)
def quick_light_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        light_map_cache, "light_map_of", lambda detector, _materials: analytic_light_map(detector)
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, np.ndarray]:
    """A database, an event file with truth, and the true vertices."""
    directory = tmp_path_factory.mktemp("reconstruct")
    detector = load_detector()
    truth, events = point_events(analytic_light_map(detector), nominal_response(detector), ENERGY)
    kind = np.array([b"electron"] * len(ENERGY) + [b"dark"])
    header = RunHeader(7, detector.name, sample="points", physics_window_ns=(-150.0, 350.0))
    write_events(directory / "in.h5", header, [replace(events, truth={"kind": kind})])
    Database.init(directory / "kz.db").close()
    return directory / "kz.db", directory / "in.h5", truth.vertex


def reconstruct(db: Path, *words: object) -> Result:
    options = ["--db", db, "--tag", "baseline", "--photons-per-mev", PHOTONS_PER_MEV]
    words = ("reconstruct", *options, *words)
    return CliRunner().invoke(main, [str(word) for word in words], env=ENVIRONMENT)


def test_vertices_are_found_and_everything_else_is_kept(files, tmp_path):
    db, source, vertex = files
    result = reconstruct(db, source, "--out", tmp_path / "out.h5", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["summary"]
    assert (summary["n_events"], summary["n_physics"], summary["n_fitted"]) == (26, 25, 25)
    with h5py.File(source) as old, h5py.File(tmp_path / "out.h5") as new:
        assert dict(old.attrs).keys() == dict(new.attrs).keys()
        for name in ("hits/pmt", "hits/time", "hits/charge", "events/timestamp", "truth/kind"):
            assert np.array_equal(old[name][:], new[name][:]), name
        found = np.stack([new[f"events/{axis}"][:] for axis in "xyz"], axis=1)
        energy = new["events/energy"][:]
    assert np.isnan(found[-1]).all()
    assert np.isnan(energy[-1])
    assert np.linalg.norm(found[:-1] - vertex, axis=1).max() < 0.5
    np.testing.assert_allclose(energy[:-1], ENERGY, rtol=0.3)


def test_the_same_file_gives_the_same_numbers(files, tmp_path):
    db, source, _ = files
    columns = []
    for name in ("a.h5", "b.h5"):
        assert reconstruct(db, source, "--out", tmp_path / name).exit_code == 0
        with h5py.File(tmp_path / name) as file:
            columns.append(file["events/x"][:-1])
    assert np.array_equal(*columns)


def test_hits_that_are_no_numbers_are_counted(files, tmp_path):
    db, source, _ = files
    spoilt = tmp_path / "spoilt.h5"
    spoilt.write_bytes(source.read_bytes())
    with h5py.File(spoilt, "r+") as file:
        time = file["hits/time"][:]
        time[:5] = np.nan
        file["hits/time"][...] = time
    result = reconstruct(db, spoilt, "--out", tmp_path / "out.h5")
    assert result.exit_code == 0, result.output
    assert "; 5 hits dropped" in result.output


def test_another_detector_than_the_files_is_refused(files, tmp_path):
    db, source, _ = files
    words = (source, "--detector", "kamland2-zen", "--out", tmp_path / "out.h5")
    result = reconstruct(db, *words)
    assert result.exit_code == 1
    assert "KamLAND-Zen 800, got KamLAND2-Zen: give --detector" in result.output
    assert not (tmp_path / "out.h5").exists()


def test_without_constants_it_says_where_it_looked_and_writes_nothing(files, tmp_path):
    db, source, _ = files
    result = reconstruct(db, source, "--tag", "no-such-tag", "--out", tmp_path / "out.h5")
    assert result.exit_code == 1
    assert "no-such-tag" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_it_needs():
    result = CliRunner().invoke(main, ["reconstruct", "--help"])
    assert result.exit_code == 0
    for word in ("--db", "--tag", "--run", "--out", "--detector", "--device", "--json", "NaN"):
        assert word in result.stdout
