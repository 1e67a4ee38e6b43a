"""A new database: its tables and the tags of the baseline text, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, inspect

from kzcal.conditions import ledger, schema, writing
from kzcal.conditions.baseline_text import TagText
from kzcal.conditions.payload import Payload
from kzcal.conditions.payload_store import PayloadStore
from kzcal.conditions.writing import Placement
from kzcal.errors import DatabaseError

MESSAGE = "compiled from the reviewed baseline text"


def initialise(
    connection: Connection,
    payload_store: PayloadStore,
    tags: Sequence[tuple[TagText, Payload]],
    where: str,
) -> None:
    """Make the tables and store the baseline.

    Args:
        connection: in a transaction that excludes every other one that makes tables.
        payload_store: of the new database.
        tags: each with the payload of its period's runs.
        where: names the database in an error.

    Raises:
        DatabaseError: the tables are there already.
    """
    if inspect(connection).has_table(schema.catalogue.name):
        message = f"a database is made once, got {where}, which is one already"
        raise DatabaseError(message)
    schema.metadata.create_all(connection)
    about = {"format": schema.FORMAT, "version": schema.VERSION}
    about["schema"] = schema.schema_digest(connection)
    rows = [{"key": key, "value": value} for key, value in about.items()]
    connection.execute(schema.catalogue.insert(), rows)
    for text, payload in tags:
        _compile(connection, payload_store, text, payload, where)


def check_format(connection: Connection, where: str) -> None:
    """An open database is one of this version.

    Raises:
        DatabaseError: it is not.
    """
    if not inspect(connection).has_table(schema.catalogue.name):
        message = f"a database is made by `kzcal db init`, got {where}, which holds no catalogue"
        raise DatabaseError(message)
    rows = connection.execute(schema.catalogue.select())
    about = {row.key: row.value for row in rows}
    found = about.get("format"), about.get("version")
    if found != (schema.FORMAT, schema.VERSION):
        message = (
            f"a database says {schema.FORMAT} version {schema.VERSION}, "
            f"got {found[0]} version {found[1]} in {where}"
        )
        raise DatabaseError(message)


def _compile(
    connection: Connection,
    payload_store: PayloadStore,
    text: TagText,
    payload: Payload,
    where: str,
) -> None:
    writing.create(connection, text.name, text.description, where)
    sealed = writing.seal([Placement(text.period.runs, payload)], text.name)
    for item in sealed:
        payload_store.save(item.content)
    tag = ledger.head(connection, text.name, where)
    writing.store(connection, tag, sealed, payload_store, MESSAGE, "refuse")
    if text.state != ledger.OPEN:
        tag = ledger.head(connection, text.name, where)
        writing.advance(connection, tag, text.state, MESSAGE)
