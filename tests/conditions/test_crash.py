"""Killed at any point, a database holds the old state or the new one, and says which."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from patience import wait_until

from kzcal.conditions import engine as engines
from kzcal.conditions import ledger
from kzcal.conditions.database import Database
from kzcal.errors import DatabaseError


def _told(report: Path) -> dict[int, int]:
    """Revision by run, as far as the writer got to say it."""
    lines = report.read_text().splitlines(keepends=True)
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {int(line[0]): int(line[1]) for line in whole if line[0].isdigit()}


def _wait_for_line(report: Path, count: int) -> None:
    """Until the writers have written "open" so many times."""
    wait_until(
        lambda: report.exists() and report.read_text().count("open") >= count,
        "the writer never opened its database",
        every=0.001,
    )


def _settle(db: Database) -> None:
    """Wait until a server has noticed the end of a writer that was killed."""
    with engines.writing(db._engine, db.name) as connection:
        ledger.head(connection, "work", db.name, lock=True)


def _verify(location: str, told: dict[int, int]) -> int:
    """The database is sound, every store is whole, and none that was reported is lost.

    Returns:
        The newest revision.
    """
    with Database.open(location) as db:
        _settle(db)
        assert db.check().problems == ()
        log = db.log("work")
        stored = {r.number: r.change for r in log if r.action == "store"}
        by_run = {}
        for number, change in stored.items():
            assert [iov.kind for iov in change.added] == ["left", "right"]
            assert change.added[0].runs == change.added[1].runs
            by_run[change.added[0].runs.first] = number
        assert told.items() <= by_run.items()
        for run in by_run:
            values = [
                db.lookup("work", kind, run).columns["number"].values for kind in ("left", "right")
            ]
            assert (values[0] == run).all()
            assert (values[1] == run).all()
        return log[-1].number


@pytest.mark.slow
def test_random_kills_leave_the_old_state_or_the_new(db, location, forge, tmp_path):
    """Twenty-five writers killed within the time of their first three stores."""
    report, clock = tmp_path / "report", random.Random(20260)
    job = {"name": "store", "location": location, "report": str(report)}
    pid = forge.spawn(**job, first=0, count=3)
    _wait_for_line(report, 1)
    began = time.monotonic()
    assert forge.wait(pid) == 0
    three_stores = time.monotonic() - began
    revision = start = db.tag("work").revision
    for kill in range(25):
        pid = forge.spawn(**job, first=1000 + revision, count=1000)
        _wait_for_line(report, kill + 2)
        time.sleep(three_stores * clock.random())
        os.kill(pid, signal.SIGKILL)
        assert forge.wait(pid) == -signal.SIGKILL
        told = _told(report)
        newest = _verify(location, told)
        acknowledged = max(told.values())
        assert acknowledged <= newest <= max(acknowledged, revision) + 1
        revision = newest
    assert start < revision


@pytest.mark.slow
def test_killed_at_any_line_of_a_store(db, location, forge, tmp_path):
    """One store, killed at two dozen lines spread over all that it runs."""
    report = tmp_path / "report"
    job = {"name": "store", "location": location, "report": str(report), "count": 1}
    assert forge.wait(forge.spawn(**job, first=0, lines=None)) == 0
    lines = int(report.read_text().split("lines ")[1])
    states = set()
    for step in range(24):
        before = db.tag("work").revision
        at = 1 + (lines - 2) * step // 23
        assert forge.wait(forge.spawn(**job, first=step + 1, lines=at)) == -signal.SIGKILL
        after = _verify(location, {})
        assert after - before in (0, 1)
        states.add((at < lines / 2, after - before))
    assert {(True, 0), (False, 1)} <= states


def test_a_kill_between_payload_and_commit_leaves_only_notes(sqlite_db, forge, tmp_path):
    """Files that no row speaks of are named, and the store succeeds when it is tried again."""
    location, report = sqlite_db.name, tmp_path / "report"
    job = {"name": "store", "location": location, "report": str(report), "count": 1}
    assert forge.wait(forge.spawn(**job, first=0, lines=None)) == 0
    lines = int(report.read_text().split("lines ")[1])
    notes = set()
    for step in range(12):
        at = lines // 3 + (lines // 2) * step // 12
        forge.wait(forge.spawn(**job, first=100 + step, lines=at))
        notes |= {note.split(" is ")[1].split(":")[0] for note in sqlite_db.check().notes}
    assert "unfinished" in notes
    assert f"not in {location}" in notes
    stored = {iov.runs.first for iov in sqlite_db.iovs("work")}
    for step in set(range(12)) - {run - 100 for run in stored}:
        assert forge.wait(forge.spawn(**job, first=100 + step)) == 0
    assert {100 + step for step in range(12)} <= {i.runs.first for i in sqlite_db.iovs("work")}
    assert sqlite_db.check().ok


@pytest.mark.slow
def test_a_killed_init_leaves_nothing_or_a_whole_database(location, forge, tmp_path):
    """Either there is no database and init succeeds later, or there is a sound one."""
    report = tmp_path / "report"
    outcomes = set()
    for lines in (*range(1, 6000, 200), 100_000):
        job = {"name": "init", "location": location, "report": str(report), "lines": lines}
        code = forge.wait(forge.spawn(**job))
        outcomes.add(_outcome_of_init(location))
        if code == 0:
            break
    assert code == 0
    assert outcomes == {"nothing", "a sound database"}


def _outcome_of_init(location: str) -> str:
    try:
        db = Database.open(location)
    except DatabaseError as error:
        return "nothing" if "kzcal db init" in str(error) else str(error)
    with db:
        whole = db.check().ok and [tag.state for tag in db.tags()] == ["frozen"]
        return "a sound database" if whole else "a part of one"
