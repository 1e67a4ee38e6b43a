"""``kzcal events display`` draws the event that was asked for."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.event_picture import SPEED, picture_of
from kzcal.cli.main import main
from kzcal.geometry import load_detector
from kzcal.hits import Events, Hits
from kzcal.io.events import write_events
from kzcal.testing import synthetic_run

PNG = b"\x89PNG"


def display(file: Path, *words: object) -> Result:
    return CliRunner().invoke(main, ["events", "display", str(file), *map(str, words)])


def flash(vertex: tuple[float, float, float], t0: float) -> Events:
    """One event whose hits all come straight from a vertex at once."""
    detector = load_detector()
    pmt = np.arange(0, detector.n_pmt, 7, dtype=np.uint16)
    distance = np.linalg.norm(detector.positions[pmt] - np.array(vertex), axis=1)
    time = (t0 + distance / SPEED).astype(np.float32)
    order = np.argsort(time)
    one = np.ones(len(pmt), np.float32)
    return Events(
        event=np.array([17]),
        timestamp=np.zeros(1, np.int64),
        trigger=np.zeros(1, np.uint8),
        vertex=np.array([vertex], np.float32),
        energy=np.ones(1, np.float32),
        t0=np.array([t0], np.float32),
        hits=Hits.from_counts(np.array([len(pmt)]), pmt[order], time[order], one),
        truth={"x": np.ones(1), "y": np.zeros(1), "z": np.zeros(1), "rms": np.array([0.2])},
    )


def test_times_are_those_after_emission_and_flight():
    picture = picture_of(flash((1.0, -0.5, 2.0), 6.5), 3, load_detector())
    assert np.allclose(picture.time, 0, atol=1e-4)
    assert picture.title == "run 3, event 17: physics trigger, 1.00 MeV, 269 hits, 269 p.e."


def test_events_with_and_without_a_vertex_are_drawn(run_15001: Path, tmp_path: Path):
    events = synthetic_run().events
    for name, chosen in (("physics", events.physics), ("forced", events.forced)):
        number, out = events.event[chosen][0], tmp_path / f"{name}.png"
        result = display(run_15001, "--event", number, "--out", out, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["event"] == number
        assert out.read_bytes().startswith(PNG)


def test_truth_is_drawn_where_the_file_has_it(tmp_path: Path):
    run = synthetic_run()
    event = flash((1.0, 0.0, 0.0), 0.0)
    for name, truth in (("with", event.truth), ("without", {})):
        write_events(
            tmp_path / f"{name}.h5",
            run.header,
            [Events(*(getattr(event, f) for f in Events.__slots__[:-1]), truth=truth)],
        )
        out = tmp_path / f"{name}.svg"
        assert display(tmp_path / f"{name}.h5", "--event", 17, "--out", out).exit_code == 0
    drawn = {name: (tmp_path / f"{name}.svg").read_text() for name in ("with", "without")}
    assert "#d1701c" in drawn["with"]
    assert "#d1701c" not in drawn["without"]


def test_an_event_without_hits_is_drawn(tmp_path: Path):
    run = synthetic_run()
    dark = run.events.take(run.events.forced)[:1]
    empty = dark.hits.where(np.zeros(len(dark.hits.pmt), bool))
    event = Events(*(getattr(dark, f) for f in Events.__slots__[:6]), hits=empty)
    write_events(tmp_path / "e.h5", run.header, [event])
    out = tmp_path / "e.png"
    result = display(tmp_path / "e.h5", "--event", event.event[0], "--out", out)
    assert result.exit_code == 0, result.output
    assert out.is_file()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--event", 10**6), "has events 0 to"),
        (("--event", 0, "--out", "a.txt"), "a picture ends in .*png.* got a.txt"),
        (("--event", 0, "--out", "none/a.png"), "needs a file that can be written"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(words, reason, run_15001: Path):
    result = display(run_15001, *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert re.search(reason, result.stderr), result.stderr
