"""Settings are checked when they are read, options by the translator's record."""

import pytest

from kzcal.components import Option, Translator
from kzcal.errors import ConfigurationError
from kzcal.training.config import TrainingConfig, option_values

RECORD = Translator(
    "some", "Some.", object, learn=object, options=(Option("width", 8, "channels", "Width."),)
)


def test_a_file_is_completed_by_what_is_given(tmp_path):
    path = tmp_path / "train.toml"
    path.write_text("minutes = 5\nseed = 4\n[options]\nwidth = 3\n")
    config = TrainingConfig.from_toml(path)
    assert (config.minutes, config.seed, config.events) == (5, 4, 20_000)
    chosen = config.with_given({"seed": 9, "minutes": None, "options": {"depth": 2.0}})
    assert (chosen.seed, chosen.minutes) == (9, 5)
    assert dict(chosen.options) == {"width": 3, "depth": 2.0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("minute = 5", "unknown key 'minute': choose from detector, events"),
        ("minutes = 'long'", "minutes must be like 30.0"),
        ("minutes = 0", "minutes must be positive and finite, got 0"),
        ("held_out = 1.5", "held_out must be a share"),
        ("seed = -1", "seed must be zero or more"),
        ("steps = true", "steps must be like 0"),
    ],
)
def test_a_wrong_setting_is_named(text, told, tmp_path):
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=told) as caught:
        TrainingConfig.from_toml(path)
    assert str(path) in str(caught.value)


def test_options_are_those_of_the_record():
    assert option_values(RECORD, {}) == {"width": 8.0}
    assert option_values(RECORD, {"width": 3}) == {"width": 3.0}
    with pytest.raises(ConfigurationError, match=r"no option 'depth' \(choices: width\)"):
        option_values(RECORD, {"depth": 3})
    with pytest.raises(ConfigurationError, match="width is a number"):
        option_values(RECORD, {"width": [1.0, 2.0]})
