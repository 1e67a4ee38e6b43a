"""The plugin manager: what it finds, and what it refuses with which words."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from kzcal import __version__, plugins
from kzcal.components import Sample
from kzcal.errors import PluginError
from kzcal.plugins import KINDS, Choices, load

SAMPLE = """
from kzcal.components import Sample
from kzcal.parts import Selection
from kzcal.hookspecs import hookimpl

class Bright:
    def select(self, events, muons, header, detector):
        return Selection(events.energy > 5.0, 1.0, 0.0, "Brighter than 5 MeV.")

@hookimpl
def kzcal_samples():
    yield Sample("bright", "Events above 5 MeV.", build=Bright)
"""


def written(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text)
    return path


def hook(body: str, name: str = "kzcal_samples", mark: str = "@hookimpl") -> str:
    return (
        "from kzcal.components import Estimator, Sample\n"
        f"from kzcal.hookspecs import hookimpl\n{mark}\ndef {name}():\n    {body}\n"
    )


def refusal(tmp_path: Path, *texts: str) -> str:
    files = [written(tmp_path, f"plugin{i}.py", text) for i, text in enumerate(texts)]
    with pytest.raises(PluginError) as caught:
        load(files, installed=False)
    return str(caught.value)


def test_the_built_in_parts_are_there_in_alphabetical_order():
    found = load(installed=False)
    assert list(found.samples) == ["c11", "forced", "neutron-capture", "physics", "po210"]
    assert list(found.samples) == sorted(found.samples)
    assert {sample.provider for sample in found.samples.values()} == {"kzcal"}
    assert found.versions == {"kzcal": __version__}
    assert list(found.by_kind()) == list(KINDS)


def test_built_in_formats_are_those_of_io():
    from kzcal.io.source import BUILT_IN

    formats = load(installed=False).event_formats
    assert {n: type(f.build()) for n, f in formats.items()} == {
        n: type(reader) for n, reader in BUILT_IN.items()
    }


def test_a_file_is_a_plugin_and_its_version_is_its_hash(tmp_path: Path):
    path = written(tmp_path, "bright.py", SAMPLE)
    found = load([path], installed=False)
    assert found.samples["bright"].provider == "bright.py"
    first = found.versions["bright.py"]
    assert first.startswith("sha256:")
    path.write_text(SAMPLE + "\n# changed\n")
    assert load([path], installed=False).versions["bright.py"] != first


def test_one_file_given_twice_is_one_plugin(tmp_path: Path):
    path = written(tmp_path, "bright.py", SAMPLE)
    assert "bright" in load([path, tmp_path / "." / "bright.py"], installed=False).samples


def test_the_order_of_plugins_has_no_meaning(tmp_path: Path):
    a = written(tmp_path, "a.py", SAMPLE)
    b = written(tmp_path, "b.py", SAMPLE.replace('"bright"', '"amber"'))
    one, other = (load(files, installed=False) for files in ([a, b], [b, a]))
    assert list(one.samples) == list(other.samples)


def test_a_file_may_define_dataclasses(tmp_path: Path):
    text = SAMPLE.replace(
        "class Bright:",
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\n"
        "class Bright:\n    least: 'ClassVar[float]' = 5.0",
    )
    found = load([written(tmp_path, "bright.py", "from __future__ import annotations" + text)])
    assert found.samples["bright"].build().least == 5.0


def test_an_entry_point_is_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(tmp_path, "kzcal_made_up.py", SAMPLE)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("made-up", "kzcal_made_up", "kzcal")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == "kzcal" else [])
    assert load().samples["bright"].provider == "made-up"
    assert "bright" not in load(installed=False).samples


def test_an_entry_point_that_fails_is_named(monkeypatch: pytest.MonkeyPatch):
    point = EntryPoint("made-up", "kzcal_that_is_not_there", "kzcal")
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [point])
    with pytest.raises(PluginError, match="plugin made-up failed while importing kzcal_that_is"):
        load()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (hook("return []", "kzcal_sampels"), ["'kzcal_sampels'", "did you mean 'kzcal_samples'"]),
        (hook("return []", mark=""), ["@hookimpl", "kzcal_samples()"]),
        ("x = 1\n", ["implements a hook", "none in plugin0.py", "kzcal_estimators"]),
        ("import not_there\n", ["failed while importing", "not_there"]),
        ("def broken(:\n", ["failed while importing", "SyntaxError"]),
        ("1 / 0\n", ["failed while importing", "ZeroDivisionError"]),
        (hook("return None"), ["failed while calling kzcal_samples", "TypeError"]),
        (hook("yield Sample('a')"), ["failed while calling kzcal_samples", "summary"]),
        (hook("yield 'bright'"), ["kzcal_samples yields Sample records", "'bright'"]),
        (hook("yield Estimator('a', 'b', list)"), ["yields Sample records", "Estimator"]),
        (hook("yield Sample('Too Bright', 'b', list)"), ["lower-case", "'Too Bright'"]),
        (hook("yield Sample('a', '', list)"), ["a summary and a callable build"]),
        (hook("yield Sample('a', 'b', 3)"), ["a summary and a callable build"]),
        (
            hook("yield Sample('forced', 'b', list)"),
            ["sample 'forced'", "both kzcal and plugin0.py"],
        ),
        (SAMPLE.replace("kzcal_samples()", "kzcal_samples(run)"), ["while registering it", "run"]),
    ],
)
def test_a_faulty_plugin_is_refused_by_name(tmp_path: Path, text: str, words: list[str]):
    message = refusal(tmp_path, text)
    assert "plugin0.py" in message
    assert [word for word in words if word not in message] == []


def test_two_plugins_that_offer_one_name_are_both_named(tmp_path: Path):
    message = refusal(tmp_path, SAMPLE, SAMPLE.replace("5.0", "6.0"))
    assert "sample 'bright'" in message
    assert "plugin0.py and plugin1.py" in message


def test_one_name_may_be_used_by_parts_of_two_kinds(tmp_path: Path):
    both = SAMPLE + (
        "\nfrom kzcal.components import Classifier\n@hookimpl\ndef kzcal_classifiers():\n"
        "    yield Classifier('bright', 'How bright.', build=Bright)\n"
    )
    found = load([written(tmp_path, "both.py", both)], installed=False)
    assert "bright" in found.samples
    assert "bright" in found.classifiers


@pytest.mark.parametrize("name", ["absent.py", "plugin.txt"])
def test_what_is_not_a_python_file_is_refused(tmp_path: Path, name: str):
    (tmp_path / "plugin.txt").write_text(SAMPLE)
    with pytest.raises(PluginError, match=r"a Python file \(\.py\), got .*" + name):
        load([tmp_path / name], installed=False)


def test_an_unknown_name_says_what_there_is():
    samples = load(installed=False).samples
    with pytest.raises(PluginError) as caught:
        samples.choose("neutron-captures")
    assert str(caught.value) == (
        "there is no sample named 'neutron-captures': did you mean 'neutron-capture'? "
        "(choices: c11, forced, neutron-capture, physics, po210)"
    )
    assert samples.choose("c11") is samples["c11"]


def test_choices_are_a_mapping_and_may_be_empty():
    empty: Choices[Sample] = Choices("sample", {})
    assert len(empty) == 0
    assert empty.get("c11") is None
    with pytest.raises(PluginError, match="choices: none"):
        empty.choose("c11")
