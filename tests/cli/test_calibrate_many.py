"""``kzcal calibrate`` with several files: workers of Dask, and what is said in the end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_runs import InlinePool, MadeUpRecipe, write_runs
from patience import PATIENCE_S, wait_until

from kzcal.cli import calibrate_many
from kzcal.cli.main import main
from kzcal.conditions.database import Database

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of runs 1 to 3."""
    return write_runs(tmp_path_factory.mktemp("runs"), range(1, 4))


@pytest.fixture
def made_up(monkeypatch):
    """Chooses a recipe whose constants are made up, and this process as the only worker."""

    def choose(**recipe):
        monkeypatch.setattr(calibrate_many, "PmtRecipe", lambda *_words: MadeUpRecipe(**recipe))
        monkeypatch.setattr(calibrate_many, "local_pool", lambda *_words: inline())

    return choose


class inline:  # noqa: N801  stands in for a function
    """A pool of this process."""

    def __enter__(self):
        return InlinePool()

    def __exit__(self, *_error):
        return None


def call(files, place, *words, out=True):
    output = ("--out", place.out) if out else ("--no-report",)
    given = ("calibrate", *files, "--db", place.db, "--tag", "t", *output, *words)
    environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return CliRunner().invoke(main, [str(word) for word in given], env=environment)


def test_every_run_has_a_line_and_a_report(made_up, files, place):
    made_up()
    result = call(files, place)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["run", "file", "result", "good", "PMTs", "events", "s", "report"]
    page = place.out / "2" / "index.html"
    assert lines[2].split() == ["2", "run-00002.h5", "stored", "1874", "40", str(page)]
    assert lines[-2:] == [
        f"stored 3 runs under tag t in {place.db}",
        f"wrote {place.out / 'index.html'}",
    ]
    assert page.read_text() == "t: 2 after 1"


def test_a_failure_is_told_and_goes_into_the_exit_code(made_up, files, place):
    made_up(mistaken=frozenset({2}))
    result = call(files, place, "--json", out=False)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["stored"], found["present"], found["failed"]) == (2, 0, 1)
    assert [run["status"] for run in found["runs"]] == ["stored", "failed", "stored"]
    assert found["runs"][1]["reason"] == "a run needs light, got none in run 2"
    assert "got 1 of 3 that failed or have no report: 2;" in result.stderr
    assert "--skip-existing tries these again" in result.stderr
    made_up()
    result = call(files, place, "--json", "--skip-existing", out=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [run["status"] for run in found["runs"]] == ["present", "stored", "present"]


def test_a_run_that_the_tag_has_refuses_the_command(made_up, files, place):
    made_up()
    assert call(files[1:2], place, "--workers", 1, out=False).exit_code == 0
    result = call(files, place, out=False)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "got run 2 over" in result.stderr
    assert call(files, place, "--on-overlap", "split", out=False).exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--onwards",), "each of several holds for its own"),
        (("--last-run", "9"), "each of several holds for its own"),
        (("--workers", "2", "--scheduler", "tcp://127.0.0.1:1"), "give --workers or --scheduler"),
        (("--workers", "0"), "0 is not in the range"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_wrong_usage_exits_with_two(files, place, words, sentence):
    result = call(files, place, *words, out=False)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_global_fit_goes_with_every_run(files, place, tmp_path, monkeypatch):
    seen = []

    def recipe(config, _settings):
        seen.append(config)
        return MadeUpRecipe()

    monkeypatch.setattr(calibrate_many, "FitRecipe", recipe)
    monkeypatch.setattr(calibrate_many, "local_pool", lambda *_words: inline())
    settings = tmp_path / "fit.toml"
    settings.write_text("photons = 7\n")
    assert call(files, place, "--fit", settings).exit_code == 0
    assert seen[0].photons == 7
    refused = call(files, place, "--fit", settings, "--detector", "kamland-zen-800")
    assert refused.exit_code == 2
    assert "--fit stands alone" in refused.output


def test_reports_need_a_directory(made_up, files, place):
    made_up()
    place.out = place.db
    result = call(files, place)
    assert result.exit_code == 1
    assert "--out must be a directory" in result.stderr


def test_a_fit_goes_to_the_workers_with_its_settings(made_up, files, place, tmp_path, monkeypatch):
    made_up()
    asked = []

    def recipe(config, settings):
        asked.append((config, settings))
        return MadeUpRecipe()

    monkeypatch.setattr(calibrate_many, "FitRecipe", recipe)
    (tmp_path / "fit.toml").write_text("photons = 1000\nseed = 5\n")
    words = ("--fit", tmp_path / "fit.toml", "--device", "cpu")
    result = call(files[:1], place, *words, out=False)
    assert result.exit_code == 0, result.output
    ((config, settings),) = asked
    assert (config.photons, config.seed, settings.device) == (1000, 5, "cpu")
    (tmp_path / "fit.toml").write_text("photon = 1000\n")
    result = call(files[:1], place, *words, "--on-overlap", "split", out=False)
    assert result.exit_code == 1
    assert "unknown key 'photon': choose from" in result.stderr


def test_without_dask_a_sentence_says_what_to_install(files, place, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = call(files, place, out=False)
    assert result.exit_code == 1
    assert "pip install 'kzcal[many]'" in result.stderr


CAMPAIGN = """
import sys
from made_up_runs import MadeUpRecipe
from kzcal.cli import calibrate_many
from kzcal.cli.main import main
from pathlib import Path

if __name__ == "__main__":
    notes = Path(sys.argv.pop(1))
    recipe = MadeUpRecipe(seconds=0.5, notes=notes)
    calibrate_many.PmtRecipe = lambda *_words: recipe
    main()
"""


def alive(pid: int) -> bool:
    """Whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_whole_runs_and_no_process(tmp_path, place, number):
    """Ctrl-C reaches every process of the terminal; a kill only the one that it is meant for."""
    files = write_runs(tmp_path / "runs", range(1, 13))
    notes = tmp_path / "notes"
    notes.mkdir()
    script = tmp_path / "campaign.py"
    script.write_text(CAMPAIGN)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    words = ["calibrate", *files, "--db", place.db, "--tag", "t", "--no-report", "--workers", 2]
    process = subprocess.Popen(
        [sys.executable, str(script), str(notes), *map(str, words)],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(
        lambda: process.poll() is not None or len(list(notes.iterdir())) >= 5, "no run was begun"
    )
    assert process.poll() is None, process.stderr.read()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (1 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert told.strip().splitlines()[-1] == "Aborted!"
    workers = {int(note.name.split("-")[1]) for note in notes.iterdir()}
    wait_until(lambda: not any(map(alive, workers)), "a worker lives on")
    with Database.open(place.db) as db:
        assert db.check().problems == ()
        stored = {iov.runs.first for iov in db.iovs("t")}
    assert 0 < len(stored) < 12
