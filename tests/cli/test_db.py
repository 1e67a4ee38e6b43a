"""``kzcal db``: the commands that scripts call."""

import json

import pytest
from click.testing import CliRunner

from kzcal.cli.db import db
from kzcal.errors import ConfigurationError, DatabaseError

HEADER = (
    "pmt,status,qe,qe_err,gain,gain_err,spe_width,spe_width_err,time_offset,time_offset_err,"
    "tts,tts_err,dark_rate,dark_rate_err"
)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command on the database that $KZCAL_DB names; errors come out as they are."""
    monkeypatch.setenv("KZCAL_DB", str(tmp_path / "kz.db"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(db, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def made(call):
    """The same with a database that holds the baseline and the open tag "t"."""
    call("init")
    call("tag", "create", "t", "--description", "first try")
    return call


@pytest.mark.parametrize("command", ["show", "log", "check"])
def test_without_a_database_the_remedy_is_named(call, command, monkeypatch):
    with pytest.raises(DatabaseError, match=r"run `kzcal db init --db .*kz.db`"):
        call(command)
    monkeypatch.delenv("KZCAL_DB")
    with pytest.raises(ConfigurationError, match=r"--db or by \$KZCAL_DB"):
        call(command)


@pytest.mark.parametrize(
    "command",
    [
        ["tag", "create", "t"],
        ["tag", "lock", "t"],
        ["rollback", "--tag", "t", "--revision", "1"],
        ["export", "--tag", "t", "--run", "1", "--out", "t.csv"],
    ],
)
def test_changing_an_absent_database_names_the_remedy(call, command):
    with pytest.raises(DatabaseError, match="run `kzcal db init"):
        call(*command)


def test_export_and_import_keep_every_byte(made, tmp_path):
    made("export", "--tag", "baseline", "--run", "15001", "--out", "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == HEADER
    made("import", "a.csv", "--tag", "t", "--run", "15001")
    made("export", "--tag", "t", "--run", "15001", "--out", "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with pytest.raises(DatabaseError, match="run 15001 below and none above"):
        made("export", "--tag", "t", "--run", "15002", "--out", "c.csv")
    assert not (tmp_path / "c.csv").exists()


def test_import_covers_the_runs_that_are_named(made):
    made("export", "--tag", "baseline", "--run", "1", "--out", "a.csv")
    made("import", "a.csv", "--tag", "t", "--run", "5", "--last-run", "9")
    made("import", "a.csv", "--tag", "t", "--run", "15", "--onwards", "-m", "from now on")
    made("import", "a.csv", "--tag", "t", "--run", "7", "--on-overlap", "split")
    shown = json.loads(made("show", "--tag", "t", "--json"))
    runs = [(iov["runs"]["first"], iov["runs"]["last"]) for iov in shown["iovs"]]
    assert runs == [(5, 6), (7, 7), (8, 9), (15, None)]
    with pytest.raises(DatabaseError, match="must not overlap"):
        made("import", "a.csv", "--tag", "t", "--run", "9")
    made("import", "a.csv", "--tag", "t", "--run", "1", "--last-run", "2", "--onwards", code=2)


def test_show_summarises_tags_iovs_and_runs(made):
    assert "baseline  frozen" in made("show")
    assert "runs 0 onwards" in made("show", "--tag", "baseline")
    text = made("show", "--tag", "baseline", "--run", "7")
    assert "1879 PMTs, 0 not good" in text
    data = json.loads(made("show", "--tag", "baseline", "--run", "7", "--json"))
    numbers = {q["name"]: q for q in data["response"]["quantities"]}
    assert numbers["tts"]["median"] == 1.3
    assert numbers["tts"]["spread"] == pytest.approx(0.6)
    assert numbers["gain"]["error"] == 0.05
    made("show", "--run", "7", code=2)
    with pytest.raises(DatabaseError, match="an IOV must cover the run"):
        made("show", "--tag", "t", "--run", "7")


def test_log_tells_what_was_done_and_why(made):
    made("export", "--tag", "baseline", "--run", "1", "--out", "a.csv")
    made("import", "a.csv", "--tag", "t", "--run", "5")
    made("rollback", "--tag", "t", "--revision", "1", "-m", "wrong table")
    made("tag", "lock", "t", "-m", "reviewed")
    made("tag", "freeze", "t")
    text = made("log", "--tag", "t")
    for word in (
        "imported a.csv",
        "+ pmt-response: run 5",
        "- pmt-response: run 5",
        "wrong table",
    ):
        assert word in text
    revisions = json.loads(made("log", "--tag", "t", "--json"))["revisions"]
    assert [(r["action"], r["state"]) for r in revisions] == [
        ("create", "open"),
        ("store", "open"),
        ("rollback", "open"),
        ("lock", "locked"),
        ("freeze", "frozen"),
    ]
    assert {r["tag"] for r in json.loads(made("log", "--json"))["revisions"]} == {"baseline", "t"}
    with pytest.raises(DatabaseError, match="a frozen tag never changes"):
        made("import", "a.csv", "--tag", "t", "--run", "5")


def test_diff_names_the_largest_change_of_each_constant(made, tmp_path):
    made("export", "--tag", "baseline", "--run", "1", "--out", "a.csv")
    table = (tmp_path / "a.csv").read_text().replace("\n4,good,1.0,", "\n4,dead,1.2,")
    (tmp_path / "a.csv").write_text(table)
    made("import", "a.csv", "--tag", "t", "--run", "5")
    text = made("diff", "baseline:5", "t")
    assert "good         dead" in text
    found = json.loads(made("diff", "baseline:5", "t", "--json"))
    assert [(q["quantity"], q["index"]) for q in found["quantities"]] == [("qe", 4)]
    assert found["quantities"][0]["significance"] == pytest.approx(0.2 / (0.1 * 2**0.5))
    assert "say the same" in made("diff", "t", "t")
    assert made("diff", "t@1", "t").count("pmt-response") == 1
    with pytest.raises(ConfigurationError, match=r"TAG\[@REVISION\]\[:RUN\], got 't@x'"):
        made("diff", "t@x", "t")


def test_check_says_which_state_it_is_in_and_exits_with_one_on_damage(made, tmp_path):
    text = made("check")
    assert "tag baseline is frozen at revision 3" in text
    assert "the database is sound" in text
    payload = next((tmp_path / "kz.db.payloads").rglob("*.h5"))
    payload.chmod(0o644)
    payload.write_bytes(payload.read_bytes()[:-1] + b"\1")
    assert "problem: payload" in made("check", code=1)
    assert json.loads(made("check", "--json", code=1))["ok"] is False


def test_init_leaves_a_database_alone(made):
    with pytest.raises(DatabaseError, match="which is one already"):
        made("init")
    assert json.loads(made("show", "--json"))["tags"][1]["name"] == "t"


COMMANDS = ["init", "show", "log", "diff", "check", "rollback", "import", "export"]


@pytest.mark.parametrize("command", [[], *([c] for c in COMMANDS), ["tag"], ["tag", "lock"]])
def test_help_says_it_all(call, command):
    text = call(*command, "--help")
    assert text.startswith("Usage:")
    if command and command != ["tag"]:
        assert "$KZCAL_DB" in text
        assert "--json" in text
