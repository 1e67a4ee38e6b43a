"""What a database promises, on SQLite and on PostgreSQL alike."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kzcal.conditions.database import Database
from kzcal.conditions.diff import Side
from kzcal.conditions.iov import RunRange, at
from kzcal.conditions.payload import Payload
from kzcal.conditions.writing import Placement
from kzcal.errors import ConfigurationError, DatabaseError

HORIZON = 24


def number(payload: Payload) -> float:
    """What a note holds."""
    return float(payload.columns["number"].values[0])


def test_the_baseline_covers_every_pmt_of_every_run(db):
    payload = db.lookup("baseline", "pmt-response", 15001)
    assert payload.columns["qe"].values.shape == (1879,)
    assert payload.columns["tts"].values[[0, 1324, 1325, 1878]].tolist() == [1.3, 1.3, 2.5, 2.5]
    assert db.find("baseline", "pmt-response", 0).runs == RunRange(0, None)
    assert db.tag("baseline").state == "frozen"


def test_a_database_is_made_once(db, location):
    with pytest.raises(DatabaseError, match="which is one already"):
        Database.init(location)
    assert [tag.name for tag in db.tags()] == ["baseline", "work"]


def test_it_is_all_there_after_reopening(db, location, note):
    db.store("work", 5, None, [note(1), note(2, "other")], "both")
    db.close()
    with Database.open(location) as again:
        assert number(again.lookup("work", "note", 7)) == 1
        assert number(again.lookup("work", "other", 7)) == 2
        assert [r.action for r in again.log("work")] == ["create", "store"]
        assert again.check().problems == ()


def test_one_bad_payload_stores_none(db, note):
    bad = Payload("pmt-response", {}, None, note(1).lineage)
    with pytest.raises(DatabaseError, match="pmt-response has the columns"):
        db.store("work", 5, 5, [note(1), bad], "half")
    assert (db.iovs("work"), db.tag("work").revision) == ((), 1)


def test_two_payloads_of_one_kind_for_one_run_are_refused(db, note):
    with pytest.raises(DatabaseError, match="stored together must not overlap"):
        db.store("work", 5, 5, [note(1), note(2)], "twice")
    with pytest.raises(DatabaseError, match="one payload at least"):
        db.store("work", 5, 5, [], "nothing")
    assert db.tag("work").revision == 1


def test_an_overlap_is_refused_by_name(db, note):
    db.store("work", 10, 20, [note(1)], "first")
    with pytest.raises(DatabaseError, match="got runs 15 onwards over runs 10 to 20 of note"):
        db.store("work", 15, None, [note(2)], "second")
    with pytest.raises(ConfigurationError, match="refuse or split, got 'merge'"):
        db.store("work", 15, None, [note(2)], "second", on_overlap="merge")
    assert db.tag("work").revision == 2


def test_a_store_can_make_its_tag(db, note):
    db.store("fresh", 5, 5, [note(1)], "first", description="as calibrated")
    assert [(r.action, r.message) for r in db.log("fresh")] == [
        ("create", "as calibrated"),
        ("store", "first"),
    ]
    db.store("fresh", 6, 6, [note(2)], "second", description="another")
    assert (db.tag("fresh").description, db.tag("fresh").revision) == ("as calibrated", 3)
    with pytest.raises(DatabaseError, match="a tag must exist, got 'absent'"):
        db.store("absent", 5, 5, [note(1)], "first")
    with pytest.raises(DatabaseError, match="the name of a tag"):
        db.store("a b", 5, 5, [note(1)], "first", description="")
    assert [tag.name for tag in db.tags()] == ["baseline", "fresh", "work"]


def test_a_plan_tells_what_a_store_would_do_and_does_nothing(db, note):
    db.store("work", 10, 20, [note(1)], "first")
    runs = RunRange(15, 15)
    with pytest.raises(DatabaseError, match="--on-overlap split, or take it back with `kzcal db"):
        db.plan("work", runs, ["other", "note"])
    change = db.plan("work", runs, ["note"], "split")
    assert [str(iov.runs) for iov in change.added] == ["runs 10 to 14", "run 15", "runs 16 to 20"]
    with pytest.raises(DatabaseError, match="a tag must exist, got 'absent'"):
        db.plan("absent", runs, ["note"])
    assert len(db.plan("absent", runs, ["note"], absent=True).added) == 1
    with pytest.raises(DatabaseError, match="the name of a tag"):
        db.plan("a b", runs, ["note"], absent=True)
    with pytest.raises(DatabaseError, match="a frozen tag never changes"):
        db.plan("baseline", runs, ["note"], "split", absent=True)
    assert (db.tag("work").revision, len(db.tags())) == (2, 2)


def test_before_is_the_iov_that_begins_last_before_a_run(db, note):
    db.store("work", 10, 12, [note(1)], "first")
    db.store("work", 15, None, [note(2)], "second")
    found = {run: db.before("work", "note", run) for run in (0, 10, 11, 15, 16)}
    starts = {run: iov and iov.runs.first for run, iov in found.items()}
    assert starts == {0: None, 10: None, 11: 10, 15: 10, 16: 15}
    assert db.before("work", "note", 16, revision=2).runs == RunRange(10, 12)


def test_a_split_keeps_the_older_payload_on_both_sides(db, note):
    db.store("work", 10, 20, [note(1)], "first")
    db.store("work", 13, 15, [note(2)], "second", on_overlap="split")
    found = [(str(iov.runs), iov.revision) for iov in db.iovs("work")]
    assert found == [("runs 10 to 12", 3), ("runs 13 to 15", 3), ("runs 16 to 20", 3)]
    assert [number(db.lookup("work", "note", run)) for run in (12, 13, 16)] == [1, 2, 1]
    change = db.log("work")[-1].change
    assert [str(iov.runs) for iov in change.removed] == ["runs 10 to 20"]


def test_many_placements_are_one_revision(db, note):
    shared = note(1)
    placements = [Placement(RunRange(run, run), shared) for run in range(50)]
    assert db.store_all("work", placements, "bulk") == 2
    assert len(db.iovs("work")) == 50
    assert len({iov.payload for iov in db.iovs("work")}) == 1


def test_a_lookup_that_finds_nothing_says_where_it_looked(db, note):
    db.store("work", 10, 20, [note(1)], "low")
    db.store("work", 30, 40, [note(2)], "high")
    with pytest.raises(DatabaseError) as missed:
        db.lookup("work", "note", 25)
    text = str(missed.value)
    assert "'note' for run 25 in tag 'work' at revision 3" in text
    assert "runs 10 to 20 below and runs 30 to 40 above" in text
    assert "baseline (frozen), work (open)" in text
    with pytest.raises(DatabaseError, match="none below and runs 10 to 20 above"):
        db.lookup("work", "note", 1)
    with pytest.raises(DatabaseError, match="runs 30 to 40 below and none above"):
        db.lookup("work", "note", 41)
    with pytest.raises(DatabaseError, match="the tag holds note"):
        db.lookup("work", "pmt-response", 15)
    with pytest.raises(DatabaseError, match=r"got 'wrok' in .*: the tags are baseline"):
        db.lookup("wrok", "note", 15)
    with pytest.raises(DatabaseError, match="revisions 1 to 3, got revision 9"):
        db.lookup("work", "note", 15, revision=9)


def test_a_run_number_may_come_from_an_array(db, note):
    db.store("work", np.int64(5), np.uint16(9), [note(1)], "x")
    assert number(db.lookup("work", "note", np.int32(7))) == 1
    with pytest.raises(DatabaseError, match="a run is a whole number"):
        db.lookup("work", "note", -1)


def test_gaps_are_named(db, note):
    for first, last in ((10, 12), (13, 14), (20, 20), (30, None)):
        db.store("work", first, last, [note(first)], "x")
    gaps = db.check().gaps
    assert [(gap.tag, gap.kind, str(gap.runs)) for gap in gaps] == [
        ("work", "note", "runs 15 to 19"),
        ("work", "note", "runs 21 to 29"),
    ]


def test_a_locked_tag_only_takes_runs_that_it_does_not_cover(db, note):
    db.store("work", 10, 12, [note(1)], "x")
    db.store("work", 20, 22, [note(2)], "x")
    assert db.lock("work") == 4
    db.store("work", 15, 16, [note(3)], "into a gap")
    db.store("work", 30, None, [note(4)], "after the last")
    with pytest.raises(DatabaseError, match="must not overlap"):
        db.store("work", 12, 13, [note(5)], "x")
    with pytest.raises(DatabaseError, match="a locked tag keeps its IOVs"):
        db.store("work", 12, 13, [note(5)], "x", on_overlap="split")
    with pytest.raises(DatabaseError, match="needs an open tag"):
        db.rollback("work", 2, "x")
    with pytest.raises(DatabaseError, match="never back"):
        db.lock("work")
    assert db.tag("work").revision == 6


def test_a_frozen_tag_refuses_everything(db, note):
    db.store("work", 10, 12, [note(1)], "x")
    db.freeze("work")
    before = db.tag("work"), db.iovs("work"), db.log("work")
    attempts = [
        lambda: db.store("work", 50, 50, [note(2)], "x"),
        lambda: db.store("work", 10, 10, [note(2)], "x", on_overlap="split"),
        lambda: db.rollback("work", 1, "x"),
        lambda: db.lock("work"),
        lambda: db.freeze("work"),
        lambda: db.create_tag("work", "again"),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError):
            attempt()
    assert (db.tag("work"), db.iovs("work"), db.log("work")) == before
    assert number(db.lookup("work", "note", 11)) == 1


def test_a_rollback_is_a_new_revision(db, note):
    db.store("work", 10, 20, [note(1)], "good")
    db.store("work", 15, None, [note(2)], "bad", on_overlap="split")
    assert db.rollback("work", 2, "the second was wrong") == 4
    assert [number(db.lookup("work", "note", run)) for run in (10, 20)] == [1, 1]
    assert number(db.lookup("work", "note", 20, revision=3)) == 2
    assert [r.action for r in db.log("work")] == ["create", "store", "store", "rollback"]
    with pytest.raises(DatabaseError, match="an earlier revision, got 4"):
        db.rollback("work", 4, "x")
    assert db.rollback("work", 3, "it was right") == 5
    assert number(db.lookup("work", "note", 20)) == 2
    assert db.check().problems == ()


@pytest.mark.parametrize("name", ["", "a b", "a@1", "a:1", "x" * 129])
def test_a_tag_has_a_name_that_commands_can_carry(db, name):
    with pytest.raises(DatabaseError, match="the name of a tag"):
        db.create_tag(name, "x")


def test_what_was_looked_up_cannot_be_changed(db, note):
    db.store("work", 1, 1, [note(1)], "x")
    with pytest.raises(ValueError, match="read-only"):
        db.lookup("work", "note", 1).columns["number"].values[0] = 2.0


def test_the_same_payload_is_kept_once(db, note):
    before = db.check().payloads
    for run in range(4):
        db.store("work", run, run, [note(1)], "x")
    assert db.check().payloads == before + 1


def test_diff_of_tags_revisions_and_runs(db, note):
    db.store("work", 10, 19, [note(1)], "x")
    db.store("work", 15, 29, [note(2)], "y", on_overlap="split")
    since = db.diff(Side("work", 2), Side("work"))
    assert [str(found.runs) for found in since.iovs] == ["runs 15 to 19", "runs 20 to 29"]
    assert since.iovs[1].left is None
    runs = db.diff(Side("work", run=10), Side("work", run=20))
    assert [(found.kind, str(found.runs)) for found in runs.iovs] == [("note", "run 10")]
    assert db.diff(Side("work", run=10), Side("work", run=11)).iovs == ()


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("store"),
            st.integers(0, HORIZON - 1),
            st.integers(0, 6) | st.none(),
            st.sampled_from(["refuse", "split"]),
        ),
        st.tuples(st.just("rollback"), st.integers(1, 8)),
    ),
    min_size=1,
    max_size=8,
)


def _model(seen: list[float | None], first: int, last: int | None, value: float) -> list:
    end = HORIZON if last is None else last
    return [value if first <= run <= end else old for run, old in enumerate(seen)]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations=OPERATIONS)
def test_lookup_is_brute_force_after_any_history(db, note, operations):
    """Every revision that ever was stays readable as it was."""
    name = f"t{len(db.tags())}"
    db.create_tag(name, "x")
    past: list[list[float | None]] = [[None] * HORIZON]
    for value, operation in enumerate(operations):
        if operation[0] == "rollback":
            if operation[1] < len(past):
                db.rollback(name, operation[1], "x")
                past.append(past[operation[1] - 1])
            continue
        _, first, length, on_overlap = operation
        last = None if length is None else first + length
        after = _model(past[-1], first, last, value)
        free = all(new == old or old is None for new, old in zip(after, past[-1], strict=True))
        open_end = last is None or last >= HORIZON
        beyond = open_end and any(iov.runs.end >= HORIZON for iov in db.iovs(name))
        if on_overlap == "refuse" and (not free or beyond):
            with pytest.raises(DatabaseError, match="must not overlap"):
                db.store(name, first, last, [note(value)], "x", on_overlap)
            continue
        db.store(name, first, last, [note(value)], "x", on_overlap)
        past.append(after)
    for revision, seen in enumerate(past, start=1):
        iovs = db.iovs(name, revision=revision)
        held = [at(iovs, run) for run in range(HORIZON)]
        assert [None if i is None else number(db.payload(i.payload)) for i in held] == seen
    for run in range(0, HORIZON, 5):
        if past[-1][run] is None:
            with pytest.raises(DatabaseError, match="an IOV must cover the run"):
                db.lookup(name, "note", run)
        else:
            assert number(db.lookup(name, "note", run)) == past[-1][run]
    assert db.check().problems == ()


def test_two_runs_differ_most_where_a_constant_moved_most(db):
    before = db.lookup("baseline", "pmt-response", 1)
    gain = before.columns["gain"]
    values = gain.values.copy()
    values[[3, 77]] += [0.05, -0.2]
    status = before.columns["status"].values.astype("U8")
    status[5] = "dead"
    columns = dict(before.columns)
    columns["gain"] = type(gain)(values, gain.unit, gain.doc, gain.errors)
    columns["status"] = type(gain)(status, "", "x")
    db.store("work", 1, 1, [Payload("pmt-response", columns, None, before.lineage)], "x")
    found = db.diff(Side("baseline", run=1), Side("work"))
    assert [(change.quantity, change.index, change.changed) for change in found.quantities] == [
        ("gain", 77, 2)
    ]
    assert found.quantities[0].significance == pytest.approx(-0.2 / (0.05 * np.sqrt(2)))
    assert [(s.pmt, s.left, s.right) for s in found.statuses] == [(5, "good", "dead")]
