"""Many runs: one transaction each, whatever order they come in and whatever goes wrong."""

import dataclasses
from pathlib import Path

import pytest
from made_up_runs import InlinePool, MadeUpRecipe, write_runs

from kzcal.campaign.campaign import Campaign, Shelf, reason_of
from kzcal.campaign.plan import is_calibrated, plan
from kzcal.conditions.database import Database
from kzcal.conditions.quantities import RESPONSE
from kzcal.errors import ConfigurationError, DatabaseError
from kzcal.geometry import load_detector
from kzcal.io.source import BUILT_IN

DETECTOR = load_detector()
KINDS = MadeUpRecipe().kinds


@pytest.fixture
def db(tmp_path):
    with Database.init(tmp_path / "kz.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of runs 1 to 4."""
    return write_runs(tmp_path_factory.mktemp("runs"), range(1, 5))


def planned(files, db, **options):
    return plan(files, db, "t", KINDS, DETECTOR, BUILT_IN, **options)


def campaign(files, db, recipe=None, out=None, pool=None, advance=lambda _runs: None, **options):
    shelf = Shelf(db, "t", options.get("on_overlap", "refuse"), "", out)
    chosen = recipe or MadeUpRecipe()
    todo = planned(files, db, **options)
    return Campaign(todo, chosen, pool or InlinePool(), shelf, advance).run()


def statuses(outcomes):
    return {outcome.run: outcome.status for outcome in outcomes}


def test_every_run_is_stored_in_a_transaction_of_its_own(files, db):
    done, pool = [], InlinePool(places=3)
    outcomes = campaign(files, db, advance=done.append, pool=pool)
    assert [o.run for o in outcomes] == [1, 2, 3, 4]
    assert {o.status for o in outcomes} == {"stored"}
    assert sorted(o.revision for o in outcomes) == [2, 3, 4, 5]
    assert done == [1.0] * 4
    assert pool.most_busy == 3
    assert {o.good for o in outcomes} == {1874}
    stores = [r for r in db.log("t") if r.change.added]
    assert all(sorted(iov.kind for iov in r.change.added) == sorted(KINDS) for r in stores)
    for run in range(1, 5):
        assert db.lookup("t", RESPONSE, run).lineage.configuration["run"] == run
    assert db.check().ok


def test_one_runs_failure_stops_no_other(files, db, tmp_path):
    garbage = tmp_path / "garbage.h5"
    garbage.write_text("no events")
    recipe = MadeUpRecipe(mistaken=frozenset({2}), broken=frozenset({4}))
    outcomes = campaign([garbage, *files], db, recipe, out=tmp_path / "out")
    assert statuses(outcomes) == {
        None: "failed",
        1: "stored",
        2: "failed",
        3: "stored",
        4: "failed",
    }
    reasons = {o.run: o.reason for o in outcomes}
    assert "must be of a known format" in reasons[None]
    assert reasons[2] == "a run needs light, got none in run 2"
    assert reasons[4].startswith("ZeroDivisionError")
    assert reasons[1] == ""
    assert sorted(iov.runs.first for iov in db.iovs("t", RESPONSE)) == [1, 3]


def test_a_report_compares_with_the_run_before_whatever_was_done_first(files, db, tmp_path):
    out = tmp_path / "out"
    recipe = MadeUpRecipe(mistaken=frozenset({2}))
    outcomes = campaign(files, db, recipe, out=out)
    pages = {o.run: o.report for o in outcomes if o.status == "stored"}
    assert pages == {run: out / str(run) / "index.html" for run in (1, 3, 4)}
    texts = [pages[run].read_text() for run in sorted(pages)]
    assert texts == ["t: 1 after None", "t: 3 after 1", "t: 4 after 3"]


def test_a_campaign_that_was_interrupted_goes_on(files, db, tmp_path):
    class Interrupted(InlinePool):
        def wait(self):
            if self.stopped == 2:
                raise KeyboardInterrupt
            self.stopped += 1
            return super().wait()

    pool = Interrupted(places=1)
    pool.stopped = 0
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        campaign(files, db, out=out, pool=pool)
    assert [iov.runs.first for iov in db.iovs("t", RESPONSE)] == [1, 2]
    assert db.check().ok
    with pytest.raises(DatabaseError, match="got run 1 over"):
        campaign(files, db, out=out)
    outcomes = campaign(files, db, out=out, skip_existing=True)
    assert statuses(outcomes) == {1: "present", 2: "present", 3: "stored", 4: "stored"}
    assert all(o.report.exists() for o in outcomes)
    again = campaign(files, db, out=out, skip_existing=True, pool=None)
    assert {o.status for o in again} == {"present"}
    assert all(o.report is not None and o.revision is None for o in again)


def test_a_missing_report_of_a_run_that_is_there_is_drawn(files, db, tmp_path):
    campaign(files[:2], db)
    outcomes = campaign(files[:2], db, out=tmp_path / "out", skip_existing=True)
    assert [o.report.read_text() for o in outcomes] == ["t: 1 after None", "t: 2 after 1"]


def test_a_page_that_cannot_be_written_spoils_no_constants(files, db, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "2").write_text("in the way")
    outcomes = campaign(files[:3], db, out=out)
    assert {o.status for o in outcomes} == {"stored"}
    assert [bool(o.reason) for o in outcomes] == [False, True, False]
    assert "the report could not be written" in outcomes[1].reason
    assert outcomes[1].report is None


def test_a_run_that_somebody_else_stored_meanwhile_is_a_failure(files, db):
    class Meddled(InlinePool):
        def wait(self):
            key, settled = super().wait()
            if key.file.run == 1:
                db.store("t", 1, 1, settled.result.payloads, "first", description="theirs")
            return key, settled

    outcomes = campaign(files[:2], db, pool=Meddled())
    assert statuses(outcomes) == {1: "failed", 2: "stored"}
    assert "got run 1 over" in outcomes[0].reason


def test_a_file_that_is_another_run_by_now_is_a_failure(tmp_path, db):
    (file,) = write_runs(tmp_path / "runs", [7])
    todo = planned([file], db)
    write_runs(tmp_path / "other", [8])[0].replace(file)
    (outcome,) = Campaign(todo, MadeUpRecipe(), InlinePool(), Shelf(db, "t")).run()
    assert outcome.status == "failed"
    assert "got run 8 after 7" in outcome.reason


def test_a_run_in_two_files_is_refused(files, db, tmp_path):
    other = write_runs(tmp_path / "copies", [3])
    with pytest.raises(ConfigurationError, match="a run comes in one file, got run 3 in"):
        planned([*files, *other], db)


def test_the_constants_of_another_run_are_not_those_of_this_one(files, db):
    response = db.lookup("baseline", RESPONSE, 1)
    db.store("t", 0, None, [response], "imported", description="all runs")
    assert not is_calibrated(db, "t", 1, KINDS)
    with pytest.raises(DatabaseError, match="got run 1 over"):
        planned(files, db, skip_existing=True)
    outcomes = campaign(files[:2], db, on_overlap="split", skip_existing=True)
    assert {o.status for o in outcomes} == {"stored"}
    assert is_calibrated(db, "t", 1, KINDS)
    assert not is_calibrated(db, "t", 1, (*KINDS, "global-fit"))
    assert not is_calibrated(db, "t", 3, KINDS)
    assert planned(files, db, on_overlap="split", skip_existing=True).present == {1, 2}


def test_no_files_are_no_work(db):
    assert campaign([], db) == ()


def test_outcomes_are_plain(files, db):
    (outcome,) = campaign(files[:1], db)
    assert dataclasses.asdict(outcome)["numbers"] == {"events": 40}
    assert isinstance(outcome.file, Path)


def test_why_a_task_failed_is_said_in_words():
    KilledWorker = type("KilledWorker", (Exception,), {})
    assert reason_of(KilledWorker("task-1")).startswith("the workers that tried it died")
    assert reason_of(ValueError("x")) == "ValueError: x"
