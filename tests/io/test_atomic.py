"""A file appears whole or not at all."""

import pytest

from kzcal.errors import ConfigurationError
from kzcal.io.atomic import check_writable, replacing


def test_the_new_file_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
        assert beside.parent == path.parent
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def interrupted(path):
    with replacing(path) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt


def test_a_failure_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_is_refused_before_any_work(tmp_path):
    check_writable(tmp_path / "new.h5")
    (tmp_path / "folder").mkdir()
    for place, reason in (
        (tmp_path / "no" / "new.h5", "No such file"),
        (tmp_path / "folder", "Is a"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            check_writable(place)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
