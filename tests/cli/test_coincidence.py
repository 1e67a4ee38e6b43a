"""``kzcal coincidence build``: options, what it prints, and refusals."""

import json

import h5py
import pytest
from click.testing import CliRunner
from timelines import shower_run, singles_run, write_run

from kzcal.cli.main import main
from kzcal.io.candidates import read_candidates


@pytest.fixture
def shower_file(tmp_path):
    events, muons = shower_run(3, n_muons=100, n_decays=80)
    return write_run(tmp_path / "run_1.h5", events, muons, seconds=86400)


@pytest.fixture
def singles_file(tmp_path):
    events = singles_run(3, rate=50.0, seconds=50.0, n_pairs=40)
    return write_run(tmp_path / "run_2.h5", events, run=2, seconds=50)


def build(*words):
    return CliRunner().invoke(main, ["coincidence", "build", *map(str, words)])


def test_spallation(shower_file, tmp_path):
    out = tmp_path / "c.h5"
    done = build(shower_file, "--with", "spallation", "--out", out, "--energy", "2.2:2.8")
    assert done.exit_code == 0, done.output
    candidates = read_candidates(out)
    energy = candidates.columns["energy"]
    assert len(energy) > 10
    assert ((energy >= 2.2) & (energy < 2.8)).all()
    assert f"{len(energy)} candidates for spallation" in done.output
    assert "100 muons of 1 run(s), 1 days" in done.output


def test_options_change_what_is_found(shower_file, tmp_path):
    def points(*words):
        done = build(shower_file, "--with", "spallation", "--out", tmp_path / "c.h5", *words)
        assert done.exit_code == 0, done.output
        return read_candidates(tmp_path / "c.h5").points

    wide = points()
    assert wide["distance"].max() > 0.9
    assert points("--distance", "0.9")["distance"].max() < 0.9
    assert wide["dt"].max() > 3600
    assert points("--look-back", "1")["dt"].max() <= 3600
    assert wide["delay"].min() < 500
    assert points("--capture-time", "500:2000")["delay"].min() >= 500


def test_accidental_pairs_as_json(singles_file, tmp_path):
    out = tmp_path / "c.h5"
    words = ("--with", "ibd", "--off-time", "--windows", "9", "--out", out, "--json")
    done = build(singles_file, *words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert said["n_candidates"] == len(read_candidates(out)) > 0
    assert 8.9 < said["windows"] < 9
    assert said["per_day"] == pytest.approx(said["n_candidates"] / said["windows"] / 50 * 86400)


def test_scores_become_a_column(singles_file, tmp_path):
    events = singles_run(3, rate=50.0, seconds=50.0, n_pairs=40)
    rows = "".join(f"{number},{number / 7}\n" for number in events.event)
    (tmp_path / "pid.csv").write_text(f"event,score\n{rows}")
    out = tmp_path / "c.h5"
    done = build(
        singles_file, "--with", "ibd", "--out", out, "--scores", f"pid={tmp_path / 'pid.csv'}"
    )
    assert done.exit_code == 0, done.output
    pairs = read_candidates(out)
    assert pairs.columns["pid"] == pytest.approx(pairs.members["prompt"] / 7, rel=1e-6)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--with", "spallation", "--off-time"), "--off-time does nothing for spallation"),
        (("--with", "ibd", "--look-back", "3"), "--look-back does nothing for ibd"),
        (("--with", "ibd", "--windows", "3"), "are those of --off-time: give it too"),
        (("--with", "ibd", "--time", "3"), "a window is LOW:HIGH, got '3'"),
        (("--with", "ibd", "--scores", "pid"), "given as NAME=SCORES.csv, got 'pid'"),
        (
            ("--with", "ibd", "--scores", "pid=a.csv", "--scores", "pid=b.csv"),
            "a file for every run (1), got 2 of pid",
        ),
        (("--with", "ibd", "--radius", "-2"), "radius must be positive and finite"),
        (("--with", "spallation"), "got a run without muons"),
    ],
)
def test_what_does_not_go_together_is_refused(singles_file, tmp_path, words, says):
    done = build(singles_file, "--out", tmp_path / "c.h5", *words)
    assert done.exit_code != 0
    assert says in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "c.h5").exists()


@pytest.fixture
def histories_file(shower_file):
    """The run as if each decay had two hours of its own, complete to 1.5 m."""
    with h5py.File(shower_file, "a") as file:
        file.attrs.update({"history_s": 7200.0, "reach_m": 1.5})
    return shower_file


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--distance", 1.4, "--look-back", 2.5), "complete to 2 h, got a search to 2.5 h"),
        (("--distance", 1.55), "complete to 1.5 m, got a search to 1.55 m: give --distance 1.5"),
        ((), "complete to 1.5 m, got a search to 1.6 m"),
    ],
)
def test_a_search_beyond_the_histories_of_a_file_is_refused(histories_file, tmp_path, words, says):
    done = build(histories_file, "--with", "spallation", *words, "--out", tmp_path / "c.h5")
    assert done.exit_code == 1
    assert says in done.output
    assert not (tmp_path / "c.h5").exists()


def test_histories_that_are_shorter_than_a_day_are_looked_at_whole(histories_file, tmp_path):
    out = tmp_path / "c.h5"
    done = build(histories_file, "--with", "spallation", "--distance", 1.5, "--out", out)
    assert done.exit_code == 0, done.output
    assert 3600 < read_candidates(out).points["dt"].max() <= 7200
    with h5py.File(out) as file:
        assert json.loads(file.attrs["settings"])["look_back"] == 2.0


def test_what_is_read_is_not_replaced(singles_file, tmp_path):
    scores = tmp_path / "pid.csv"
    scores.write_text("event,score\n")
    link = tmp_path / "link.h5"
    link.symlink_to(singles_file)
    before = singles_file.read_bytes(), scores.read_bytes()
    for out in (singles_file, link, scores):
        done = build(singles_file, "--with", "ibd", "--scores", f"pid={scores}", "--out", out)
        assert done.exit_code == 1
        assert "candidates need a file of their own, got one that is read" in done.output
    assert (singles_file.read_bytes(), scores.read_bytes()) == before
    assert link.is_symlink()
