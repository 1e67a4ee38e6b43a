"""``kzcal report``: a report from the database alone, or one sentence why not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.conditions.payload import Lineage, Payload
from kzcal.geometry import load_detector
from kzcal.testing.payloads import example_calibration, example_diagnostics

SECTION = """
from kzcal.components import ReportSection
from kzcal.hookspecs import hookimpl

class Mine:
    def render(self, calibration, diagnostics, detector, previous):
        return f"<p>mine, after run {previous.lineage.configuration['run']}</p>"

@hookimpl
def kzcal_report_sections():
    yield ReportSection("mine", "A section of mine.", build=Mine)
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Runs 15000 and 15001 of a tag, another tag whose lineage is silent, a run without report."""
    path = str(tmp_path_factory.mktemp("db") / "kz.db")
    detector = load_detector()
    with Database.init(path) as db:
        db.create_tag("prompt-2026", "as calibrated")
        for run, seed in ((15000, 2), (15001, 1)):
            made = [
                example_calibration(detector, seed=seed, run=run),
                example_diagnostics(detector, seed=seed, run=run),
            ]
            db.store("prompt-2026", run, run, made, "calibrated")
        db.create_tag("silent", "a lineage without a detector")
        silent = [Payload(p.kind, p.columns, p.globals, Lineage()) for p in made]
        db.store("silent", 15001, None, silent, "imported")
        db.create_tag("bare", "constants without diagnostics")
        db.store("bare", 15001, None, made[:1], "imported")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_report_is_rebuilt_from_the_database_alone(database: str, tmp_path: Path):
    out = tmp_path / "deep" / "report"
    result = run("report", 15001, "--db", database, "--tag", "prompt-2026", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    page = out / "index.html"
    assert json.loads(result.stdout) == {
        "report": str(page),
        "run": 15001,
        "tag": "prompt-2026",
        "compared_with": "run 15000",
    }
    assert [p.name for p in out.iterdir()] == ["index.html"]
    text = page.read_text()
    assert "Calibration of run 15001" in text
    assert "Compared with run 15000" in text


def test_the_first_run_of_a_tag_is_compared_with_nothing_and_a_plugin_adds_a_section(
    database: str, tmp_path: Path
):
    plugin = tmp_path / "mine.py"
    plugin.write_text(SECTION)
    words = ("--plugin", plugin, "report", 15001, "--db", database, "--tag", "prompt-2026")
    assert run(*words, "--out", tmp_path).exit_code == 0
    assert "mine, after run 15000" in (tmp_path / "index.html").read_text()
    first = run("report", 15000, "--db", database, "--tag", "prompt-2026", "--out", tmp_path)
    assert first.stdout == f"wrote {tmp_path / 'index.html'}\n"
    assert "no calibration before this one" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("15001", "--tag", "absent"), "absent"),
        (("14000", "--tag", "prompt-2026"), "got none of 'pmt-response' for run 14000"),
        (("15001", "--tag", "bare"), "got none of 'calibration-diagnostics' for run 15001"),
        (("15001", "--tag", "silent"), "name it with --detector"),
        (("15001", "--tag", "silent", "--detector", "borexino"), "got 'borexino'"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(
    database: str, tmp_path: Path, words: tuple[str, ...], sentence: str
):
    out = tmp_path / "out"
    result = run("report", *words, "--db", database, "--out", out)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
    assert not (out / "index.html").exists()


def test_a_detector_can_be_named(database: str, tmp_path: Path):
    words = ("report", 15001, "--db", database, "--tag", "silent", "--out", tmp_path)
    assert run(*words, "--detector", "kamland-zen-800").exit_code == 0
    assert "<title>PMT calibration" in (tmp_path / "index.html").read_text()


def test_an_output_that_is_a_file_is_refused(database: str, tmp_path: Path):
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    out = blocked / "report"
    result = run("report", 15001, "--db", database, "--tag", "prompt-2026", "--out", out)
    assert result.exit_code == 1
    assert f"--out must be a directory, got {out}" in result.stderr
