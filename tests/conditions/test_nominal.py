"""The reviewed baseline text: what it says of each PMT type, and what it may not say."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kzcal.baseline import baseline_directory
from kzcal.conditions.database import Database
from kzcal.conditions.hdf5 import encode
from kzcal.conditions.nominal import nominal_tags
from kzcal.errors import ConfigurationError, DatabaseError


@pytest.fixture
def text(tmp_path) -> Path:
    """A copy of the baseline text that may be changed."""
    return shutil.copytree(baseline_directory(), tmp_path / "text")


def test_the_reviewed_text_is_one_frozen_tag_for_all_runs():
    ((tag, payload),) = nominal_tags(baseline_directory())
    assert (tag.name, tag.state, str(tag.period.runs)) == ("baseline", "frozen", "runs 0 onwards")
    assert payload.columns["status"].values.tolist() == ["good"] * 1879
    tts, small = payload.columns["tts"], np.arange(1879) < 1325
    assert set(tts.values[small]) == {1.3}
    assert set(tts.values[~small]) == {2.5}
    assert tts.errors[0] == pytest.approx(np.hypot(0.3, 0.1))
    assert payload.columns["qe"].values.mean() == 1.0
    assert {file.name for file in payload.lineage.inputs} == {
        "pmt-17-inch.toml",
        "pmt-20-inch.toml",
        "periods.toml",
        "tags.toml",
        "kamland-zen-800.toml",
    }


def test_the_same_text_makes_the_same_payload(text):
    ((_, payload),) = nominal_tags(text)
    ((_, again),) = nominal_tags(baseline_directory())
    assert encode(payload) == encode(again)


def test_a_changed_constant_changes_the_payload_and_its_lineage(text):
    before = nominal_tags(text)[0][1]
    file = text / "constants" / "pmt-17-inch.toml"
    file.write_text(file.read_text().replace("value = 1.3", "value = 1.4"))
    after = nominal_tags(text)[0][1]
    assert after.columns["tts"].values[0] == 1.4
    assert after.lineage.digest() != before.lineage.digest()


WRONG = [
    ("constants/pmt-17-inch.toml", "[tts]", "[ttss]", "unknown key 'ttss' in pmt-17-inch.toml"),
    ("constants/pmt-17-inch.toml", "spread = 0.1\n", "", "missing key 'spread'"),
    (
        "constants/pmt-17-inch.toml",
        "value = 1.3",
        'value = "1.3"',
        "value must be a finite number",
    ),
    ("constants/pmt-17-inch.toml", "value = 1.3", "value = nan", "value must be a finite number"),
    ("constants/pmt-17-inch.toml", 'unit = "ns"', 'unit = "us"', "unit must be one of ns"),
    ("constants/pmt-17-inch.toml", "= 17", "= 16", "none for 17 inch"),
    ("constants/pmt-17-inch.toml", "[tts]", "[tts", "readable TOML"),
    ("tags.toml", 'state = "frozen"', 'state = "melted"', "state must be one of open, locked"),
    ("tags.toml", 'period = "kamland', 'period = "x', "period must be one of kamland-zen-800"),
    ("tags.toml", "[[tag]]", "[tag]", "tag must be a list of tables"),
    ("tags.toml", 'name = "baseline"', "name = 3", "name must be a text"),
    ("periods.toml", "first_run = 0", "first_run = -1", "a run is a whole number"),
]


@pytest.mark.parametrize(("file", "old", "new", "rule"), WRONG)
def test_a_wrong_text_is_refused_and_no_database_appears(text, tmp_path, file, old, new, rule):
    path = text / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises((ConfigurationError, DatabaseError), match=rule):
        Database.init(tmp_path / "kz.db", text)
    assert not (tmp_path / "kz.db").exists()


def test_an_open_tag_of_the_text_stays_open(text, tmp_path):
    path = text / "tags.toml"
    path.write_text(path.read_text().replace('"frozen"', '"open"'))
    with Database.init(tmp_path / "kz.db", text) as db:
        assert [(tag.name, tag.state) for tag in db.tags()] == [("baseline", "open")]
