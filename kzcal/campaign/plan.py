"""Which files are to be calibrated, and what can be refused before anything is calculated."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kzcal.conditions.database import Database
from kzcal.conditions.iov import RunRange
from kzcal.conditions.writing import OnOverlap
from kzcal.errors import ConfigurationError, DatabaseError, KzcalError
from kzcal.geometry import Detector
from kzcal.io.source import EventReader, open_events

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunFile:
    """The file of a run."""

    path: Path
    run: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Args:
        runs: files by run number.
        present: runs among them that the tag has already and that shall stay as they are.
        unreadable: what is wrong with files whose run cannot be read.
    """

    runs: tuple[RunFile, ...]
    present: frozenset[int]
    unreadable: Mapping[Path, str]


def plan(
    files: Iterable[Path],
    db: Database,
    tag: str,
    kinds: Sequence[str],
    detector: Detector,
    formats: Mapping[str, EventReader],
    *,
    on_overlap: OnOverlap = "refuse",
    skip_existing: bool = False,
) -> Plan:
    """Read the run number of every file, and refuse what the tag would refuse in the end.

    Args:
        files: events of one run each.
        db: where the calibrations shall go.
        tag: where in it.
        kinds: of the payloads of each run.
        detector: whose PMTs the hits belong to.
        formats: readers by name.
        on_overlap: what to do with older IOVs that share runs: "refuse" or "split".
        skip_existing: leave runs whose calibration the tag has already.

    Raises:
        ConfigurationError: a run comes in two files.
        DatabaseError: the tag would refuse a run.
    """
    found: list[RunFile] = []
    unreadable: dict[Path, str] = {}
    for path in files:
        try:
            found.append(RunFile(path, _run_of(path, detector, formats)))
        except KzcalError as error:
            unreadable[path] = str(error)
    runs = tuple(sorted(found, key=lambda file: (file.run, file.path)))
    _check_once(runs)
    present = {
        file.run for file in runs if skip_existing and is_calibrated(db, tag, file.run, kinds)
    }
    for file in runs:
        if file.run not in present:
            db.plan(tag, RunRange(file.run, file.run), kinds, on_overlap, absent=True)
    return Plan(runs, frozenset(present), unreadable)


def _run_of(path: Path, detector: Detector, formats: Mapping[str, EventReader]) -> int:
    """The run number of a file, whose header must make sense."""
    with open_events(path, detector, formats) as source:
        if source.header.detector != detector.name:
            names = source.header.detector, detector.name
            log.warning("%s was taken with %s, and is calibrated as one of %s", path.name, *names)
        return source.header.run


def _check_once(runs: Sequence[RunFile]) -> None:
    """No run may come in two files.

    Raises:
        ConfigurationError: one does.
    """
    first: dict[int, Path] = {}
    for file in runs:
        if first.setdefault(file.run, file.path) != file.path:
            message = (
                f"a run comes in one file, got run {file.run} in {first[file.run]} and in "
                f"{file.path}: leave one of them out"
            )
            raise ConfigurationError(message)


def is_calibrated(db: Database, tag: str, run: int, kinds: Sequence[str]) -> bool:
    """Whether all that a tag has for a run was found in this very run."""
    for kind in kinds:
        try:
            iov = db.find(tag, kind, run)
        except DatabaseError:
            return False
        if db.payload(iov.payload).lineage.configuration.get("run") != run:
            return False
    return True
