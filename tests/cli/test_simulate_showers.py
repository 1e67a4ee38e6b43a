"""``kzcal simulate showers`` as a user meets it, and how simulate hands over to timelines."""

import importlib
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from kzcal.cli.main import main
from kzcal.cli.timelines import TIMELINES
from kzcal.geometry import load_detector
from kzcal.io.events import EventFile
from kzcal.io.timeline import Timeline
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.simulate import setup


def kzcal(*words):
    return CliRunner().invoke(main, ["simulate", *map(str, words)])


@pytest.mark.parametrize("name", TIMELINES)
def test_help_of_a_timeline_begins_with_its_summary(name):
    summary, module = TIMELINES[name]
    command = getattr(importlib.import_module(module), name)
    assert command.help.splitlines()[0] == summary
    result = kzcal(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main simulate {name} ")


def test_help_of_simulate_names_the_timelines():
    output = kzcal("--help").output
    assert "Usage: main simulate [OPTIONS] [NAME|list]" in output
    for name in TIMELINES:
        assert f"\n  {name} " in output


def test_histories_are_written(tmp_path):
    out = tmp_path / "h.h5"
    result = kzcal(
        "showers", "--histories", 3, "--look-back", 0.5, "--run", 7, "--json", "--out", out
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert (told["events"]["long-lived"], told["events"]["xe136"]) == (3, 3)
    with EventFile(out, load_detector()) as file:
        assert file.header.run == 7
        table = file.table()
        decays = table.truth["kind"] != b"capture"
        assert table.energy[decays].min() >= 2.0
        assert table.energy[decays].max() < 3.0
        assert file.muons.profile is not None
        assert len(file.muons) == told["n_muons"]
    with Timeline(out) as timeline:
        assert (timeline.history_s, timeline.reach_m) == (1800.0, 2.0)


def test_a_run_is_written_and_told_as_text(tmp_path):
    result = kzcal("showers", "--days", 0.02, "--energy", "1:2", "--out", tmp_path / "r.h5")
    assert result.exit_code == 0, result.output
    assert "0.02 days of run 1" in result.output
    with Timeline(tmp_path / "r.h5") as timeline:
        assert timeline.history_s == timeline.reach_m == math.inf
    with EventFile(tmp_path / "r.h5", load_detector()) as file:
        table = file.table()
        signal = table.energy[table.truth["kind"] == b"xe136"]
        assert ((signal >= 1.0) & (signal < 2.0)).all()


def test_decays_have_hits_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(
        setup, "light_map_of", lambda detector, _materials, **_: analytic_light_map(detector)
    )
    out = tmp_path / "h.h5"
    words = ["showers", "--histories", 2, "--look-back", 0.5, "--hits", "--nominal", "--out", out]
    result = kzcal(*words)
    assert result.exit_code == 0, result.output
    with EventFile(out, load_detector()) as file:
        (events,) = file.chunks()
        assert file.header.physics_window_ns == (-150.0, 350.0)
    decays = events.truth["kind"] != b"capture"
    assert (events.hits.counts[decays] > 300).all()
    assert (events.hits.counts[~decays] == 0).all()
    assert decays.sum() == 4


def test_figures_are_scaled_and_set(tmp_path):
    config, out = tmp_path / "showers.toml", tmp_path / "s.h5"
    config.write_text("[showers]\nxenon136_kg = 0\n")
    words = ["--days", 0.1, "--config", config, "--scale", "neutron-muons=0", "--out", out]
    result = kzcal("showers", *words)
    assert result.exit_code == 0, result.output
    with EventFile(out, load_detector()) as file:
        assert len(file.muons) > 1000
        assert not np.isin(file.table().truth["kind"], [b"capture", b"xe136"]).any()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give either --days, for a run, or --histories"),
        (("--days", 1, "--histories", 1), "give either --days, for a run, or --histories"),
        (("--days", 1, "--scale", "core_m"), "--scale is NAME=FACTOR"),
        (("--days", 1, "--scale", "core=2"), "showers have no figure 'core' to scale"),
        (("--days", 1, "--nominal"), "choose constants for --hits"),
        (("--days", 1, "--hits"), "give either --tag with --db"),
        (("--days", 1, "--energy", "3:2"), "two ends in MeV that ascend"),
        (("--days", 1, "--config", "missing.toml"), "a configuration must be readable"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, words, says):
    result = kzcal("showers", *words, "--out", tmp_path / "r.h5")
    assert result.exit_code in (1, 2)
    assert says in result.output
    assert list(tmp_path.iterdir()) == []
