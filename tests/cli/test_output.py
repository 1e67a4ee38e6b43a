"""What commands print."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kzcal.cli.output import emit, plain, progress, table


@dataclass(frozen=True)
class Rate:
    pmt: int
    rate: float


def test_emit_prints_text_or_json(capsys: pytest.CaptureFixture[str]):
    emit({"n": 1}, False, "one")
    emit({"n": 1}, True, "one")
    text, _, rest = capsys.readouterr().out.partition("\n")
    assert text == "one"
    assert json.loads(rest) == {"n": 1}


def test_plain_turns_the_types_of_results_into_those_of_json():
    value = {
        1: np.arange(3),
        "rate": np.float32(0.5),
        "path": Path("a") / "b",
        "pmt": Rate(3, float("nan")),
        "kind": b"po210",
        "flags": (True, None),
    }
    assert plain(value) == {
        "1": [0, 1, 2],
        "rate": 0.5,
        "path": "a/b",
        "pmt": {"pmt": 3, "rate": None},
        "kind": "po210",
        "flags": [True, None],
    }


def test_plain_refuses_what_json_cannot_say():
    with pytest.raises(TypeError, match="got object"):
        plain({"x": object()})


def test_table_aligns_columns():
    assert table(["pmt", "qe"], [[7, 1.0], [1200, 0.98]]) == "pmt   qe\n7     1.0\n1200  0.98"


def test_progress_is_silent_where_nobody_looks(capfd: pytest.CaptureFixture[str]):
    with progress("reading", 10.0) as advance:
        advance(4.0)
        advance(6.0)
    assert capfd.readouterr() == ("", "")


def test_progress_shows_a_bar_on_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with progress("reading", 10.0) as advance:
        advance(10.0)
    out, err = capfd.readouterr()
    assert out == ""
    assert "reading" in err
    with progress("reading", 10.0, quiet=True) as advance:
        advance(10.0)
    assert capfd.readouterr() == ("", "")
