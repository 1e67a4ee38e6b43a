"""``kzcal throw``: replicas that other commands take as they are."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.conditions.quantities import RESPONSE
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
