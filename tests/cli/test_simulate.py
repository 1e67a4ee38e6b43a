"""``kzcal simulate`` as a user meets it; a simple light map keeps it quick."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from patience import PATIENCE_S, wait_until

from kzcal.cli.main import main
from kzcal.cli.simulate import source_options
from kzcal.conditions.database import Database
from kzcal.geometry import load_detector
from kzcal.io.events import EventFile
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.simulate import setup
from kzcal.simulate.constants import Constants

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.fixture(autouse=True)
def quick_light_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map of bare geometry instead of a traced one."""
    monkeypatch.setattr(
        setup, "light_map_of", lambda detector, _materials, **_: analytic_light_map(detector)
    )


def simulate(*words: object) -> Result:
    return CliRunner().invoke(main, ["simulate", *map(str, words)], env=ENVIRONMENT)


@pytest.fixture(scope="module")
def electrons(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Simulates electrons with nominal constants, once for each choice; returns the file."""

    @functools.cache
    def run(*words: object, again: bool = False) -> Path:
        out = tmp_path_factory.mktemp("electrons") / f"a{again:d}.h5"
        result = simulate("electron", "--n", 70, "--nominal", "--out", out, *words)
        assert result.exit_code == 0, result.output
        return out

    return run


def hits(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[f"hits/{name}"][:] for name in ("offsets", "pmt", "time", "charge")}


def same(left: Path, right: Path) -> bool:
    a, b = hits(left), hits(right)
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_the_sources_are_listed_with_their_decay_data():
    result = simulate("list", "--json")
    assert result.exit_code == 0
    sources = {row["name"]: row for row in json.loads(result.stdout)}
    bismuth = sources["bi214"]
    assert bismuth["half_life_s"] == pytest.approx(19.71 * 60, rel=0.01)
    assert bismuth["q_value_mev"] == pytest.approx(3.27, abs=0.01)
    assert "ENSDF" in bismuth["data"]
    assert sources["gamma"]["options"]["energy"]["unit"] == "MeV"
    text = simulate("list").stdout
    assert "19.7 min" in text
    assert all(name in text for name in sources)


def test_no_source_is_called_list():
    """The word lists the sources."""
    assert "list" not in {row["name"] for row in json.loads(simulate("list", "--json").stdout)}


def test_the_file_holds_truth_reconstruction_windows_and_lineage(electrons):
    path = electrons("--energy", 2.0, "--run", 12, "--seed", 5)
    with EventFile(path, load_detector()) as file:
        assert file.header.run == 12
        assert file.header.sample == "electron"
        assert file.header.physics_window_ns == (-150.0, 350.0)
        table = file.table()
    assert len(table) == 70
    assert np.allclose(table.truth["e_dep"], 2.0)
    assert set(table.truth) >= {"kind", "x", "y", "z", "e_quenched", "n_site", "rms"}
    away = table.vertex - np.stack([table.truth[axis] for axis in "xyz"], axis=1)
    # 13.7 cm per axis at 1 MeV would be far more than what 2 MeV needs: 70 events, all axes.
    assert np.sqrt(np.nanmean(away**2)) < 0.137
    assert np.isfinite(table.energy).all()
    with h5py.File(path) as file:
        lineage = json.loads(file.attrs["lineage"])
    assert lineage["seed"] == 5
    assert lineage["configuration"]["simulation"]["components"][0]["options"] == [["energy", 2.0]]
    assert lineage["configuration"]["constants"]["payload"] == "nominal"


def test_the_seed_decides_and_the_number_does_not(electrons):
    first = electrons("--run", 15001)
    assert same(first, electrons("--run", 15001, again=True))
    few = hits(electrons("--run", 15001, "--n", 10))
    n = few["offsets"][-1]
    assert n > 1000
    assert np.array_equal(few["time"], hits(first)["time"][:n])


def test_constants_come_from_the_tag_and_the_run(tmp_path: Path, electrons):
    detector = load_detector()
    payload = Constants().payload(detector)
    payload.columns["status"].values[7] = "dead"
    with Database.init(tmp_path / "kz.db") as db:
        db.create_tag("t", "test")
        db.store("t", 15001, 15001, [payload], "one PMT is dead")
    given = ("--db", tmp_path / "kz.db", "--tag", "t", "--run", 15001)
    out = tmp_path / "a.h5"
    result = simulate("electron", "--n", 64, *given, "--out", out)
    assert result.exit_code == 0, result.output
    counts = np.bincount(hits(out)["pmt"], minlength=detector.n_pmt)
    nominal = np.bincount(hits(electrons("--run", 15001))["pmt"], minlength=detector.n_pmt)
    assert counts[7] == 0 < nominal[7]
    result = simulate("electron", "--n", 4, *given[:-1], 15002, "--out", out)
    assert result.exit_code == 1
    assert "15002" in result.stderr


COCKTAIL = """
run = 15001
duration_s = 400.0

[[component]]
source = "xe136-2nbb"
volume = "xels"
number = 40

[[component]]
source = "bipo214"
volume = "film"
number = 20

[muons]
rate_hz = 1.0
neutron_muons = 0.1

[forced]
number = 30
"""


def test_a_cocktail_is_a_whole_run(tmp_path: Path):
    config, out, gtq = tmp_path / "c.toml", tmp_path / "run.h5", tmp_path / "gtq.h5"
    config.write_text(COCKTAIL)
    result = simulate(
        "--config", config, "--nominal", "--out", out, "--gtq", gtq, "--seed", 3, "--json"
    )
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    with EventFile(out, load_detector()) as file:
        assert file.header.sample is None
        assert file.header.livetime_ns == 400 * 10**9
        muons, events = file.muons, file.table()
    kinds = {
        kind.decode(): np.sum(events.truth["kind"] == kind) for kind in set(events.truth["kind"])
    }
    assert kinds["xe136-2nbb"] == 40
    assert kinds["forced"] == events.forced.sum() == 30
    assert 300 < len(muons) < 500
    assert kinds["neutron-capture"] > 20
    assert 35 <= kinds["bipo214"] <= 40
    assert done["n_events"] == len(events) == sum(kinds.values())
    pairs = events.take(events.truth["kind"] == b"bipo214")
    delayed = np.flatnonzero(pairs.truth["part"] == 1)
    wait = pairs.timestamp[delayed] - pairs.timestamp[delayed - 1]
    # 164 us: the mean of 20 exponential times lies within 0.3 and 2.2 of theirs but once in 1e5.
    assert 0.3 < wait.mean() / (163.6e3 / np.log(2)) < 2.2
    captures = events.take(events.truth["kind"] == b"neutron-capture")
    parent = np.searchsorted(muons.timestamp, captures.timestamp) - 1
    assert (captures.timestamp - muons.timestamp[parent]).max() < 3e6
    assert np.isnan(events.energy[events.forced]).all()


@pytest.mark.parametrize(
    ("words", "reason", "code"),
    [
        (("electron", "--n", 5, "--nominal"), "--out", 2),
        (("electron", "--nominal", "--out", "a.h5"), "--n", 2),
        (("electron", "--n", 5, "--out", "a.h5"), "--nominal", 2),
        (("electron", "--n", 5, "--out", "a.h5", "--nominal", "--tag", "t"), "either --tag", 2),
        (("--n", 5, "--nominal", "--out", "a.h5"), "NAME of a source", 2),
        (("--config", "a.toml", "--n", 5, "--nominal", "--out", "a.h5"), "stands alone", 2),
        (("--config", "a.toml", "--nominal", "--out", "a.h5"), "must be readable", 1),
        (("bi215", "--n", 5, "--nominal", "--out", "a.h5"), "did you mean 'bi", 1),
        (("electron", "--n", 5, "--nominal", "--out", "a.h5", "--mass", 2), "no option 'mass'", 1),
        (
            ("electron", "--n", 5, "--nominal", "--out", "a.h5", "--energy", "x"),
            "takes numbers",
            2,
        ),
        (("electron", "--n", 5, "--nominal", "--out", "a.h5", "--volume", "x"), "a volume is", 1),
        (("electron", "--n", 5, "--nominal", "--out", "none/a.h5"), "got none/a.h5", 1),
        (("electron", "--n", 5, "--tag", "t", "--db", "no.db", "--out", "a.h5"), "no.db", 1),
    ],
)
def test_what_cannot_be_is_refused(
    words, reason: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = simulate(*words)
    assert result.exit_code == code, result.output
    assert reason in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_options_of_a_source_are_read_in_every_form():
    words = ("--energies", "2.6,0.58", "--electron=1.5", "--energy-to", "-3")
    assert source_options(words) == {
        "energies": [2.6, 0.58],
        "electron": 1.5,
        "energy_to": -3.0,
    }


def holds_events(directory: Path) -> bool:
    return any(part.stat().st_size > 50_000 for part in directory.iterdir())


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path):
    out = tmp_path / "long.h5"
    code = (
        "from kzcal.optics.light_map_analytic import analytic_light_map as quick\n"
        "from kzcal.simulate import setup\n"
        "setup.light_map_of = lambda detector, materials, **_: quick(detector)\n"
        "from kzcal.cli.main import main; main()"
    )
    words = ("simulate", "electron", "--n", "1000000", "--nominal", "--no-reconstruction")
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--out", str(out)],
        env={**os.environ, **ENVIRONMENT},
    )
    try:
        wait_until(
            lambda: process.poll() is not None or holds_events(tmp_path), "nothing was written"
        )
        assert process.poll() is None, "it ended before it was interrupted"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_S) == 1
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []


def test_a_labelled_set_has_its_kind_its_energies_and_smeared_vertices(tmp_path: Path):
    out = tmp_path / "bb.h5"
    words = ("electron-pair", "--energy", 2.0, "--energy-to", 2.8, "--n", 200, "--nominal")
    result = simulate(
        *words, "--kind", "bb", "--quenched", "2.0:2.6", "--vertex", "smeared:0:0", "--out", out
    )
    assert result.exit_code == 0, result.output
    with h5py.File(out) as file:
        assert set(file["truth/kind"][:]) == {b"bb"}
        energy = file["truth/e_quenched"][:]
        # Of 0.8 MeV the window takes 0.6: 150 of 200, and five standard deviations less.
        assert 110 < len(energy) < 190
        assert energy.min() >= 2.0
        assert energy.max() < 2.6
        for axis in "xyz":
            true = file[f"truth/{axis}"][:].astype(np.float32)
            assert np.array_equal(file[f"events/{axis}"][:], true)


def test_vertices_that_nobody_reconstructs_are_not_smeared(tmp_path: Path):
    out = tmp_path / "a.h5"
    words = ("electron", "--n", 1, "--nominal", "--no-reconstruction", "--vertex", "smeared")
    result = simulate(*words, "--out", out)
    assert result.exit_code == 1
    assert "no vertices to smear, got vertex 'smeared' with --no-recon" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("option", ["--kind", "--volume"])
def test_a_configuration_stands_alone(option: str, tmp_path: Path):
    config = tmp_path / "run.toml"
    config.write_text("run = 1\nduration_s = 1.0\n")
    result = simulate("--config", config, "--nominal", option, "xels", "--out", tmp_path / "a.h5")
    assert result.exit_code == 2
    assert "--config stands alone" in result.stderr
