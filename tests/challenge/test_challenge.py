"""Periods made by a detector Monte Carlo that shares no code with kzcal, scored by its own script.

The targets are those that a calibration of such a period has to meet; nothing in kzcal was tuned
to the truth of the one period whose truth is known.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.events import EventSource, open_events, write_events

CHALLENGE = Path(
    os.environ.get("KZCAL_CHALLENGE", Path(__file__).parents[3] / "shared" / "challenge")
)
pytestmark = [
    pytest.mark.challenge,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHALLENGE / "score.py").is_file(),
        reason=f"no challenge data in {CHALLENGE} ($KZCAL_CHALLENGE)",
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
"""Largest bias: in ns, or 3 %, 1 % and 3 % of what a PMT of the smaller type has."""
PULLS = (0.9, 1.1)
SECONDS, MEMORY_MIB = 60.0, 2048.0
SPOILT = 7
"""Hits of the thinned period whose time or charge is made unusable."""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database for all periods."""
    path = tmp_path_factory.mktemp("challenge") / "kz.db"
    Database.init(path).close()
    return path


@pytest.fixture(scope="module")
def calibrated(db: Path) -> Callable[..., dict]:
    """Calibrates a file with the command line; what it printed as JSON."""

    def run(file: Path, tag: str, *words: str) -> dict:
        given = ["calibrate", str(file), "--db", str(db), "--tag", tag, "--json", *words]
        return json.loads(succeeded(CliRunner().invoke(main, given)).stdout)

    return run


@pytest.fixture(scope="module")
def scored(db: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict]:
    """Exports the table of a run and scores it against the truth of period A."""

    def run(file: Path, tag: str) -> dict:
        table = tmp_path_factory.mktemp("table") / "table.csv"
        words = ["db", "export", "--db", str(db), "--tag", tag, "--run", "15001"]
        succeeded(CliRunner().invoke(main, [*words, "--out", str(table)]))
        truth = CHALLENGE / "period_A_truth.h5"
        command = [sys.executable, CHALLENGE / "score.py", table, file, truth]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def tenth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Period A with every tenth physics and forced trigger and some unusable hits."""
    path = tmp_path_factory.mktemp("tenth") / "tenth.h5"
    with open_events(CHALLENGE / "period_A.h5", load_detector()) as source:
        write_events(path, source.header, thinned(source), source.muons)
    return path


def thinned(source: EventSource) -> Iterator[Events]:
    """Every tenth event of either trigger."""
    seen = np.zeros(2, np.int64)
    for chunk in source.chunks():
        number = np.empty(len(chunk), np.int64)
        for trigger in (0, 1):
            rows = np.flatnonzero(chunk.trigger == trigger)
            number[rows] = seen[trigger] + np.arange(len(rows))
            seen[trigger] += len(rows)
        yield chunk.take(number % 10 == 0)


def succeeded(result: Result) -> Result:
    """The result of a command that did its work."""
    assert result.exit_code == 0, result.output
    return result


def missed(score: dict, ratios: dict[str, float]) -> dict[str, dict]:
    """The constants that miss a target, with what they reach."""
    wrong = {}
    for name, largest in ratios.items():
        found = score[name]
        unbiased = abs(found["bias"]) <= BIAS.get(name, np.inf)
        honest = PULLS[0] <= found["pull_mad"] <= PULLS[1]
        if not (found["ratio"] <= largest and unbiased and honest):
            wrong[name] = found
    return wrong
