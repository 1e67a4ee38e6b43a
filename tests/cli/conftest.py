"""A run that is quick to calibrate, since its constants are made up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from quick_measure import quick_measure

from kzcal.calibrate import run as calibrate_run_module
from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.io.events import write_events
from kzcal.testing import synthetic_run


@pytest.fixture(scope="session")
def run_15001(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An event file of run 15001."""
    path = tmp_path_factory.mktemp("run") / "run_15001.h5"
    drawn = synthetic_run()
    write_events(path, replace(drawn.header, run=15001), [drawn.events], drawn.muons)
    return path


@pytest.fixture
def place(tmp_path: Path) -> SimpleNamespace:
    """A fresh database, and where the report of a run may go."""
    db = tmp_path / "kz.db"
    Database.init(db).close()
    return SimpleNamespace(db=db, out=tmp_path / "deep" / "report")


@pytest.fixture
def call(run_15001: Path, place: SimpleNamespace) -> Callable[..., Result]:
    """Runs ``kzcal calibrate`` on run 15001 with its database, tag "t" and a report."""

    def run(*words: object, file: Path = run_15001, report: bool = True) -> Result:
        output = ("--out", place.out) if report else ("--no-report",)
        given = ("calibrate", file, "--db", place.db, "--tag", "t", *output, *words)
        environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        return CliRunner().invoke(main, [str(word) for word in given], env=environment)

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constants are made up instead of measured."""
    monkeypatch.setattr(calibrate_run_module, "measure", quick_measure)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever begins to measure fails the test."""

    def refuse(*_words: object, **_options: object) -> None:
        pytest.fail("a run was measured that should have been refused before")

    monkeypatch.setattr(calibrate_run_module, "measure", refuse)
