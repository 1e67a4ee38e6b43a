"""The manifest that models of all kinds share, by a small one of its own."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from kzcal.conditions.payload import InputFile
from kzcal.errors import FileFormatError
from kzcal.training.manifest import ModelManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyManifest(ModelManifest):
    """A model with one name."""

    FORMAT = "kzcal-toy"
    VERSION = 3
    DECIDING = ("events",)

    names: tuple[str, ...]

    @classmethod
    def parsed(cls, table: dict[str, Any]) -> dict[str, Any]:
        return {**table, "names": tuple(table["names"])} if "names" in table else table


TOY = ToyManifest(
    seed=2,
    detector="kamland-zen-800",
    detector_digest="0" * 64,
    inputs=(InputFile("run.h5", "1" * 64),),
    options={"width": 8.0},
    settings={"events": 100, "minutes": 5.0},
    versions={"kzcal": "0.1.0"},
    names=("a", "b"),
)


def test_a_manifest_comes_back_as_it_was(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text(TOY.text())
    assert ToyManifest.read(path) == TOY
    assert path.read_text().startswith('format = "kzcal-toy"\nversion = 3\n')


def test_what_decides_the_weights_is_its_identity():
    for same in (
        {"training": {"step": 3}},
        {"versions": {}},
        {"settings": {"events": 100, "minutes": 50.0}},
    ):
        assert replace(TOY, **same).identity == TOY.identity
    for other in (
        {"seed": 3},
        {"names": ("a",)},
        {"options": {"width": 9.0}},
        {"settings": {"events": 99, "minutes": 5.0}},
        {"processes": 2},
    ):
        assert replace(TOY, **other).identity != TOY.identity


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('format = "kzcal-toy"\nversion = 2\n', "version 3"),
        ('format = "kzcal-other"\nversion = 3\n', "format kzcal-toy"),
        ('format = "kzcal-toy"\nversion = 3\nseed = 1\n', "known keys"),
        ('format = "kzcal-toy"\nversion = 3\ninputs = [{name = "x"}]\n', "values of their kind"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, told):
    path = tmp_path / "model.toml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=told):
        ToyManifest.read(path)
