"""A file appears whole or not at all."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kzcal.errors import ConfigurationError
from kzcal.io.atomic import alone, check_writable, replacing


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


def test_one_at_a_time_is_alone(tmp_path):
    inside, most = [], []

    def work(number):
        with alone(tmp_path / "file"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(8)))
    assert most == [1] * 8


def test_whoever_fails_alone_lets_the_next_one_in(tmp_path):
    with pytest.raises(KeyboardInterrupt), alone(tmp_path / "file"):
        raise KeyboardInterrupt
    with alone(tmp_path / "file"):
        pass


def test_a_lock_that_cannot_be_written_is_refused(tmp_path):
    with (
        pytest.raises(ConfigurationError, match=r"file\.lock: No such file"),
        alone(tmp_path / "no" / "file"),
    ):
        pass
