"""The calibration table: one CSV row per PMT, exchanged with programs outside the project."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import kzcal
from kzcal.conditions.canonical import sha256
from kzcal.conditions.nominal import bookkeeping
from kzcal.conditions.payload import Column, InputFile, Lineage, Payload
from kzcal.conditions.quantities import QUANTITIES, RESPONSE, check_kind
from kzcal.errors import DatabaseError, FileFormatError

NUMBERS = tuple(
    name for quantity in QUANTITIES for name in (quantity.name, f"{quantity.name}_err")
)
HEADER = ("pmt", "status", *NUMBERS)


def table_text(payload: Payload) -> str:
    """The table of a "pmt-response"; its numbers read back to the same bits.

    Raises:
        DatabaseError: the payload is of another kind.
    """
    if payload.kind != RESPONSE:
        message = f"a calibration table shows {RESPONSE}, got {payload.kind}"
        raise DatabaseError(message)
    check_kind(payload, "calibration table")
    columns: list[list[object]] = [payload.columns["status"].values.tolist()]
    for quantity in QUANTITIES:
        column = payload.columns[quantity.name]
        errors = np.asarray(column.errors, np.float64)
        columns += [column.values.astype(np.float64).tolist(), errors.tolist()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([i, *row] for i, row in enumerate(zip(*columns, strict=True)))
    return text.getvalue()


def write_table(payload: Payload, path: Path) -> None:
    """Write the table; the file appears whole or not at all.

    Raises:
        DatabaseError: the payload is of another kind.
        FileFormatError: the file cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with unfinished.open("x", encoding="utf-8", newline="") as stream:
            stream.write(table_text(payload))
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        message = f"a table must be written, got {path}: {error.strerror}"
        raise FileFormatError(message) from error
    finally:
        unfinished.unlink(missing_ok=True)


def read_table(path: Path) -> Payload:
    """The "pmt-response" of a table, with the file as its lineage.

    Raises:
        FileFormatError: the file cannot be read, or breaks a rule of the format.
        DatabaseError: a value or error breaks a rule of the database.
    """
    try:
        content = path.read_bytes()
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except OSError as error:
        message = f"a table must be readable, got {path}: {error.strerror}"
        raise FileFormatError(message) from error
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"a table is CSV in UTF-8, got {path}: {error}"
        raise FileFormatError(message) from error
    rows = [row for row in rows if row]
    if not rows or tuple(rows[0]) != HEADER:
        found = ",".join(rows[0]) if rows else "an empty file"
        message = f"a table begins with {','.join(HEADER)}, got {found} in {path}"
        raise FileFormatError(message)
    body = _by_pmt(rows[1:], path)
    columns = bookkeeping(np.array([row[1] for row in body]))
    numbers = np.array([[_number(row, i, path) for i in range(2, len(HEADER))] for row in body])
    for i, quantity in enumerate(QUANTITIES):
        values, errors = numbers[:, 2 * i].copy(), numbers[:, 2 * i + 1].copy()
        columns[quantity.name] = Column(values, quantity.unit, quantity.doc, errors)
    lineage = Lineage(
        inputs=(InputFile(path.name, sha256(content)),),
        code_version=kzcal.__version__,
        configuration={"command": "kzcal db import"},
    )
    return Payload(RESPONSE, columns, None, lineage)


def _by_pmt(rows: Sequence[Sequence[str]], path: Path) -> list[Sequence[str]]:
    """The rows in the order of the PMTs, each of which must be there once."""
    for row in rows:
        if len(row) != len(HEADER):
            message = f"a row has {len(HEADER)} fields, got {len(row)}: {','.join(row)} in {path}"
            raise FileFormatError(message)
    numbers = {row[0].strip(): row for row in rows}
    wanted = [str(pmt) for pmt in range(len(rows))]
    absent = [pmt for pmt in wanted if pmt not in numbers]
    if absent or not rows:
        message = (
            f"a table has one row for each PMT from 0 on, got {len(rows)} rows "
            f"and none for PMT {absent[0] if absent else 0} in {path}"
        )
        raise FileFormatError(message)
    return [numbers[pmt] for pmt in wanted]


def _number(row: Sequence[str], field: int, path: Path) -> float:
    try:
        return float(row[field])
    except ValueError as error:
        message = (
            f"{HEADER[field]} must be a number (nan where unknown), got {row[field]!r} "
            f"for PMT {row[0]} in {path}"
        )
        raise FileFormatError(message) from error
