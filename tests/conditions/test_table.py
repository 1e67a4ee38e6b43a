"""The calibration table: exactly the agreed columns, and numbers that keep every bit."""

import csv

import numpy as np
import pytest

from kzcal.conditions.nominal import bookkeeping
from kzcal.conditions.payload import Column, Lineage, Payload
from kzcal.conditions.quantities import QUANTITIES
from kzcal.conditions.table import HEADER, read_table, table_text, write_table
from kzcal.errors import DatabaseError, FileFormatError

N_PMT = 6


@pytest.fixture
def response():
    """Constants with a dead PMT whose gain is not known."""
    generator = np.random.default_rng(3)
    status = np.array(["good"] * (N_PMT - 2) + ["dead", 'odd, "quoted"'])
    columns = bookkeeping(status)
    for quantity in QUANTITIES:
        values = generator.random(N_PMT) + 0.1
        errors = generator.random(N_PMT)
        if quantity.name == "gain":
            values[-2] = errors[-2] = np.nan
        columns[quantity.name] = Column(values, quantity.unit, quantity.doc, errors)
    return Payload("pmt-response", columns, None, Lineage())


def test_the_columns_are_those_that_other_programs_expect():
    assert ",".join(HEADER) == (
        "pmt,status,qe,qe_err,gain,gain_err,spe_width,spe_width_err,time_offset,"
        "time_offset_err,tts,tts_err,dark_rate,dark_rate_err"
    )


def test_written_and_read_keeps_every_bit(response, tmp_path):
    write_table(response, tmp_path / "t.csv")
    read = read_table(tmp_path / "t.csv")
    for name in ("status", *(quantity.name for quantity in QUANTITIES)):
        a, b = response.columns[name], read.columns[name]
        assert np.array_equal(a.values, b.values, equal_nan=a.values.dtype.kind == "f")
        assert a.errors is None or np.array_equal(a.errors, b.errors, equal_nan=True)
    assert table_text(read) == (tmp_path / "t.csv").read_text()
    assert read.lineage.inputs[0].name == "t.csv"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_every_row_stands_for_its_pmt(response):
    rows = list(csv.DictReader(table_text(response).splitlines()))
    assert [int(row["pmt"]) for row in rows] == list(range(N_PMT))
    assert float(rows[2]["tts_err"]) == response.columns["tts"].errors[2]
    assert rows[5]["status"] == 'odd, "quoted"'
    assert rows[4]["gain"] == "nan"


def test_rows_may_come_in_any_order(response, tmp_path):
    header, *rows = table_text(response).splitlines()
    (tmp_path / "t.csv").write_text("\r\n".join([header, *reversed(rows), ""]))
    assert table_text(read_table(tmp_path / "t.csv")) == table_text(response)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda lines: [], "begins with pmt,status,qe"),
        (lambda lines: [lines[0].replace("tts_err", "tts_error"), *lines[1:]], "begins with"),
        (lambda lines: lines[:1], "got 0 rows and none for PMT 0"),
        (lambda lines: [*lines[:3], *lines[4:]], "got 5 rows and none for PMT 2"),
        (lambda lines: [*lines[:3], lines[2], *lines[4:]], "none for PMT 2"),
        (lambda lines: [*lines[:2], lines[2] + ",1", *lines[3:]], "14 fields, got 15"),
        (lambda lines: [*lines[:2], lines[2].replace("good,", "good,x"), *lines[3:]], "got 'x0"),
        (lambda lines: [*lines[:2], 'a,"b', *lines[3:]], "a table is CSV"),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(response, tmp_path, change, rule):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(change(table_text(response).splitlines())))
    with pytest.raises(FileFormatError, match=rule) as refused:
        read_table(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_no_text_or_absent_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="UTF-8"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(FileFormatError, match="must be readable"):
        read_table(tmp_path / "absent.csv")


def test_a_table_that_cannot_be_written_leaves_nothing(response, tmp_path):
    with pytest.raises(FileFormatError, match="must be written"):
        write_table(response, tmp_path / "absent" / "t.csv")
    with pytest.raises(DatabaseError, match="shows pmt-response, got note"):
        write_table(Payload("note", {}, None, Lineage()), tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("gain", -0.2, "gain of a good PMT must be positive, got gain=-0.2 for PMT 1"),
        ("qe", 0.0, "qe of a good PMT must be positive"),
        ("tts", -1.0, "tts of a good PMT must be not negative"),
        ("time_offset", np.nan, "time_offset of a good PMT must be known, got time_offset=nan"),
    ],
)
def test_impossible_constants_of_a_good_pmt_are_refused(response, name, value, rule):
    column = response.columns[name]
    values = column.values.copy()
    values[1] = value
    changed = Column(values, column.unit, column.doc, column.errors)
    payload = Payload("pmt-response", {**response.columns, name: changed}, None, Lineage())
    with pytest.raises(DatabaseError, match=rule):
        table_text(payload)


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        (Column(np.ones(N_PMT), "us", "x", np.ones(N_PMT)), "in 'ns' with its error"),
        (Column(np.ones(N_PMT), "ns", "x"), "without errors"),
        (Column(np.ones(N_PMT - 1), "ns", "x", np.ones(N_PMT - 1)), "a row per PMT"),
        (Column(np.ones((N_PMT, 2)), "ns", "x", np.ones((N_PMT, 2))), "one number per PMT"),
    ],
)
def test_a_response_has_every_constant_of_every_pmt(response, column, rule):
    payload = Payload("pmt-response", {**response.columns, "tts": column}, None, Lineage())
    with pytest.raises(DatabaseError, match=rule):
        table_text(payload)
