"""The tables of the catalogue; rows are only ever inserted.

    catalogue     what this database is: format, version, hash of its schema
    tags          name and description
    revisions     what was done to a tag, one row each, chained by hash
    payloads      address, size and, on a server, the bytes of every payload
    iovs          for which runs a payload holds, and the revision that says so
    retirements   which IOV a later revision took out of force

An IOV is in force from the revision that brought it until the one that retires it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from kzcal.conditions.canonical import canonical_json, sha256

FORMAT, VERSION = "kzcal-conditions", "1"

metadata = MetaData()

catalogue = Table(
    "catalogue",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("description", Text, nullable=False),
)

revisions = Table(
    "revisions",
    metadata,
    Column("tag", String(128), ForeignKey("tags.name"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("action", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("time", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
)

payloads = Table(
    "payloads",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary),
)

iovs = Table(
    "iovs",
    metadata,
    Column("tag", String(128), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("kind", String(128), primary_key=True),
    Column("first_run", Integer, primary_key=True),
    Column("last_run", Integer),
    Column("payload", String(64), ForeignKey("payloads.hash"), nullable=False),
    ForeignKeyConstraint(["tag", "revision"], ["revisions.tag", "revisions.number"]),
    CheckConstraint("last_run >= first_run", name="runs_ascend"),
    Index("iovs_by_run", "tag", "kind", "first_run"),
)

retirements = Table(
    "retirements",
    metadata,
    Column("tag", String(128), primary_key=True),
    Column("added", Integer, primary_key=True),
    Column("kind", String(128), primary_key=True),
    Column("first_run", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),
    ForeignKeyConstraint(
        ["tag", "added", "kind", "first_run"],
        ["iovs.tag", "iovs.revision", "iovs.kind", "iovs.first_run"],
    ),
    ForeignKeyConstraint(["tag", "revision"], ["revisions.tag", "revisions.number"]),
    CheckConstraint("revision > added", name="retired_later"),
)


def schema_digest(connection: Connection) -> str:
    """Hash of the schema's own text in a SQLite file; a server guards its schema itself."""
    rows: list[list[str]] = []
    if connection.dialect.name == "sqlite":
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
        rows = [list(row) for row in connection.exec_driver_sql(query)]
    return sha256(canonical_json(rows, "a schema"))
