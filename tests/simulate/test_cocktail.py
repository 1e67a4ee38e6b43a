"""A cocktail's TOML is read into records, and what is wrong in it is named."""

from pathlib import Path

import pytest

from kzcal.errors import ConfigurationError
from kzcal.simulate.cocktail import Cocktail, Ingredient, read_cocktail

TEXT = """
run = 15001
duration_s = 3600.0
light = "map"

[[component]]
source = "gamma"
volume = "xels"
rate_per_day = 2500
options = { energy = 2.2 }

[[component]]
source = "c11"
volume = "ls"
number = 100

[muons]
rate_hz = 0.2

[forced]
rate_hz = 1.0
"""


def read(tmp_path: Path, text: str, **given) -> Cocktail:
    path = tmp_path / "cocktail.toml"
    path.write_text(text)
    return read_cocktail(path, given)


def test_a_file_becomes_records_and_the_command_line_prevails(tmp_path: Path):
    found = read(tmp_path, TEXT, seed=9, run=3)
    assert (found.run, found.seed, found.duration_s) == (3, 9, 3600.0)
    gamma, carbon = found.components
    assert gamma == Ingredient("gamma", "xels", options=(("energy", 2.2),), rate_per_day=2500)
    assert carbon.number == 100
    assert found.muons.rate_hz == 0.2
    assert found.forced.rate_hz == 1.0
    hash(found)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("run = 15001", "", "run must be given"),
        ("duration_s = 3600.0", "", "duration_s must be given"),
        ("duration_s = 3600.0", "duration_s = -1", "duration_s must be positive"),
        ('light = "map"', 'light = "lamp"', "map, full"),
        ('light = "map"', "ligth = 1", "unknown key 'ligth'.*light, .*component, muons, forced"),
        ('volume = "ls"', "", "volume must be given"),
        ('volume = "ls"', "vol = 1", "unknown key 'vol': valid are source, volume"),
        ("number = 100", "", "exactly one of number, rate_per_day, becquerel_per_m3, got none"),
        ("number = 100", "number = 1\nrate_per_day = 1", "exactly one"),
        ("number = 100", "number = -1", "number of c11 must not be negative"),
        ("number = 100", 'number = "many"', "number must be of type int"),
        ("rate_hz = 0.2", "rate = 0.2", "unknown key 'rate': valid are rate_hz, neutron_muons"),
        ("[forced]\nrate_hz = 1.0", "[forced]\nnumber = 1.5", "number must be of type int"),
        ('source = "c11"', 'source = "gamma"', "'gamma' twice"),
        ("[muons]", "[muons", "must be TOML"),
        ('source = "c11"', 'source = "c11"\nname = "forced"', "what the run itself makes"),
        ('source = "c11"', 'source = "neutron-capture"', "what the run itself makes"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, words: str, tmp_path: Path):
    assert old in TEXT
    with pytest.raises(ConfigurationError, match=words):
        read(tmp_path, TEXT.replace(old, new))


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"none\.toml: a configuration must be readable"):
        read_cocktail(tmp_path / "none.toml", {})
