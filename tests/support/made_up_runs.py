"""Many runs that are quick to calibrate: small files, and recipes that make their constants up."""

import os
import time
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from kzcal.campaign.pool import Settled
from kzcal.campaign.recipe import Calibrated
from kzcal.conditions.quantities import DIAGNOSTICS, RESPONSE
from kzcal.errors import CalibrationError
from kzcal.geometry import load_detector
from kzcal.io.events import EventFile, write_events
from kzcal.testing import synthetic_run
from kzcal.testing.payloads import example_calibration, example_diagnostics


def write_runs(directory: Path, runs) -> list[Path]:
    """A small file for each run number."""
    directory.mkdir(exist_ok=True)
    drawn = synthetic_run(n_events=40)
    files = []
    for run in runs:
        files.append(directory / f"run-{run:05d}.h5")
        write_events(files[-1], replace(drawn.header, run=run), [drawn.events], drawn.muons)
    return files


@dataclass(frozen=True, slots=True)
class MadeUpRecipe:
    """Constants that are made up; what goes wrong does so for the runs that are named.

    Args:
        mistaken: runs that a user can mend.
        broken: runs that end with an error of the code.
        deadly: runs that kill their worker.
        seconds: that each run takes.
        notes: directory that gets a file for each run that is begun.
    """

    mistaken: frozenset[int] = frozenset()
    broken: frozenset[int] = frozenset()
    deadly: frozenset[int] = frozenset()
    seconds: float = 0.0
    notes: Path | None = None
    kinds: tuple[str, ...] = field(default=(RESPONSE, DIAGNOSTICS))

    def calibrate(self, path: Path) -> Calibrated:
        """Make constants up."""
        detector = load_detector()
        with EventFile(path, detector) as source:
            run = source.header.run
        if self.notes is not None:
            (self.notes / f"{run}-{os.getpid()}").touch()
        time.sleep(self.seconds)
        if run in self.deadly:
            os._exit(9)
        if run in self.mistaken:
            message = f"a run needs light, got none in run {run}"
            raise CalibrationError(message)
        if run in self.broken:
            raise ZeroDivisionError
        payloads = (
            example_calibration(detector, seed=run, run=run),
            example_diagnostics(detector, run=run),
        )
        return Calibrated(run, payloads, (("events", 40, "events"),))

    def page(self, response, diagnostics, previous, tag) -> str:
        """A page that says what it compares."""
        earlier = None if previous is None else previous.lineage.configuration["run"]
        return f"{tag}: {response.lineage.configuration['run']} after {earlier}"


class InlinePool:
    """Does tasks in this process, the one that was submitted last first."""

    def __init__(self, places: int = 3) -> None:
        self.places = places
        self.most_busy = 0
        self._tasks = deque()

    @property
    def busy(self) -> int:
        return len(self._tasks)

    def submit(self, key, task, *words) -> None:
        self._tasks.append((key, task, words))
        self.most_busy = max(self.most_busy, self.busy)

    def wait(self):
        key, task, words = self._tasks.pop()
        try:
            return key, Settled(task(*words), None)
        except (CalibrationError, ArithmeticError) as error:
            return key, Settled(None, error)
