"""``kzcal throw``: replicas that other commands take as they are."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Column, GlobalBlock, Lineage, Payload
from kzcal.conditions.quantities import GLOBAL_FIT, RESPONSE
from kzcal.geometry import load_detector
from kzcal.simulate.constants import Constants
from kzcal.testing.payloads import example_calibration


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the constants of run 15001."""
    path = tmp_path_factory.mktemp("db") / "kz.db"
    with Database.init(path) as db:
        payload = example_calibration(load_detector())
        db.store("prompt-2026", 15001, 15001, [payload], "calibrated", description="")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def throw(database: Path, *words: object) -> Result:
    return run("throw", "--db", database, "--tag", "prompt-2026", "--run", 15001, *words)


def test_replicas_are_stored_and_told_of(database: Path, tmp_path: Path):
    out = tmp_path / "replicas.db"
    result = throw(database, "--n", 2, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["tags"] == ["prompt-2026-replica-000", "prompt-2026-replica-001"]
    assert found["stored"] == 2
    text = throw(database, "--n", 3, "--out", out)
    assert "2 of them were there already" in text.stdout
    assert "time_walk" in text.stdout


def test_a_simulation_takes_a_replica_and_an_export_shows_it(database: Path, tmp_path: Path):
    out, table = tmp_path / "replicas.db", tmp_path / "replica.csv"
    assert throw(database, "--n", 1, "--out", out, "--tag-out", "sys").exit_code == 0
    taken = Constants.stored(str(out), "sys-000", 15001).payload(load_detector())
    with Database.open(database) as db:
        before = db.lookup("prompt-2026", RESPONSE, 15001)
    pull = (taken.columns["qe"].values - before.columns["qe"].values) / before.columns["qe"].errors
    assert np.nanstd(pull) == pytest.approx(1, abs=0.08)
    words = ("--db", out, "--tag", "sys-000", "--run", 15001, "--out", table)
    assert run("db", "export", *words).exit_code == 0
    assert len(table.read_text().splitlines()) == 1 + load_detector().n_pmt


def test_a_simulation_takes_the_light_of_a_replica_too(database: Path, tmp_path: Path):
    names, values = ("absorption_scale", "late_fraction"), np.array([0.9, 0.03])
    covariance = np.diag([0.05**2, 0.0])
    block = GlobalBlock(names, values, ("1", "1"), covariance, ("", ""))
    slopes = {"tts_by_late_fraction": Column(np.zeros(load_detector().n_pmt), "ns", "slope")}
    with Database.open(database) as db:
        db.store("fitted", 7, 7, [example_calibration(load_detector())], "c", description="")
        db.store("fitted", 7, 7, [Payload(GLOBAL_FIT, slopes, block, Lineage())], "fit")
    out = tmp_path / "replicas.db"
    words = ("--db", database, "--tag", "fitted", "--run", 7, "--n", 2, "--out", out)
    assert run("throw", *words).exit_code == 0
    tags = ("fitted-replica-000", "fitted-replica-001")
    light = [Constants.stored(str(out), tag, 7).shared() for tag in tags]
    assert len({0.9, *(each["absorption_scale"] for each in light)}) == 3
    assert {each["late_fraction"] for each in light} == {0.03}


def test_what_cannot_be_is_one_sentence(database: Path, tmp_path: Path):
    out = tmp_path / "replicas.db"
    result = run("throw", "--db", database, "--tag", "prompt-2026", "--run", 3, "--out", out)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert not out.exists()
    assert throw(database, "--n", 1, "--out", out).exit_code == 0
    other = throw(database, "--n", 1, "--out", out, "--seed", 2)
    assert other.exit_code == 1
    assert "holds another" in other.stderr
