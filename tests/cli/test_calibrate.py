"""``kzcal calibrate``: what it stores and says, and one sentence for whatever it refuses."""

import json
import logging
from pathlib import Path

import h5py
import pytest
import torch
from click.testing import CliRunner

from kzcal.calibrate import run as calibrate_run_module
from kzcal.cli.main import main
from kzcal.conditions.database import Database
from kzcal.errors import ConfigurationError
from kzcal.io.events import write_events
from kzcal.testing import synthetic_run

KINDS = ["calibration-diagnostics", "pmt-response"]


def stored(db: Path, tag: str = "t") -> list[tuple[str, str, int]]:
    """Kind, runs and revision of each IOV."""
    with Database.open(db) as opened:
        return [(iov.kind, str(iov.runs), iov.revision) for iov in opened.iovs(tag)]


def state(db: Path) -> list[tuple[str, str, int]]:
    """Name, state and revision of each tag of a sound database."""
    with Database.open(db) as opened:
        assert opened.check().problems == ()
        return [(tag.name, tag.state, tag.revision) for tag in opened.tags()]


def test_a_run_is_stored_under_its_number_in_a_new_tag(quick, call, place):
    result = call()
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "run 15001" in lines[0]
    assert "3 hits dropped" in lines[0]
    assert "1879 PMTs, 5 not good: 2 dead, 1874 good, 1 hot, 2 swapped" in lines
    assert "dead: PMT 17, 400" in lines
    assert "swapped: PMT 1200 (with 1411), 1411 (with 1200)" in lines
    assert "tag t was not there and has been made; it is open" in lines
    assert f"stored for run 15001 as revision 2 of tag t in {place.db}" in lines
    assert lines[-1] == f"wrote {place.out / 'index.html'}"
    assert stored(place.db) == [(kind, "run 15001", 2) for kind in KINDS]
    page = (place.out / "index.html").read_text()
    assert "Calibration of run 15001" in page
    assert "no calibration before this one" in page
    assert [path.name for path in place.out.iterdir()] == ["index.html"]


def test_json_names_every_bad_channel(quick, call, place):
    result = call("--json", "--message", "first try", "--onwards")
    found = json.loads(result.stdout)
    assert (found["run"], found["runs"]) == (15001, {"first": 15001, "last": None})
    assert (found["tag"], found["tag_is_new"], found["revision"]) == ("t", True, 2)
    assert found["numbers"]["hits dropped"] == 3
    assert found["report"] == str(place.out / "index.html")
    assert found["compared_with"] is None
    statuses = {channel["pmt"]: channel["status"] for channel in found["bad"]}
    assert statuses == {17: "dead", 400: "dead", 731: "hot", 1200: "swapped", 1411: "swapped"}
    assert [c["partner"] for c in found["bad"]] == [None, None, None, 1411, 1200]
    medians = {q["name"]: q["median"] for q in found["response"]["quantities"]}
    assert medians["qe"] == pytest.approx(1, abs=0.02)
    with Database.open(place.db) as db:
        assert [r.message for r in db.log("t")] == ["made by kzcal calibrate", "first try"]
        assert db.check().ok


def test_the_runs_are_those_that_are_named(quick, call, place):
    assert call("--last-run", 15010, report=False).exit_code == 0
    assert stored(place.db) == [(kind, "runs 15001 to 15010", 2) for kind in KINDS]


def test_a_split_lets_the_new_constants_take_over(quick, call, place):
    assert call("--last-run", 15010, report=False).exit_code == 0
    assert call("--on-overlap", "split", report=False).exit_code == 0
    both = [("run 15001", 3), ("runs 15002 to 15010", 3)]
    assert stored(place.db) == [(kind, *rest) for kind in KINDS for rest in both]


def test_a_report_compares_with_the_run_before(quick, call, place, tmp_path):
    earlier = tmp_path / "earlier.h5"
    drawn = synthetic_run()
    write_events(earlier, drawn.header, [drawn.events], drawn.muons)
    assert call(file=earlier, report=False).exit_code == 0
    result = call("--json")
    assert json.loads(result.stdout)["compared_with"] == {"first": 1, "last": 1}
    assert json.loads(result.stdout)["tag_is_new"] is False
    assert "Compared with run 1" in (place.out / "index.html").read_text()


def test_without_a_report_only_the_database_changes(quick, run_15001, place):
    words = ["calibrate", str(run_15001), "--tag", "t", "--no-report"]
    environment = {"KZCAL_DB": str(place.db), "OMP_NUM_THREADS": "1"}
    result = CliRunner().invoke(main, words, env=environment)
    assert result.exit_code == 0, result.output
    assert "wrote" not in result.stdout
    assert len(stored(place.db)) == 2
    assert not place.out.exists()


