"""From a file to the database, on a small simulated period."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from kzcal import plugins
from kzcal.calibrate import measure as measure_module
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.demo import DemoTruth
from kzcal.calibrate.driver import RunResult
from kzcal.calibrate.run import StoredCalibration, Target, calibrate_file
from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.conditions.hdf5 import encode
from kzcal.conditions.iov import RunRange
from kzcal.conditions.quantities import QUANTITIES
from kzcal.errors import DatabaseError
from kzcal.geometry import load_detector
from kzcal.io.events import open_events

CPU = torch.device("cpu")
LATE = """
import numpy as np
from kzcal.components import Estimator
from kzcal.conditions.payload import Column
from kzcal.hookspecs import hookimpl

class LateHits:
    def __init__(self):
        self.counts = 0

    def accumulate(self, chunk):
        late = chunk.residual > 100
        pmt = chunk.events.hits.pmt[late]
        self.counts = self.counts + np.bincount(pmt, minlength=chunk.detector.n_pmt)

    def estimate(self):
        errors = np.sqrt(np.maximum(self.counts, 1.0))
        return {"late_hits": Column(self.counts, "1", "hits 100 ns late", errors)}

@hookimpl
def kzcal_estimators():
    yield Estimator("late-hits", "Hits that come 100 ns late.", build=LateHits)
"""


@pytest.fixture(scope="session")
def late_hits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin in a single file, whose estimator adds a column."""
    path = tmp_path_factory.mktemp("plugin") / "late.py"
    path.write_text(LATE)
    return path


@pytest.fixture
def db(tmp_path: Path):
    """An open database that holds the baseline."""
    with Database.init(tmp_path / "kz.db") as made:
        yield made


@pytest.fixture
def calibrate(
    demo_period: tuple[Path, DemoTruth],
    demo_result: RunResult,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., StoredCalibration]:
    """Calibrates the demonstration's period, with the one result that all tests share."""
    monkeypatch.setattr(measure_module, "calibrate_run", lambda *words, **options: demo_result)

    def run(*files: Path, target: Target = Target("t"), **options: object) -> StoredCalibration:  # noqa: B008
        found = plugins.load(files)
        path, config = demo_period[0], CalibrationConfig()
        return calibrate_file(path, db, target, config, found, device=CPU, **options)

    return run


def test_both_payloads_are_stored_under_the_run(calibrate, db: Database):
    done = calibrate(target=Target("t", onwards=True, message="first try"))
    assert (done.runs, done.tag_is_new, done.revision) == (RunRange(1, None), True, 2)
    assert (done.previous, done.report) == (None, None)
    assert [r.message for r in db.log("t")] == ["made by kzcal calibrate", "first try"]
    response = db.lookup("t", "pmt-response", 77)
    found = done.measurement.response
    assert response.columns["status"].values.tolist() == found.columns["status"].values.tolist()
    for name in (quantity.name for quantity in QUANTITIES):
        for part in ("values", "errors"):
            stored = getattr(response.columns[name], part)
            assert stored.tobytes() == getattr(found.columns[name], part).tobytes()
    diagnostics = db.lookup("t", "calibration-diagnostics", 1)
    assert diagnostics.lineage.digest() == response.lineage.digest()


def test_constants_that_one_fit_gives_have_their_correlation(calibrate, demo_result: RunResult):
    response = calibrate().measurement.response
    covariance = demo_result.charge.covariance.double().numpy()
    expected = covariance[:, 0, 1] / np.sqrt(covariance[:, 0, 0] * covariance[:, 1, 1])
    column = response.columns["correlation_of_gain_and_spe_width"].values
    good = response.columns["status"].values == "good"
    np.testing.assert_allclose(column[good], expected[good], rtol=1e-12)
    assert 0 < np.abs(column[good]).max() <= 1
    assert "correlation_of_time_offset_and_tts" in response.columns


