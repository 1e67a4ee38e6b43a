"""Experiments from TOML files, and rejections from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.sensitivity.binned import expected
from kzcal.sensitivity.cuts import Cut, CutCurve, parsed
from kzcal.sensitivity.preset import load_experiment, load_preset

REFERENCE = """
base = "klz-800"
[reference]
energy = {energy}
radius = {radius}
days = 523.4
xenon_kg = 745.0
balloon = 1.90
resolution = 0.067
"""


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
        ('base = "klz-800"\nenergy = [2.0]', "a lowest and a highest energy in MeV"),
        ('base = "klz-800"\nenergy = ["a", "b"]', "a lowest and a highest energy in MeV"),
        ('base = "klz-800"\nenergy = [nan, 3.0]', "a lowest and a highest energy in MeV"),
        ('base = "klz-800"\nn_shells = 2.5', "n_shells is a int, got 2.5"),
        ('base = "klz-800"\nstep = 5.0', "ascend by a step or more"),
        ('base = "klz-800"\ndays = nan', "days of KamLAND-Zen 800 is a finite number, got nan"),
        ('base = "klz-800"\nscale = inf', "scale of KamLAND-Zen 800 is a finite number, got inf"),
        ('base = "klz-800"\nbackground = [1]', "with a name, got 1"),
        ('base = "klz-800"\nbackground = 1', "with a name, got 1"),
        ('base = "klz-800"\n[[background]]\nname = ["a"]', "with a name, got"),
        (
            'base = "klz-800"\n[[background]]\nname = "solar"\nevents = nan',
            "events of solar is a finite number",
        ),
        (REFERENCE.format(energy="[2.35]", radius=1.57), "a lowest and a highest energy in MeV"),
        (REFERENCE.format(energy="[2.7, 2.35]", radius=1.57), "its energies ascend"),
        (REFERENCE.format(energy="[2.35, 2.7]", radius=0), "its radius lies within"),
        (REFERENCE.format(energy="[2.35, 2.7]", radius=2.0), "its radius lies within"),
    ],
)
def test_what_is_no_experiment_is_told_in_one_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_experiment(written(tmp_path / "e.toml", text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (REFERENCE.format(energy="[9.0, 9.5]", radius=1.57), "change its energy"),
        (
            REFERENCE.format(energy="[2.35, 2.7]", radius=1.57)
            + 'cut = [{backgrounds = ["long-lived"], rejected = 1.0, accepted = 0.9}]',
            "got 0 of long-lived",
        ),
        (
            'base = "klz-800"\n[[background]]\nname = "film-u238"\nlength = 1e-4',
            "of film-u238: change",
        ),
    ],
)
def test_a_background_that_no_reference_could_count_is_told_in_one_line(tmp_path, text, said):
    with pytest.raises(ConfigurationError, match=said):
        expected(load_experiment(written(tmp_path / "e.toml", text)))


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


@pytest.mark.parametrize(
    ("acceptance", "rejected"),
    [
        ([0.0, 0.5, 1.0], [1.0, 0.0]),
        ([0.0, 1.0, 0.5], [1.0, 0.5, 0.0]),
        ([0.0, 0.5, 0.5], [1.0, 0.5, 0.0]),
        ([0.0, 0.5, 1.0], [1.5, 0.5, 0.0]),
        ([0.0, 0.5, 1.0], [1.0, -0.5, 0.0]),
        ([0.0, 50.0, 100.0], [1.0, 0.5, 0.0]),
        ([0.0, 0.5, 1.0], [1.0, float("nan"), 0.0]),
        ([[0.0, 1.0]], [[1.0, 0.0]]),
        ([], []),
        (0.5, 0.5),
    ],
)
def test_a_curve_of_no_shares_is_refused(tmp_path, acceptance, rejected):
    curves = {"acceptance": acceptance, "rejected": {"all": rejected}}
    path = written(tmp_path / "r.json", json.dumps({"curves": curves}))
    with pytest.raises(ConfigurationError, match=r"r\.json: a curve has as many rejections"):
        parsed(f"long-lived={path}")


def test_a_file_may_lie_in_a_directory_called_json(tmp_path):
    (tmp_path / "all.json.d").mkdir()
    curves = {"acceptance": [0.0, 1.0], "rejected": {"all": [1.0, 0.0]}}
    path = written(tmp_path / "all.json.d" / "r.json", json.dumps({"curves": curves}))
    found = parsed(f"long-lived={path}:all")
    assert isinstance(found, CutCurve)
    assert found.at(0.25).rejected == 0.75
