"""``kzcal demo --year``: runs of a year, and what it says happened in it."""

import json
from pathlib import Path

from click.testing import CliRunner

from kzcal.cli.main import main


def run(*words: object):
    return CliRunner().invoke(main, ["demo", *map(str, words)], env={"OMP_NUM_THREADS": "1"})


def test_a_year_is_runs_and_a_truth_that_lists_every_change(tmp_path: Path):
    out = tmp_path / "year"
    result = run("--out", out, "--year", 2, "--events", 500, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert sorted(path.name for path in out.iterdir()) == ["runs", "truth.json"]
    assert found["files"] == [str(out / "runs" / f"run-0000{k}.h5") for k in (1, 2)]
    assert found["changes"] == json.loads((out / "truth.json").read_text())["changes"]
    assert {change["kind"] for change in found["changes"]} >= {"died", "gain step", "power cycle"}


def test_the_text_lists_the_changes_and_where_the_runs_are(tmp_path: Path):
    out = tmp_path / "year"
    lines = run("--out", out, "--year", 1, "--events", 500).stdout.splitlines()
    assert lines[0].split() == ["change", "PMT", "from", "run", "to", "run"]
    assert lines[-2:] == [f"wrote 1 runs to {out / 'runs'}", f"truth: {out / 'truth.json'}"]


def test_a_year_starts_in_an_empty_directory(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    result = run("--out", tmp_path, "--year", 1)
    assert result.exit_code == 1
    assert "a new or empty directory" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
