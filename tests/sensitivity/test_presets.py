"""Experiments from TOML files, and rejections from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.sensitivity.cuts import Cut, CutCurve, parsed
from kzcal.sensitivity.preset import load_experiment, load_preset


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_says_what_differs_from_its_base(tmp_path):
    text = """
        base = "klz-800"
        days = 100.0
        [[background]]
        name = "solar"
        events = 3.3
        [[background]]
        name = "ag110m"
        events = 1.0
        uncertainty = 0.2
        spectrum = "flat"
        source = "somebody"
        [[cut]]
        backgrounds = ["ag110m"]
        rejected = 0.5
        accepted = 0.9
    """
    found, base = load_experiment(written(tmp_path / "e.toml", text)), load_preset("klz-800")
    assert found.days == 100.0
    assert found.xenon_kg == base.xenon_kg
    events = {one.name: one.events for one in found.backgrounds}
    assert events == {one.name: one.events for one in base.backgrounds} | {
        "solar": 3.3,
        "ag110m": 1.0,
    }
    assert found.cuts == (Cut(("ag110m",), 0.5, 0.9),)
    assert found.reference.cuts == base.reference.cuts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('base = "klz-900"', "base is one of klz-800"),
        ('base = "klz-800"\nlivetime = 3', "unknown key 'livetime': choose from name"),
        ('base = "klz-800"\ndays = "long"', "days is a float, got 'long'"),
        ('base = "klz-800"\nradius = 2.5', "shells end within the balloon"),
        ('name = "x"', "a reference and backgrounds"),
        ('base = "klz-800"\n[[background]]\nname = "x"\nevents = 1', "needs all its keys"),
        ('base = "klz-800"\n[[background]]\nname = "solar"\nplace = "sky"', "got 'sky'"),
    ],
)
def test_what_is_no_experiment_is_told_in_one_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_experiment(written(tmp_path / "e.toml", text))
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_is_refused_with_the_choices():
    with pytest.raises(ConfigurationError, match="klz-800, klz-800-complete, kamland2-zen"):
        load_preset("exo")


def test_a_rejection_is_two_shares_or_a_curve(tmp_path):
    assert parsed("long-lived=0.42:0.914") == Cut(("long-lived",), 0.42, 0.914)
    assert parsed("a,b=0:1").backgrounds == ("a", "b")
    curves = {"acceptance": [0.0, 0.5, 1.0], "rejected": {"all": [1, 0.8, 0], "x": [1, 0.5, 0]}}
    path = written(tmp_path / "r.json", json.dumps({"curves": curves}))
    first, named = parsed(f"long-lived={path}"), parsed(f"long-lived={path}:x")
    assert isinstance(first, CutCurve)
    assert isinstance(named, CutCurve)
    assert first.at(0.5) == Cut(("long-lived",), 0.8, 0.5)
    assert named.at(0.75).rejected == pytest.approx(0.25)
    np.testing.assert_array_equal(named.accepted, [0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("long-lived", "a rejection is BACKGROUND"),
        ("=0.5:0.9", "a rejection is BACKGROUND"),
        ("long-lived=0.5", "a rejection is BACKGROUND"),
        ("long-lived=a:b", "a rejection is BACKGROUND"),
        ("long-lived=1.5:0.9", "shares from 0 to 1"),
        ("long-lived=/nowhere.json", "readable JSON"),
        ("long-lived={path}:y", "got none of y"),
    ],
)
def test_what_is_no_rejection_is_refused(tmp_path, text, said):
    path = written(tmp_path / "r.json", '{"curves": {"acceptance": [0, 1], "rejected": {}}}')
    with pytest.raises(ConfigurationError, match=said):
        parsed(text.format(path=path))
