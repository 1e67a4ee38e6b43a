"""Settings from TOML: what is left out keeps its default, what is wrong is named."""

from dataclasses import fields

import pytest

from kzcal.calibrate.config import CalibrationConfig
from kzcal.errors import ConfigurationError
from kzcal.response.nominal import read_nominal


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_an_empty_file_gives_the_defaults(written):
    assert CalibrationConfig.from_toml(written("")) == CalibrationConfig()


def test_charges_near_saturation_are_refused(written):
    with pytest.raises(ConfigurationError, match=r"saturation_pe is 20.0 at least, got 5"):
        CalibrationConfig.from_toml(written("saturation_pe = 5"))


def test_charges_saturate_as_in_simulations():
    assert CalibrationConfig().saturation_pe == read_nominal().saturation_pe


def test_every_setting_can_be_given(written):
    changed = {"detector": "other", "seed": 7, "hits_per_chunk": 1000}
    numbers = {f.name: 2 * f.default for f in fields(CalibrationConfig) if f.name not in changed}
    settings = {**numbers, **changed}
    text = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    assert CalibrationConfig.from_toml(written(text.replace("'", '"'))).as_dict() == settings


def test_whole_numbers_do_for_real_ones(written):
    assert CalibrationConfig.from_toml(written("merging_time = 10")).merging_time == 10


def test_an_unknown_key_is_refused_with_the_choices(written):
    with pytest.raises(ConfigurationError, match=r"unknown key 'dark_margn'.*dark_margin.*seed"):
        CalibrationConfig.from_toml(written("dark_margn = 3"))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('energy_min = "low"', "float"),
        ("hits_per_chunk = 2.5", "int"),
        ("hits_per_chunk = true", "int"),
        ("merging_time = false", "float"),
        ("detector = 5", "str"),
        ("seed = 1.5", "int"),
        ("energy_max = [1, 2]", "float"),
    ],
)
def test_a_wrong_type_is_refused_with_the_right_one(written, line, kind):
    name = line.split(" ")[0]
    with pytest.raises(ConfigurationError, match=rf"{name} must be of type {kind}, got"):
        CalibrationConfig.from_toml(written(line))


@pytest.mark.parametrize("value", ["0", "-1.0", "nan", "inf", "-inf"])
def test_what_cannot_be_zero_or_less_or_endless_is_refused(written, value):
    with pytest.raises(ConfigurationError, match="merging_time must be positive and finite, got"):
        CalibrationConfig.from_toml(written(f"merging_time = {value}"))


@pytest.mark.parametrize("text", ["energy_min =", "[", "a = 1\na = 2", b"\xff\xfe"])
def test_what_is_not_toml_is_refused_with_its_name(written, text):
    path = written(text)
    with pytest.raises(ConfigurationError, match=r"run\.toml: a configuration must be TOML"):
        CalibrationConfig.from_toml(path)


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.toml: a configuration must be readable"):
        CalibrationConfig.from_toml(tmp_path / "none.toml")
