"""``kzcal demo``: everything once, and what it says of itself."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kzcal.calibrate.closure import Closure
from kzcal.cli.demo import text
from kzcal.cli.main import main
from kzcal.conditions.database import Database


def run(*words: object) -> Result:
    environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return CliRunner().invoke(main, ["demo", *(str(word) for word in words)], env=environment)


@pytest.mark.slow
def test_a_demonstration_reaches_the_report_and_meets_its_truth(tmp_path: Path):
    """The one of `make demo`: all bad channels found, and the widths of all pulls near one."""
    out = tmp_path / "demo"
    result = run("--out", out, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["report"] == str(out / "report" / "index.html")
    assert sorted(p.name for p in out.iterdir()) == sorted(
        ["kz.db", "kz.db.payloads", "period.h5", "pulls.png", "report", "table.csv", "truth.csv"]
    )
    assert "Calibration of run 1" in (out / "report" / "index.html").read_text()
    assert found["found"] == {s: [n, n] for s, n in found_channels(out).items()}
    widths = {(row["name"], row["diameter"]): row["pull_width"] for row in found["closure"]}
    assert len(widths) == 12
    assert {key: width for key, width in widths.items() if not 0.8 < width < 1.25} == {}
    with Database.open(out / "kz.db") as db:
        assert db.check().ok
        assert [str(iov.runs) for iov in db.iovs("demo")] == ["run 1", "run 1"]
    with (out / "table.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 1879


def found_channels(out: Path) -> dict[str, int]:
    """Number of PMTs of each true status."""
    with (out / "truth.csv").open(newline="") as stream:
        status = [row["status"] for row in csv.DictReader(stream)]
    return {name: status.count(name) for name in set(status)}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("full", "a new or empty directory, got"),
        ("file", "--out must be a directory"),
        ("file/below", "--out must be a directory"),
    ],
)
def test_a_demonstration_starts_in_an_empty_directory(tmp_path: Path, name: str, sentence: str):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    result = run("--out", tmp_path / name)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]


def test_the_text_says_where_to_look_and_how_well_it_went():
    row = Closure("tts", "ns", 17, 1293, -0.012, 0.1, 1.02, 0.03)
    lines = text(Path("there"), [row], {"dead": (39, 40), "hot": (6, 6)}).splitlines()
    assert lines[2].split() == [
        "tts",
        "17-inch",
        "1293",
        "ns",
        "-0.012",
        "0.1",
        "1.02",
        "±",
        "0.03",
    ]
    assert lines[-3] == "channels told apart: 39 of 40 dead, 6 of 6 hot"
    assert lines[-1] == "report: there/report/index.html"
