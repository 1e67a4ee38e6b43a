"""Replicas in a database: one tag each, the same set again or none."""

import pytest

from kzcal.conditions.database import Database
from kzcal.conditions.iov import RunRange
from kzcal.conditions.payload import Payload
from kzcal.conditions.quantities import GLOBAL_FIT, RESPONSE
from kzcal.conditions.throwing import calibrated, opened, throw
from kzcal.errors import DatabaseError
from kzcal.geometry import load_detector
from kzcal.testing.payloads import example_calibration, example_globals, example_lineage

SEVEN = RunRange(7, 7)


@pytest.fixture(scope="module")
def payloads() -> list[Payload]:
    fit = Payload(GLOBAL_FIT, {}, example_globals(), example_lineage())
    return [example_calibration(load_detector()), fit]


@pytest.fixture
def replicas_db(tmp_path):
    with opened(str(tmp_path / "replicas.db")) as db:
        yield db


def test_every_replica_is_a_tag_of_its_own(replicas_db, payloads):
    thrown = throw(payloads, replicas_db, "sys", SEVEN, 3, seed=2)
    assert thrown.tags == ("sys-000", "sys-001", "sys-002")
    assert thrown.stored == 3
    gains = [replicas_db.lookup(tag, RESPONSE, 7).columns["gain"].values[3] for tag in thrown.tags]
    assert len({*gains, payloads[0].columns["gain"].values[3]}) == 4
    for tag in thrown.tags:
        assert {iov.kind for iov in replicas_db.iovs(tag)} == {RESPONSE, GLOBAL_FIT}
    assert replicas_db.check().problems == ()


def test_more_replicas_leave_the_first_ones_alone(replicas_db, payloads):
    first = throw(payloads[:1], replicas_db, "sys", SEVEN, 2, seed=2)
    before = [replicas_db.find(tag, RESPONSE, 7) for tag in first.tags]
    again = throw(payloads[:1], replicas_db, "sys", SEVEN, 3, seed=2)
    assert again.stored == 1
    assert [replicas_db.find(tag, RESPONSE, 7) for tag in first.tags] == before


def test_another_set_under_the_same_tags_is_refused(replicas_db, payloads):
    throw(payloads[:1], replicas_db, "sys", SEVEN, 1, seed=2)
    for runs, seed in ((SEVEN, 3), (RunRange(8, 8), 2), (RunRange(7, None), 2)):
        with pytest.raises(DatabaseError, match="sys-000"):
            throw(payloads[:1], replicas_db, "sys", runs, 1, seed=seed)


def test_the_global_fit_of_the_run_is_found_where_there_is_one(sqlite_db, payloads):
    sqlite_db.store("work", 5, None, payloads[:1], "constants")
    sqlite_db.store("work", 7, 9, payloads[1:], "fit")
    found = {run: calibrated(sqlite_db, "work", run) for run in (5, 7)}
    assert [p.kind for p in found[5][0]] == [RESPONSE]
    assert [p.kind for p in found[7][0]] == [RESPONSE, GLOBAL_FIT]
    assert (found[5][1], found[7][1]) == (RunRange(5, None), RunRange(7, 9))
    with pytest.raises(DatabaseError, match="work"):
        calibrated(sqlite_db, "work", 4)


def test_a_database_that_is_there_is_opened(tmp_path):
    path = str(tmp_path / "kz.db")
    with opened(path) as made:
        made.create_tag("mine", "")
    with opened(path) as db:
        assert isinstance(db, Database)
        assert "mine" in {tag.name for tag in db.tags()}
