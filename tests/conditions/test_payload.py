"""Payloads: laws of the records, and one sequence of bytes for one content."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kzcal.conditions.hdf5 import decode, encode
from kzcal.conditions.payload import Column, GlobalBlock, InputFile, Lineage, Payload
from kzcal.errors import DatabaseError, FileFormatError

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,10}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
FLOATS = st.sampled_from(["<f2", "<f4", "<f8", ">f8"])
WHOLE = st.sampled_from(["?", "i1", "u2", "<i4", "<i8", ">i8", "<u8"])


@st.composite
def columns(draw):
    """A column of any type and shape, with or without errors."""
    shape = draw(SHAPES)
    kind = draw(st.sampled_from(["float", "whole", "text"]))
    if kind == "text":
        values = draw(arrays.arrays("U8", shape, elements=TEXT))
        return Column(values, "", draw(TEXT))
    dtype = draw(FLOATS if kind == "float" else WHOLE)
    if kind == "whole":
        return Column(draw(arrays.arrays(dtype, shape)), "1", draw(TEXT))
    numbers = st.floats(-1e4, 1e4, width=16) | st.just(np.nan)
    values = draw(arrays.arrays(dtype, shape, elements=numbers))
    errors = draw(arrays.arrays("f8", shape, elements=st.floats(0, 1e4, width=16)))
    return Column(values, draw(st.sampled_from(["1", "ns", "Hz"])), draw(TEXT), errors)


@st.composite
def blocks(draw):
    """Global parameters with a covariance that is a square."""
    names = tuple(draw(st.lists(NAMES, max_size=4, unique=True)))
    size = len(names)
    root = draw(arrays.arrays("f8", (size, size), elements=st.floats(-9, 9)))
    values = draw(arrays.arrays("f8", size, elements=st.floats(-9, 9)))
    return GlobalBlock(names, values, ("ns",) * size, root @ root.T, ("",) * size)


LINEAGES = st.builds(
    Lineage,
    inputs=st.lists(st.builds(InputFile, TEXT, TEXT), max_size=2).map(tuple),
    code_version=TEXT,
    plugins=st.dictionaries(NAMES, TEXT, max_size=2),
    configuration=st.dictionaries(NAMES, st.none() | st.floats(-9, 9) | TEXT, max_size=3),
    seed=st.integers(0, 2**63),
)
PAYLOADS = st.builds(
    Payload,
    kind=NAMES,
    columns=st.dictionaries(NAMES, columns(), max_size=4),
    globals=st.none() | blocks(),
    lineage=LINEAGES,
)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    same_kind = a.dtype.kind == b.dtype.kind and a.shape == b.shape
    return same_kind and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@settings(max_examples=60, deadline=None)
@given(PAYLOADS)
def test_what_is_written_is_read_and_written_the_same(payload):
    content = encode(payload)
    read = decode(content, "memory")
    assert (read.kind, read.lineage.digest()) == (payload.kind, payload.lineage.digest())
    assert read.columns.keys() == payload.columns.keys()
    for name, column in payload.columns.items():
        found = read.columns[name]
        assert (found.unit, found.doc) == (column.unit, column.doc)
        assert _equal(found.values, column.values)
        assert (found.errors is None) == (column.errors is None)
        assert column.errors is None or _equal(found.errors, column.errors)
    if payload.globals is not None:
        assert read.globals.names == payload.globals.names
        assert _equal(read.globals.covariance, payload.globals.covariance)
    assert encode(read) == content


def test_bytes_know_neither_the_clock_nor_the_order_of_columns(note):
    a = Column(np.arange(3.0), "ns", "a", np.ones(3))
    b = Column(np.array(["good", "", "dead"]), "", "b")
    first = encode(Payload("k", {"a": a, "b": b}, None, Lineage()))
    time.sleep(1.1)
    assert encode(Payload("k", {"b": b, "a": a}, None, Lineage())) == first


def test_large_arrays_are_compressed_and_deterministic():
    payload = Payload("k", {"a": Column(np.zeros((100, 1000)), "1", "")}, None, Lineage())
    content = encode(payload)
    assert len(content) < 20_000
    assert encode(payload) == content
    assert not decode(content, "m").columns["a"].values.any()


def test_arrays_that_were_read_cannot_be_written_to(note):
    values = decode(encode(note(3)), "memory").columns["number"].values
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"not HDF5" * 100])
def test_other_bytes_are_refused_in_one_sentence(content):
    with pytest.raises(FileFormatError, match="a payload is HDF5"):
        decode(content, "somewhere")


GOOD = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        (Column(np.array([1 + 2j]), "1", ""), "numbers, booleans or text"),
        (Column(np.array([None]), "1", ""), "numbers, booleans or text"),
        (Column([1.0], "1", ""), "got list"),
        (Column(GOOD, "", ""), "states its unit"),
        (Column(np.array([1.0, np.inf]), "ns", ""), r"infinity at \[1\]"),
        (Column(GOOD, "ns", "", np.array([0.1])), "have their shape"),
        (Column(GOOD, "ns", "", np.array([0.1, -0.1])), r"got -0.1 at \[1\]"),
        (Column(GOOD, "ns", "", np.array([np.nan, 0.1])), r"got nan at \[0\]"),
        (Column(GOOD, "ns", "", np.array([np.inf, 0.1])), r"got inf at \[0\]"),
        (Column(np.array([np.nan, 1.0]), "ns", "", np.array([np.inf, 1.0])), r"got inf at \[0\]"),
        (Column(np.array(["a"]), "", "", np.array([0.1])), "errors belong to numbers"),
        (Column(np.array(["\ud800"]), "", ""), "lone surrogate"),
    ],
)
def test_a_wrong_column_is_refused_by_name(column, rule):
    with pytest.raises(DatabaseError, match=rule) as refused:
        Payload("k", {"tts": column}, None, Lineage())
    assert "'tts'" in str(refused.value)


def test_an_unknown_value_may_have_an_unknown_error():
    column = Column(np.array([np.nan, 1.0]), "ns", "", np.array([np.nan, 0.1]))
    assert Payload("k", {"tts": column}, None, Lineage()).kind == "k"


def _block(**changed) -> GlobalBlock:
    given = {
        "names": ("a", "b"),
        "values": np.ones(2),
        "units": ("1", "ns"),
        "covariance": np.array([[1.0, 0.5], [0.5, 1.0]]),
        "docs": ("", ""),
    }
    return GlobalBlock(**{**given, **changed})


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        (_block(names=("a", "a")), "different names"),
        (_block(names=("a", "b/c")), "name of a global parameter"),
        (_block(values=np.ones(3)), "one value, unit and doc each"),
        (_block(values=np.array([1.0, np.nan])), "b = nan"),
        (_block(units=("1", "")), "states its unit"),
        (_block(covariance=np.eye(3)), "2 x 2"),
        (_block(covariance=np.array([[1.0, 0.5], [0.4, 1.0]])), "asymmetry of 0.1"),
        (_block(covariance=np.array([[1.0, 1.1], [1.1, 1.0]])), "lowest eigenvalue of -0.1"),
        (_block(covariance=np.full((2, 2), np.nan)), "finite"),
    ],
)
def test_a_wrong_block_is_refused(block, rule):
    with pytest.raises(DatabaseError, match=rule):
        Payload("k", {}, block, Lineage())


def test_global_errors_are_the_roots_of_the_diagonal():
    covariance = np.array([[4.0, 3.0], [3.0, 9.0]])
    assert _block(covariance=covariance).errors.tolist() == [2.0, 3.0]


@pytest.mark.parametrize("name", ["", "a/b", "-a", ".", "x" * 129, "a b"])
def test_names_that_a_file_cannot_carry_are_refused(name):
    with pytest.raises(DatabaseError, match="the name of a kind"):
        Payload(name, {}, None, Lineage())


def test_lineage_digest_changes_with_every_field():
    base = Lineage((InputFile("a", "1"),), "0.1", {"p": "1"}, {"x": 1}, 7)
    changed = [
        Lineage((InputFile("a", "2"),), "0.1", {"p": "1"}, {"x": 1}, 7),
        Lineage((InputFile("a", "1"),), "0.2", {"p": "1"}, {"x": 1}, 7),
        Lineage((InputFile("a", "1"),), "0.1", {"p": "2"}, {"x": 1}, 7),
        Lineage((InputFile("a", "1"),), "0.1", {"p": "1"}, {"x": 2}, 7),
        Lineage((InputFile("a", "1"),), "0.1", {"p": "1"}, {"x": 1}, 8),
    ]
    assert len({lineage.digest() for lineage in [base, *changed]}) == 6
    assert Lineage.from_dict(base.as_dict()).digest() == base.digest()


@pytest.mark.parametrize("value", [np.float64("nan"), {1, 2}, b"x"])
def test_a_configuration_is_what_json_can_hold(value):
    with pytest.raises(DatabaseError, match="a lineage must be what JSON can hold"):
        Lineage(configuration={"x": value}).digest()