def test_times_and_memory_are_diagnostics_alone(calibrate, db: Database, demo_period):
    done = calibrate()
    numbers = {name: (value, unit) for name, value, unit in done.measurement.numbers}
    with open_events(demo_period[0], load_detector()) as source:
        assert numbers["events"] == (source.n_events, "events")
        assert numbers["hits"] == (source.n_hits, "hits")
        assert numbers["muons"] == (len(source.muons), "muons")
        assert numbers["forced triggers"] == (source.table().forced.sum(), "events")
    assert numbers["hits dropped"] == (0, "hits")
    assert numbers["peak memory"][0] > 100
    names = done.measurement.diagnostics.columns["summary_names"].values.tolist()
    assert names == list(numbers)
    again = calibrate(target=Target("u"))
    addresses = {iov.kind: iov.payload for tag in ("t", "u") for iov in db.iovs(tag)}
    assert db.find("t", "pmt-response", 1).payload == addresses["pmt-response"]
    assert again.measurement.numbers != done.measurement.numbers


def test_progress_adds_up_to_one(calibrate, late_hits: Path):
    """With a stand-in for kzcal's own passes, the estimators' pass is one of all."""
    shares: list[float] = []
    calibrate(late_hits, advance=shares.append)
    passes = measure_module.passes(plugins.load([late_hits]))
    assert passes == measure_module.passes(plugins.load([])) + 1
    assert sum(shares) == pytest.approx(1 / passes)


def test_a_run_that_is_there_is_refused_before_it_is_measured(calibrate, db, monkeypatch):
    calibrate()
    monkeypatch.setattr(
        measure_module, "calibrate_run", lambda *words, **options: pytest.fail("measured")
    )
    with pytest.raises(DatabaseError, match="--on-overlap split"):
        calibrate()
    with pytest.raises(DatabaseError, match="a frozen tag never changes"):
        calibrate(target=Target("baseline", on_overlap="split"))
    assert db.tag("t").revision == 2


def test_the_report_is_that_of_the_database(calibrate, db: Database, tmp_path: Path):
    """Drawn again from what was stored, it is the same to the byte."""
    calibrate(target=Target("t", last_run=3))
    done = calibrate(target=Target("t", on_overlap="split"), out=tmp_path / "a")
    assert done.previous is None
    words = ["report", "1", "--db", db.name, "--tag", "t", "--out", str(tmp_path / "b")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "b" / "index.html").read_bytes()
    assert done.report == tmp_path / "a" / "index.html"
    assert done.report.read_bytes() == page


def test_a_plugins_column_joins_the_payload(calibrate, db, late_hits: Path, demo_period):
    done = calibrate(late_hits)
    column = db.lookup("t", "pmt-response", 1).columns["late_hits"]
    assert (column.unit, column.doc) == ("1", "hits 100 ns late")
    assert "late.py" in done.measurement.response.lineage.plugins
    steps = done.measurement.diagnostics.columns["step_names"].values.tolist()
    assert steps[-1] == "run estimators"
    share = column.values.sum() / sum(
        value for name, value, _ in done.measurement.numbers if name == "hits"
    )
    assert 0.005 < share < 0.5


@pytest.mark.slow
def test_the_same_file_elsewhere_gives_the_same_payload_to_the_bit(
    calibrate, db: Database, late_hits: Path, demo_period, tmp_path: Path
):
    """In another process, directory and database, through the command line, with a plugin."""
    done = calibrate(late_hits)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copied = Path(shutil.copy(demo_period[0], elsewhere))
    other = elsewhere / "other.db"
    Database.init(other).close()
    options = ["--db", other, "--tag", "u", "--no-report", "--json"]
    threads = ["--threads", torch.get_num_threads(), "--device", "cpu"]
    words = ["--plugin", late_hits, "calibrate", copied, *options, *threads]
    code = "from kzcal.cli.main import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["tag_is_new"] is True
    with Database.open(other) as opened:
        found = opened.lookup("u", "pmt-response", 1)
        address = opened.find("u", "pmt-response", 1).payload
        assert opened.check().ok
    for name, column in done.measurement.response.columns.items():
        numeric = column.values.dtype.kind == "f"
        same = np.array_equal(column.values, found.columns[name].values, equal_nan=numeric)
        assert same, name
    assert hashlib.sha256(encode(done.measurement.response)).hexdigest() == address
