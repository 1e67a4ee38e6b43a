import pytest

from kzcal.errors import ConfigurationError
from kzcal.fit.config import FitConfig
from kzcal.geometry.materials import load_materials


def settings(tmp_path, text):
    path = tmp_path / "fit.toml"
    path.write_text(text)
    return FitConfig.from_toml(path)


def test_an_empty_file_has_the_defaults(tmp_path):
    config = settings(tmp_path, "")
    assert config.as_dict() == FitConfig().as_dict()
    assert config.parameter_set(config.open_detector()[0]).free


def test_files_are_looked_for_beside_the_settings(tmp_path):
    rows = "medium,quantity,wavelength_nm,value\nmineral_oil,attenuation_length_m,200,7\n"
    (tmp_path / "oil.csv").write_text(rows + "mineral_oil,attenuation_length_m,800,7\n")
    _, materials = settings(tmp_path, 'optics = "oil.csv"').open_detector()
    assert materials.curve("mineral_oil", "attenuation_length_m").value.tolist() == [7, 7]
    known = load_materials()
    assert materials.names == known.names
    assert materials.digest != known.digest


def test_settings_of_the_calibration_are_taken(tmp_path):
    config = settings(tmp_path, "[calibration]\nmerging_time = 10.0\n")
    assert config.calibration_config().merging_time == 10.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("photon = 3", "unknown key 'photon'"),
        ("photons = 0", "photons must be positive"),
        ('rounds = "many"', "rounds must be a whole number, got 'many'"),
        ("rounds = 1.5", "rounds must be a whole number, got 1.5"),
        ("parameters = 3", "parameters must be a table, got 3"),
        ("terms = 3", "terms must be a list, got 3"),
        ("detector = 3", "detector must be a text, got 3"),
        ('fit = "light_yield"', "fit must be a list or left out, got 'light_yield'"),
        ("seed = -1", "a seed is not negative"),
        ('terms = ["spectrum"]', "terms are some of"),
        ("[calibration]\nmerging = 1", "unknown key 'merging' of calibration"),
        ("photons = ", "must be TOML"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, text, words):
    with pytest.raises(ConfigurationError, match=words):
        settings(tmp_path, text).calibration_config()
