"""Periods made by a detector Monte Carlo that shares no code with kzcal, scored by its own script.

The targets are those that a calibration of such a period has to meet. No constant of kzcal was
tuned to the truth of period A, the one period whose truth is known.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from kzcal.conditions.database import Database
from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.events import EventSource, open_events, write_events

SHARED = Path(__file__).parents[3] / "shared" / "challenge"
CHALLENGE = Path(os.environ.get("KZCAL_CHALLENGE", SHARED))
pytestmark = [
    pytest.mark.challenge,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHALLENGE / "score.py").is_file(),
        reason=f"no challenge data in {CHALLENGE}: name their directory in $KZCAL_CHALLENGE",
    ),
]
RATIO = {
    "qe": 1.10,
    "time_offset": 1.15,
    "tts": 1.20,
    "gain": 1.20,
    "spe_width": 1.20,
    "dark_rate": 1.08,
}
"""Largest error of each constant over its Cramer-Rao bound."""
BIAS = {"time_offset": 0.1, "tts": 0.03 * 1.3, "gain": 0.01, "spe_width": 0.03 * 0.4}
"""Largest bias: 0.1 ns, and 3 %, 1 % and 3 % of what tubes of the smaller type have."""
PULLS = (0.9, 1.1)
"""Narrowest and widest pulls of each constant."""
MEMORY_MIB = 2048
TYPICAL = {
    "qe": (0.9, 1.1),
    "gain": (0.85, 1.15),
    "spe_width": (0.3, 0.7),
    "time_offset": (-1.0, 1.0),
    "tts": (0.8, 3.0),
    "dark_rate": (5e3, 6e4),
}
"""Where the median of each constant of such a detector lies, in its unit."""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database for all periods."""
    path = tmp_path_factory.mktemp("challenge") / "kz.db"
    Database.init(path).close()
    return path


def kzcal(*words: object) -> str:
    """What a command prints, run in a process of its own."""
    code = "from kzcal.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def calibrated(db: Path) -> Callable[..., dict]:
    """Calibrates a file; what the command says as JSON."""

    def run(file: Path, tag: str, *words: object) -> dict:
        return json.loads(kzcal("calibrate", file, "--db", db, "--tag", tag, "--json", *words))

    return run


@pytest.fixture(scope="module")
def scored(db: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict]:
    """Exports the table of run 15001 and scores it against the truth of period A."""

    def run(file: Path, tag: str) -> dict:
        table = tmp_path_factory.mktemp("table") / "table.csv"
        kzcal("db", "export", "--db", db, "--tag", tag, "--run", 15001, "--out", table)
        truth = CHALLENGE / "period_A_truth.h5"
        command = [sys.executable, CHALLENGE / "score.py", table, file, truth]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    return run


def thinned(source: EventSource) -> Iterator[Events]:
    """Every tenth physics trigger and every tenth forced one."""
    seen = np.zeros(2, np.int64)
    for chunk in source.chunks():
        number = np.empty(len(chunk), np.int64)
        for trigger in (0, 1):
            rows = np.flatnonzero(chunk.trigger == trigger)
            number[rows] = seen[trigger] + np.arange(len(rows))
            seen[trigger] += len(rows)
        yield chunk.take(number % 10 == 0)


def dishonest(score: dict) -> dict[str, float]:
    """Widths of pulls that are too far from one."""
    pulls = {name: score[name]["pull_mad"] for name in RATIO}
    return {name: pull for name, pull in pulls.items() if not PULLS[0] <= pull <= PULLS[1]}


def misjudged(score: dict) -> list[str]:
    """Statuses that miss their target: all bad found, at most 0.5 % of the good lost."""
    share = {name: tuple(map(int, score[name].split("/"))) for name in ("bad_found", "good_lost")}
    share["swapped_found"] = tuple(map(int, score["swapped_found"].split("/")))
    found = [name for name in ("bad_found", "swapped_found") if share[name][0] < share[name][1]]
    lost, good = share["good_lost"]
    return found + (["good_lost"] if lost > 0.005 * good else [])


def test_period_a_meets_every_target(calibrated, scored, tmp_path):
    file = CHALLENGE / "period_A.h5"
    said = calibrated(file, "whole", "--out", tmp_path / "report")
    score = scored(file, "whole")
    assert misjudged(score) == []
    ratios = {name: score[name]["ratio"] for name in RATIO}
    assert {name: ratio for name, ratio in ratios.items() if ratio > RATIO[name]} == {}
    biases = {name: score[name]["bias"] for name in BIAS}
    assert {name: bias for name, bias in biases.items() if abs(bias) > BIAS[name]} == {}
    assert dishonest(score) == {}
    pairs = {frozenset((c["pmt"], c["partner"])) for c in said["bad"] if c["status"] == "swapped"}
    assert len(pairs) == int(score["swapped_found"].split("/")[0]) / 2
    assert said["numbers"]["peak memory"] < MEMORY_MIB
    assert (tmp_path / "report" / "index.html").stat().st_size > 100_000


def test_a_tenth_of_the_events_has_honest_errors(calibrated, scored, tmp_path):
    """Also when some hits cannot be used, which are counted and dropped."""
    file, spoilt = tmp_path / "tenth.h5", []
    with open_events(CHALLENGE / "period_A.h5", load_detector()) as source:

        def chunks() -> Iterator[Events]:
            for chunk in thinned(source):
                chunk.hits.charge[:3] = np.nan
                spoilt.append(min(3, len(chunk.hits.charge)))
                yield chunk

        write_events(file, source.header, chunks(), source.muons)
    said = calibrated(file, "tenth", "--no-report")
    assert said["numbers"]["hits dropped"] == sum(spoilt) > 0
    score = scored(file, "tenth")
    assert misjudged(score) == []
    assert dishonest(score) == {}


def test_a_tenth_of_period_b_is_calibrated_end_to_end(calibrated, db, tmp_path):
    """Without a truth, what is asked is what few events can say as well."""
    file = tmp_path / "tenth.h5"
    with open_events(CHALLENGE / "period_B.h5", load_detector()) as source:
        write_events(file, source.header, thinned(source), source.muons)
    said = calibrated(file, "tenth", "--out", tmp_path / "report")
    assert (said["run"], said["numbers"]["hits dropped"]) == (15002, 0)
    medians = {row["name"]: row["median"] for row in said["response"]["quantities"]}
    odd = {n: m for n, m in medians.items() if not TYPICAL[n][0] < m < TYPICAL[n][1]}
    assert odd == {}
    counts = said["response"]["statuses"]
    assert counts["good"] > 0.85 * said["response"]["n_pmt"]
    assert set(counts) <= {"good", "dead", "hot", "low", "swapped", "misplaced"}
    for channel in said["bad"]:
        assert channel["reason"]
        assert (channel["partner"] is not None) == (channel["status"] == "swapped")
    assert "Calibration of run 15002" in (tmp_path / "report" / "index.html").read_text()
    with Database.open(db) as opened:
        assert opened.check().problems == ()