@pytest.mark.parametrize(
    "words",
    [("--last-run", "15002", "--onwards"), ("--no-report",), ("--device", "tpu"), ("--run", "3")],
    ids=" ".join,
)
def test_a_wrong_usage_exits_with_two(unmeasured, call, place, words):
    before = state(place.db)
    result = call(*words)
    assert result.exit_code == 2
    assert state(place.db) == before


def refused(result, db: Path, before, out: Path) -> str:
    """One sentence, exit code 1, and nothing has changed."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert state(db) == before
    assert not out.exists()
    return result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--tag", "baseline"), "a frozen tag never changes"),
        (("--tag", "no such name"), "the name of a tag"),
        (("--tag", "full"), "--on-overlap split, or take it back with `kzcal db rollback`"),
        (("--tag", "locked", "--on-overlap", "split"), "a locked tag keeps its IOVs"),
        (("--tag", "locked"), "IOVs of one kind must not overlap, got run 15001 over"),
        (("--last-run", "15000"), "got 15001 to 15000"),
        (("--detector", "borexino"), "got 'borexino'"),
        (("--config", "absent.toml"), "absent.toml: a configuration must be readable"),
        (("--config", "{}/wrong.toml"), "unknown key 'ligth_speed': choose from"),
        (("--db", "{}/absent.db"), "run `kzcal db init"),
        (("--out", "{}/kz.db/report"), "--out must be a directory"),
        (("--out", "{}/kz.db"), "--out must be a directory"),
        (("--device", "cuda"), "needs a GPU and a PyTorch built for it"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_what_must_fail_fails_before_the_run_is_measured(
    unmeasured, call, place, tmp_path, monkeypatch, words, sentence
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "wrong.toml").write_text("ligth_speed = 0.2\n")
    with Database.open(place.db) as db:
        baseline = db.lookup("baseline", "pmt-response", 1)
        for tag in ("full", "locked"):
            db.store(tag, 15001, None, [baseline], "imported", description="")
        db.lock("locked")
    before = state(place.db)
    result = call(*(word.format(tmp_path) for word in words))
    assert sentence in refused(result, place.db, before, place.out)


def damaged(run: Path, path: Path, how: str) -> Path:
    """A file with something wrong, or none."""
    content = run.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("run 15001\n")
        case "unknown PMT":
            path.write_bytes(content)
            with h5py.File(path, "r+") as file:
                file["hits/pmt"][-5] = 1879
        case "few events":
            drawn = synthetic_run(n_events=40)
            write_events(path, drawn.header, [drawn.events], drawn.muons)
    return path


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("absent", "must be readable"),
        ("truncated", "truncated"),
        ("empty", "cannot be empty"),
        ("text", "must be of a known format"),
        ("unknown PMT", "must be a PMT of the detector (0 to 1878), got 1879"),
        ("few events", "a calibration needs 200 physics triggers"),
    ],
)
def test_a_wrong_file_is_one_sentence(call, place, run_15001, tmp_path, how, sentence):
    before = state(place.db)
    result = call(file=damaged(run_15001, tmp_path / "damaged.h5", how))
    assert sentence in refused(result, place.db, before, place.out)


def test_an_interrupt_leaves_nothing(call, place, monkeypatch):
    def interrupted(*_words: object, **_options: object) -> None:
        raise KeyboardInterrupt

    before = state(place.db)
    monkeypatch.setattr(calibrate_run_module, "measure", interrupted)
    result = call()
    assert result.exit_code == 1
    assert "Aborted!" in result.stderr
    assert state(place.db) == before
    assert not place.out.exists()


def test_a_report_that_fails_says_that_the_constants_are_stored(quick, call, place, monkeypatch):
    def full(*_words: object, **_options: object) -> None:
        message = "the output must be written, got no space"
        raise ConfigurationError(message)

    monkeypatch.setattr(calibrate_run_module, "write_report", full)
    result = call()
    assert result.exit_code == 1
    assert "stored as revision 2 of tag 't'" in result.stderr
    assert "`kzcal report 15001 --tag t --out ...`" in result.stderr
    assert len(stored(place.db)) == 2


def test_another_detector_than_the_files_is_a_warning(quick, call, caplog):
    with caplog.at_level(logging.WARNING, "kzcal"):
        assert call("--detector", "kamland-zen-800", report=False).exit_code == 0
        assert caplog.text == ""
        words = ("--detector", "kamland2-zen", "--tag", "u")
        assert call(*words, report=False).exit_code == 0
    assert (
        "was taken with KamLAND-Zen 800, and is calibrated as one of KamLAND2-Zen" in caplog.text
    )
