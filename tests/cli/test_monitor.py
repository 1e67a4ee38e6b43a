"""``kzcal monitor`` from the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Column
from kzcal.geometry import load_detector
from kzcal.testing.payloads import example_calibration


@pytest.fixture(scope="module")
def location(tmp_path_factory):
    """Six runs; from the fourth on PMT 8 is dead."""
    path, detector = tmp_path_factory.mktemp("runs") / "kz.db", load_detector()
    with Database.init(path) as db:
        for run in range(1, 7):
            payload = example_calibration(detector, seed=run, run=run)
            if run > 3:
                status = payload.columns["status"].values.copy()
                status[8] = "dead"
                payload.columns["status"] = Column(status, "", "status")
            db.store("prompt", run, run, [payload], "a run", description="runs")
    return path


def invoke(*arguments):
    return CliRunner().invoke(main, ["monitor", *map(str, arguments)])


def test_the_page_is_written_and_the_result_told(location, tmp_path):
    out = tmp_path / "stability"
    result = invoke("--db", location, "--tag", "prompt", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["runs"] == [1, 2, 3, 4, 5, 6]
    assert found["applied"] is None
    died = [alarm for alarm in found["alarms"] if alarm["kind"] == "died"]
    assert [(alarm["run"], alarm["pmts"]) for alarm in died] == [(4, [8])]
    assert (out / "index.html").stat().st_size > 10_000


def test_applying_stores_averages_and_leaves_the_runs(location, tmp_path):
    settings = tmp_path / "monitor.toml"
    settings.write_text("boundary_pmts = 1\n")
    options = ("--db", location, "--tag", "prompt", "--out", tmp_path, "--config", settings)
    result = invoke(*options, "--apply", "--into", "averages")
    assert result.exit_code == 0, result.output
    assert "died" in result.stdout
    assert "in averages @2" in result.stdout
    with Database.open(location) as db:
        assert len(db.iovs("prompt")) == 6
        edges = {iov.runs.first for iov in db.iovs("averages")}
        assert {1, 4} <= edges
        late = db.lookup("averages", "pmt-response", 6)
        assert late.columns["status"].values[8] == "dead"
        assert np.isnan(late.columns["qe"].values[8])
        assert db.check().ok


def test_a_tag_for_averages_needs_them(location, tmp_path):
    result = invoke("--db", location, "--tag", "prompt", "--out", tmp_path, "--into", "x")
    assert result.exit_code == 2
    assert "--into needs --apply" in result.output


def test_an_unknown_tag_is_one_sentence(location, tmp_path):
    result = invoke("--db", location, "--tag", "nothing", "--out", tmp_path)
    assert result.exit_code == 1
    assert "a tag must exist, got 'nothing'" in result.output
