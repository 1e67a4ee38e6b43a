"""Where a database is looked for, and what stands there instead of one."""

import sqlite3
from contextlib import closing

import pytest

from kzcal.conditions.database import Database
from kzcal.conditions.engine import locate, resolve
from kzcal.errors import ConfigurationError, DatabaseError


def test_the_option_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("KZCAL_DB", "environment.db")
    assert resolve("option.db") == "option.db"
    assert resolve(None) == "environment.db"
    monkeypatch.delenv("KZCAL_DB")
    with pytest.raises(ConfigurationError, match=r"--db or by \$KZCAL_DB"):
        resolve(None)


def test_a_url_keeps_its_password_to_itself():
    location = locate("postgresql://me:secret@host:5432/kz")
    assert location.url.drivername == "postgresql+psycopg"
    assert location.url.password == "secret"
    assert "secret" not in location.name


@pytest.mark.parametrize("url", ["mysql://host/kz", "sqlite:///kz.db", "postgresql://host:x/kz"])
def test_other_servers_are_refused(url):
    with pytest.raises(ConfigurationError, match="postgresql://"):
        locate(url)


def test_an_absent_database_is_not_made_by_opening_it(tmp_path):
    with pytest.raises(DatabaseError, match="run `kzcal db init --db"):
        Database.open(tmp_path / "kz.db")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DatabaseError, match="lies in a directory that exists"):
        Database.init(tmp_path / "absent" / "kz.db")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "kz.db"
    path.write_bytes(b"no database at all" * 100)
    for attempt in (Database.open, Database.init):
        with pytest.raises(DatabaseError, match="file is not a database"):
            attempt(path)
    path.unlink()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
    with pytest.raises(DatabaseError, match=r"made by `kzcal db init`, got .* no catalogue"):
        Database.open(path)


def test_another_version_is_refused(sqlite_db):
    with closing(sqlite3.connect(sqlite_db.name)) as connection, connection:
        connection.execute("UPDATE catalogue SET value = '2' WHERE key = 'version'")
    with pytest.raises(DatabaseError, match="version 1, got kzcal-conditions version 2"):
        Database.open(sqlite_db.name)


def test_odd_characters_in_a_path_are_just_characters(tmp_path):
    path = tmp_path / "a b?mode=ro#%41ü.db"
    Database.init(path).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, f"{path.name}.payloads"]
    with Database.open(path) as db:
        assert db.check().ok


def test_a_server_that_does_not_answer_is_a_sentence():
    with pytest.raises(DatabaseError, match="refuses: connection failed"):
        Database.open("postgresql://me:secret@127.0.0.1:1/kz")
