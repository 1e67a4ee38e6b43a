"""TOML that is written is read as it was."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzcal.errors import ConfigurationError
from kzcal.io.toml import read_toml, toml_text

KEYS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
PLAIN = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_a_table_comes_back(table):
    assert tomllib.loads(toml_text(table)) == table


def test_what_is_not_known_is_left_out():
    assert tomllib.loads(toml_text({"a": None, "b": {"c": None}})) == {"b": {}}


def test_what_toml_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="complex"):
        toml_text({"a": 1j})


def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("= 1")
    with pytest.raises(ConfigurationError, match=r"bad\.toml"):
        read_toml(tmp_path / "bad.toml")
