"""``kzcal compare``: table, JSON and page."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from scored_events import SMALL, distorted, run_of

from kzcal.cli.main import main
from kzcal.io.events import write_events

PLUGIN = """
from kzcal.components import Classifier
from kzcal.hookspecs import hookimpl


class Brightness:
    def score(self, events, muons, detector):
        return events.hits.sum_per_event(events.hits.charge)


@hookimpl
def kzcal_classifiers():
    yield Classifier("brightness", "Charge of an event.", build=Brightness)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("compare")
    run = run_of(1, 1200)
    write_events(directory / "data.h5", run.header, [run.events])
    write_events(directory / "fake.h5", run.header, [distorted(run, "dark")])
    settings = {**SMALL, "events": 200}
    lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
    (directory / "scorecard.toml").write_text(lines)
    (directory / "brightness.py").write_text(PLUGIN)
    return directory


def compare(place, *words, first=(), fake="fake.h5", out="deep/out"):
    given = ["compare", place / fake, place / "data.h5", "--out", place / out]
    words = [*first, *given, "--config", place / "scorecard.toml", *words]
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_result_is_told_written_and_drawn(place):
    plugin = ("--plugin", place / "brightness.py")
    result = compare(place, "--model", "brightness", first=plugin)
    assert result.exit_code == 0, result.output
    (line,) = (x for x in result.stdout.splitlines() if x.startswith("dark fraction"))
    assert "differs" in line
    assert "0.02 missed" in line
    assert "the same events" in result.stdout
    found = json.loads((place / "deep" / "out" / "scorecard.json").read_text())
    assert found["paired"]
    assert found["differing"][0] in ("dark_fraction", "dark_rate")
    assert "dark_fraction" in found["missed"]
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["brightness"]["difference"] == 0
    assert rows["dark_fraction"]["difference"] == pytest.approx(-0.2, abs=0.03)
    assert [Path(part["file"]).name for part in found["inputs"]] == ["fake.h5", "data.h5"]
    assert [len(part["sha256"]) for part in found["inputs"]] == [64, 64]
    assert (place / "deep" / "out" / "index.html").stat().st_size > 100_000


@pytest.mark.slow
def test_json_is_what_is_written(place):
    result = compare(place, "--json")
    assert result.exit_code == 0, result.output
    written = (place / "deep" / "out" / "scorecard.json").read_text()
    assert json.loads(result.stdout) == json.loads(written)


def test_an_unknown_model_is_one_sentence(place):
    result = compare(place, "--model", "beauty")
    assert result.exit_code == 1
    assert "there is no" in result.stderr
    assert "beauty" in result.stderr


def test_a_file_is_compared_with_itself(place):
    result = compare(place, fake="data.h5", out="same")
    assert result.exit_code == 0, result.output
    assert "0 of" in result.stdout
    page = (place / "same" / "index.html").read_text()
    assert "data.h5 against data.h5" in page


def test_a_place_that_cannot_be_written_is_told_before_anything_is_read(place):
    result = compare(place, fake="missing.h5", out="data.h5")
    assert result.exit_code == 1
    assert "--out must be a directory" in result.stderr
