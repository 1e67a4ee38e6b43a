"""Files of scores: every row and every refusal."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzcal.errors import FileFormatError
from kzcal.io.scores import read_numbered_scores, read_scores

EVENTS = np.array([7, 8, 11])
GOOD = "event,score\n7,0.5\n8,-1000.0\n11,1e-3\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_scores_come_in_the_order_of_the_events(tmp_path):
    for text in (GOOD, GOOD.replace("\n", "\r\n"), GOOD.rstrip()):
        found = read_scores(written(tmp_path / "s.csv", text), EVENTS)
        assert found.tolist() == [0.5, -1000.0, 0.001]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_finite_number_comes_back_to_the_bit(tmp_path_factory, values):
    rows = "".join(f"{i},{value!r}\n" for i, value in enumerate(values))
    path = written(tmp_path_factory.mktemp("scores") / "s.csv", f"event,score\n{rows}")
    assert read_scores(path, np.arange(len(values))).tolist() == values


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty file"),
        ("event;score\n7;0.5\n", "the first line"),
        ("score,event\n", "the first line"),
        (GOOD.rsplit("11", 1)[0], "2 rows for 3 events"),
        (GOOD + "12,0.5\n", "4 rows for 3 events"),
        (GOOD.replace("8,", "9,"), "got event 9 in row 1 where the file has event 8"),
        (GOOD.replace("0.5", "high"), "'high' in row 0"),
        (GOOD.replace("0.5", "nan"), "'nan' in row 0"),
        (GOOD.replace("0.5", "inf"), "'inf' in row 0"),
        (GOOD.replace("8,", "eight,"), "'eight' in row 1"),
        (GOOD.replace("0.5", "0.5,1"), "row 0"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused(tmp_path, text, told):
    path = written(tmp_path / "s.csv", text)
    with pytest.raises(FileFormatError, match=r"s\.csv") as caught:
        read_scores(path, EVENTS)
    assert told in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="must be readable"):
        read_scores(tmp_path / "missing.csv", EVENTS)
    (tmp_path / "s.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="must be readable"):
        read_scores(tmp_path / "s.csv", EVENTS)


def test_numbered_scores_are_found_wherever_they_are(tmp_path):
    path = written(tmp_path / "s.csv", GOOD)
    assert read_numbered_scores(path, np.array([11, 7, 11])).tolist() == [0.001, 0.5, 0.001]
    assert read_numbered_scores(path, np.array([], np.int64)).tolist() == []


def test_an_event_without_a_score_is_named(tmp_path):
    path = written(tmp_path / "s.csv", GOOD)
    with pytest.raises(FileFormatError, match="none for 2 of 3, the first of them event 9"):
        read_numbered_scores(path, np.array([7, 9, 10]))
    empty = written(tmp_path / "none.csv", "event,score\n")
    with pytest.raises(FileFormatError, match="none for 1 of 1"):
        read_numbered_scores(empty, np.array([7]))


def test_two_scores_of_one_number_are_refused(tmp_path):
    path = written(tmp_path / "s.csv", GOOD + "7,0.1\n")
    with pytest.raises(FileFormatError, match="two for event 7"):
        read_numbered_scores(path, np.array([8]))
