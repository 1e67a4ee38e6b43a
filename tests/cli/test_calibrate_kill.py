"""Killed at any moment, ``kzcal calibrate`` leaves the old state or the new one."""

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_S, wait_until

from kzcal.conditions.database import Database

KILLABLE = Path(__file__).with_name("killable.py")
KILLS = 10
MOST_KILLS = 5 * KILLS


class Commands:
    """A process that has imported kzcal and forks a command at every request."""

    def __init__(self, began: Path) -> None:
        self.began = began
        paths = [str(KILLABLE.parents[1] / "support"), *sys.path]
        self._process = subprocess.Popen(
            [sys.executable, str(KILLABLE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "KZCAL_TEST_SIGNAL": str(began),
                "OMP_NUM_THREADS": "1",
            },
        )

    def spawn(self, *words: object) -> int:
        """Start a command and wait until its run is measured; its process number."""
        self.began.unlink(missing_ok=True)
        pid = self._ask(shlex.join(str(word) for word in words))
        wait_until(self.began.exists, "the command never measured its run", every=0.001)
        return pid

    def wait(self, pid: int) -> int:
        """The exit code of a command, or minus the signal that ended it."""
        return self._ask(str(pid))

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_S)
        self._process.stdout.close()

    def _ask(self, line: str) -> int:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Where commands are forked."""
    started = Commands(tmp_path / "measured")
    yield started
    started.close()


def verified(db: Path, page: Path) -> int:
    """The newest revision of a sound database, whose calibrations are whole, as is the page."""
    with Database.open(db) as opened:
        assert opened.check().problems == ()
        if "t" not in {tag.name for tag in opened.tags()}:
            return 0
        for revision in opened.log("t"):
            kinds = [iov.kind for iov in revision.change.added]
            assert kinds in ([], ["calibration-diagnostics", "pmt-response"])
        opened.lookup("t", "pmt-response", 15001)
        opened.lookup("t", "calibration-diagnostics", 15001)
        newest = opened.tag("t").revision
    if page.exists():
        assert page.read_text().rstrip().endswith("</html>")
    return newest


@pytest.mark.slow
def test_random_kills_leave_the_old_state_or_the_new(commands, run_15001, place, tmp_path):
    """Killed at any time from the measurement to the end, both before and after storing."""
    clock, page = random.Random(15001), place.out / "index.html"
    words = ["calibrate", run_15001, "--db", place.db, "--out", place.out]
    pid = commands.spawn(*words, "--tag", "timed")
    began = time.monotonic()
    assert commands.wait(pid) == 0
    duration = time.monotonic() - began
    page.unlink()
    outcomes, revision, kill = set(), 0, 0
    while kill < KILLS or (outcomes != {False, True} and kill < MOST_KILLS):
        pid = commands.spawn(*words, "--tag", "t", "--on-overlap", "split")
        share = 0.1 if kill % 2 else max(1.0, kill / KILLS)
        time.sleep(clock.random() * share * duration if kill else 0)
        os.kill(pid, signal.SIGKILL)
        assert commands.wait(pid) in (0, -signal.SIGKILL)
        newest = verified(place.db, page)
        assert newest - revision in ((0, 1) if revision else (0, 2))
        outcomes.add(newest > revision)
        revision, kill = newest, kill + 1
    assert outcomes == {False, True}
    pid = commands.spawn(*words, "--tag", "t", "--on-overlap", "split")
    assert commands.wait(pid) == 0
    assert verified(place.db, page) > revision
