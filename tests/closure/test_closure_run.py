"""Trials: the same by any number of processes, kept when interrupted, reported when they fail."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kzcal.closure.config import ClosureConfig
from kzcal.closure.light import Light
from kzcal.closure.run import TRIALS, run_closure, seed_of, try_once
from kzcal.closure.statistics import Limits
from kzcal.closure.trials import Trial, TrialFile
from kzcal.errors import ConfigurationError

CONFIG = ClosureConfig("toy", trials=12, seed=3)


def values(trials: tuple[Trial, ...]) -> list[list[float]]:
    return [[float(v[0]) for v in trial.fitted.values.values()] for trial in trials]


def test_an_interrupted_closure_goes_on_where_it_was(tmp_path: Path, caplog):
    _, whole = run_closure(CONFIG, tmp_path / "whole")
    run_closure(replace(CONFIG, trials=7), tmp_path / "part")
    kept = tmp_path / "part" / TRIALS
    before = kept.read_text()
    kept.write_text(before + '{"number": 7, "seed"')
    done: list[float] = []
    _, joined = run_closure(CONFIG, tmp_path / "part", advance=done.append)
    assert kept.read_text().startswith(before)
    assert values(joined) == values(whole)
    assert done == [7, 1, 1, 1, 1, 1]


def test_processes_change_nothing(tmp_path: Path):
    one, first = run_closure(CONFIG, tmp_path / "one")
    two, second = run_closure(CONFIG, tmp_path / "two", workers=2)
    assert values(first) == values(second)
    assert [t.number for t in second] == list(range(12))
    assert one.verdict == two.verdict


def test_seeds_differ_and_follow_from_the_closures():
    seeds = [seed_of(CONFIG, number) for number in range(100)]
    assert len(set(seeds)) == 100
    assert seed_of(replace(CONFIG, trials=3), 7) == seeds[7]
    assert seed_of(replace(CONFIG, seed=4), 7) != seeds[7]


def test_failures_are_kept_and_told(tmp_path: Path, caplog):
    config = ClosureConfig("toy", trials=40, options={"fails": 0.5})
    verdict, trials = run_closure(config, tmp_path)
    failed = [trial for trial in trials if trial.fitted is None]
    assert verdict.failed == len(failed) > 5
    assert all("CalibrationError: a toy" in trial.failure for trial in failed)
    assert caplog.text.count("failed:") == len(failed)
    _, again = run_closure(config, tmp_path)
    assert [t.failure for t in again] == [t.failure for t in trials]


def test_trials_of_another_closure_are_refused(tmp_path: Path):
    run_closure(CONFIG, tmp_path)
    for other in (replace(CONFIG, seed=4), replace(CONFIG, options={"bias": 0.1})):
        with pytest.raises(ConfigurationError, match="another --out"):
            run_closure(other, tmp_path)
    (tmp_path / TRIALS).write_text("nonsense\n")
    with pytest.raises(ConfigurationError, match="another --out"):
        run_closure(CONFIG, tmp_path)


def test_a_trial_reads_back_as_it_was_written(tmp_path: Path):
    trial = try_once(CONFIG.open(), 0, 5)
    unknown = trial.fitted.values | {"light_yield": np.array([np.nan])}
    trial = replace(trial, fitted=replace(trial.fitted, values=unknown))
    file = TrialFile(tmp_path / "t.jsonl", "d")
    assert file.read() == {}
    file.append(trial)
    (back,) = file.read().values()
    assert back.as_dict() == trial.as_dict()
    assert np.isnan(back.fitted.values["light_yield"][0])
    assert np.array_equal(back.fitted.covariance, trial.fitted.covariance)


def test_a_file_that_was_killed_before_its_first_line_begins_anew(tmp_path: Path):
    (tmp_path / "t.jsonl").write_text('{"clo')
    file = TrialFile(tmp_path / "t.jsonl", "d")
    assert file.read() == {}
    assert json.loads((tmp_path / "t.jsonl").read_text()) == {"closure": "d"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trials = 3", "names its experiment"),
        ('experiment = "game"', "toy, pmts, charges, light"),
        ('experiment = "toy"\nworkers = 3', "unknown key 'workers'"),
        ('experiment = "toy"\ntrials = 0', "trials is a whole number from 1"),
        ('experiment = "toy"\n[toy]\ncolour = 1', "unknown key 'colour'"),
        ('experiment = "toy"\n[toy]\nbias = "much"', "bias must be like 0.0"),
        ('experiment = "toy"\ntoy = 3', "is a table"),
        ('experiment = "toy"\n[limits]\nwidth = [0.9]', "width must be like"),
        ('experiment = "pmts"\n[pmts]\nevents = 10', "500 events at least"),
    ],
)
def test_a_wrong_setting_is_named(text: str, words: str, tmp_path: Path):
    path = tmp_path / "closure.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        ClosureConfig.from_toml(path).open()


def test_the_documented_settings_are_the_defaults():
    config = ClosureConfig.from_toml(Path(__file__).parents[2] / "docs" / "closure.toml")
    assert config.open() == Light()
    assert config.limits == Limits()
    assert replace(config, options={}, where="defaults") == ClosureConfig("light")


def test_settings_are_read(tmp_path: Path):
    path = tmp_path / "closure.toml"
    path.write_text(
        'experiment = "toy"\ntrials = 9\nseed = 2\n[toy]\nbias = 1\n[pmts]\nevents = 900\n'
        "[limits]\nwidth = [0.8, 1.2]\nfalse_alarm = 0.1\n"
    )
    config = ClosureConfig.from_toml(path)
    assert (config.trials, config.seed, dict(config.options)) == (9, 2, {"bias": 1})
    assert (config.limits.width, config.limits.false_alarm) == ((0.8, 1.2), 0.1)
