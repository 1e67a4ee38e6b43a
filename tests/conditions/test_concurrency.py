"""Eight writers at once lose nothing and agree on who came first."""

import pytest

from kzcal.conditions.database import Database

WRITERS = 8


@pytest.mark.slow
def test_eight_writers_lose_nothing(db, location, forge, tmp_path):
    """Eight processes store six runs each into one tag."""
    reports = [tmp_path / f"report{i}" for i in range(WRITERS)]
    pids = [
        forge.spawn(name="store", location=location, report=str(r), first=100 * i, count=6)
        for i, r in enumerate(reports)
    ]
    assert [forge.wait(pid) for pid in pids] == [0] * WRITERS
    lines = [line.split() for report in reports for line in report.read_text().splitlines()]
    told = [(int(line[0]), int(line[1])) for line in lines if line[0].isdigit()]
    assert sorted(revision for _, revision in told) == list(range(2, 2 + 6 * WRITERS))
    stored = {(iov.runs.first, iov.revision) for iov in db.iovs("work", kind="left")}
    assert stored == set(told)
    assert db.check().problems == ()


def test_of_eight_writers_of_one_run_one_wins(db, location, forge, tmp_path):
    """The others are refused, none of them half-way."""
    jobs = [
        {"name": "store", "location": location, "report": str(tmp_path / f"r{i}"), "first": 7}
        for i in range(WRITERS)
    ]
    codes = [forge.wait(pid) for pid in [forge.spawn(**job, count=1) for job in jobs]]
    assert sorted(codes) == [0] + [3] * (WRITERS - 1)
    assert [iov.runs.first for iov in db.iovs("work")] == [7, 7]
    assert db.check().problems == ()


def test_of_four_inits_one_wins(location, forge):
    """The others are told that there is a database."""
    pids = [forge.spawn(name="init", location=location) for _ in range(4)]
    assert sorted(forge.wait(pid) for pid in pids) == [0, 3, 3, 3]
    with Database.open(location) as made:
        assert made.check().problems == ()
