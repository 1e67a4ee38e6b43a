"""A check finds every altered byte of a payload and every altered row of the catalogue."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from kzcal.conditions import schema
from kzcal.conditions.database import Database
from kzcal.errors import DatabaseError


@pytest.fixture
def filled(sqlite_db, note):
    """A database in which every table has rows."""
    sqlite_db.store("work", 10, 20, [note(1), note(2, "other")], "first")
    sqlite_db.store("work", 15, None, [note(3)], "second", on_overlap="split")
    sqlite_db.lock("work")
    assert sqlite_db.check().ok
    return sqlite_db


def _files(db: Database) -> list[Path]:
    return sorted(Path(f"{db.name}.payloads").rglob("*.h5"))


def _content(db: Database) -> tuple:
    return db.tags(), [(db.log(tag.name), db.iovs(tag.name)) for tag in db.tags()]


def test_every_altered_byte_of_a_payload_is_found(filled, note):
    path, chance = _files(filled)[0], random.Random(7)
    content = path.read_bytes()
    path.chmod(0o644)
    for place in [0, len(content) - 1, *chance.sample(range(len(content)), 40)]:
        altered = bytearray(content)
        altered[place] ^= 1 << chance.randrange(8)
        path.write_bytes(altered)
        problems = filled.check().problems
        assert len(problems) == 1
        assert f"payload {path.stem} is damaged" in problems[0]
    path.write_bytes(content)
    assert filled.check().ok


@pytest.mark.parametrize("damage", ["shortened", "lengthened", "missing"])
def test_a_damaged_payload_is_found_and_never_returned(filled, damage):
    digest = filled.find("work", "note", 12).payload
    path = next(path for path in _files(filled) if path.stem == digest)
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(content[:-1] if damage == "shortened" else content + b"\0")
    assert not filled.check().ok
    with Database.open(filled.name) as fresh, pytest.raises(DatabaseError, match=digest[:12]):
        fresh.lookup("work", "note", 12)


def test_storing_a_damaged_payload_again_mends_it(filled, note):
    path = next(p for p in _files(filled) if p.stem == filled.find("work", "note", 12).payload)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    filled.create_tag("mend", "x")
    filled.store("mend", 1, 1, [note(1)], "the same content")
    assert filled.check().ok


CELLS = [
    (table.name, column.name)
    for table in schema.metadata.sorted_tables
    for column in table.columns
    if (table.name, column.name) != ("payloads", "content")
]


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_every_altered_cell_of_the_catalogue_is_found(filled, table, column):
    """In every row of every table, one after the other."""
    catalogue = Path(filled.name)
    content = catalogue.read_bytes()
    with closing(sqlite3.connect(catalogue)) as connection:
        rows = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    assert rows
    for row, value in rows:
        other = value + 1000 if isinstance(value, int) else 99 if value is None else value + "x"
        with closing(sqlite3.connect(catalogue)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, row))
        assert not filled.check().ok, (table, column, value)
        catalogue.write_bytes(content)
    assert filled.check().ok


@pytest.mark.parametrize("table", ["catalogue", "tags", "payloads", "iovs", "retirements"])
def test_every_lost_row_is_found(filled, table):
    catalogue = Path(filled.name)
    content = catalogue.read_bytes()
    with closing(sqlite3.connect(catalogue)) as connection:
        rows = [row for (row,) in connection.execute(f"SELECT rowid FROM {table}")]
    for row in rows:
        with closing(sqlite3.connect(catalogue)) as connection, connection:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
        assert not filled.check().ok
        catalogue.write_bytes(content)


def test_a_table_without_its_constraints_is_found(filled):
    with closing(sqlite3.connect(filled.name)) as connection, connection:
        connection.execute("DROP INDEX iovs_by_run")
    assert "describes itself" in filled.check().problems[0]


@pytest.mark.slow
def test_a_flipped_bit_of_the_catalogue_is_found_or_changes_nothing(filled):
    """SQLite's pages have unused bytes; a flip there is harmless and need not be found."""
    catalogue, chance = Path(filled.name), random.Random(11)
    content, before = catalogue.read_bytes(), _content(filled)
    filled.close()
    found = 0
    for place in [*range(0, 100, 3), *chance.sample(range(100, len(content)), 300)]:
        altered = bytearray(content)
        altered[place] ^= 1 << chance.randrange(8)
        catalogue.write_bytes(altered)
        try:
            with Database.open(catalogue) as db:
                sound = db.check().ok
                assert not sound or _content(db) == before
        except DatabaseError:
            sound = False
        found += not sound
    catalogue.write_bytes(content)
    assert found > 30


def test_an_unreadable_catalogue_is_a_sentence(filled):
    filled.close()
    catalogue = Path(filled.name)
    content = bytearray(catalogue.read_bytes())
    content[4096:20000] = b"\xff" * (20000 - 4096)
    catalogue.write_bytes(content)
    with pytest.raises(DatabaseError, match="refuses"), Database.open(catalogue) as db:
        db.log("work")


def test_foreign_files_are_notes(filled):
    stray = Path(f"{filled.name}.payloads") / "README"
    stray.write_text("hello")
    report = filled.check()
    assert report.ok
    assert report.notes == (
        f"{stray} is not in {filled.name}: left by a store that did not commit, or under way",
    )


@pytest.mark.postgresql
@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
def test_an_altered_byte_on_a_server_is_found(db, location, note):
    db.store("work", 1, 1, [note(1)], "x")
    digest = db.find("work", "note", 1).payload
    engine = create_engine(make_url(location).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        change = "UPDATE payloads SET content = set_byte(content, 99, 7) WHERE hash = :hash"
        connection.execute(text(change), {"hash": digest})
    engine.dispose()
    assert [problem for problem in db.check().problems if digest in problem]
    with pytest.raises(DatabaseError, match=digest[:12]):
        db.lookup("work", "note", 1)
