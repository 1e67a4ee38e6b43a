"""Trees of ROOT files as flat columns; damage becomes one sentence."""

from __future__ import annotations

import lzma
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from kzcal.closing import Closing
from kzcal.errors import FileFormatError

if TYPE_CHECKING:
    import awkward

SIGNATURE = b"root"
HEADER_SIZE = 20
LARGE_FILE_VERSION = 1_000_000
TREE_CLASSES = ("TTree", "ROOT::RNTuple")
ROOT_ERRORS = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    MemoryError,
    EOFError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)
"""What uproot raises for damaged files, by experience: hence a tuple around its calls alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """A list per event: lengths and the entries of all lists one after the other."""

    counts: Int64[np.ndarray, " event"]
    values: Shaped[np.ndarray, " hit"]


@contextmanager
def _damage_named(path: Path, what: str) -> Iterator[None]:
    from uproot.deserialization import DeserializationError

    try:
        yield
    except (*ROOT_ERRORS, DeserializationError) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        message = f"{path}: {what} cannot be read, the file is truncated or damaged ({reason})"
        raise FileFormatError(message) from error


class RootFile(Closing):
    """An open ROOT file.

    Args:
        path: the file.

    Raises:
        FileFormatError: it is missing, empty, not ROOT, truncated or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_header(path)
        import uproot

        with _damage_named(path, "the ROOT file"):
            self._file = uproot.open(path, object_cache=None, array_cache=None)

    def has_tree(self, name: str) -> bool:
        """Whether there is a tree of that name."""
        with _damage_named(self.path, "the directory of the ROOT file"):
            return name in self._file and self._file.classname_of(name) in TREE_CLASSES

    def tree(self, name: str) -> RootTree:
        """The tree of that name.

        Raises:
            FileFormatError: there is none.
        """
        if not self.has_tree(name):
            message = f"{self.path}: the tree {name!r} is required, got {self._file.keys()}"
            raise FileFormatError(message)
        with _damage_named(self.path, f"the tree {name!r}"):
            return RootTree(self.path, self._file[name])

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class RootTree:
    """One tree; reads the rows asked for and keeps nothing."""

    def __init__(self, path: Path, tree: Any) -> None:  # noqa: ANN401  uproot has no types
        self.path = path
        self._tree = tree
        self.n_rows = int(tree.num_entries)

    def require(self, names: Sequence[str]) -> None:
        """Refuse a tree without these branches."""
        with _damage_named(self.path, f"the branches of {self._tree.name!r}"):
            found = self._tree.keys()
        for name in names:
            if name not in found:
                message = (
                    f"{self.path}: the tree {self._tree.name!r} must have the branch {name!r}, "
                    f"got {', '.join(found)}"
                )
                raise FileFormatError(message)

    @np.errstate(over="ignore", invalid="ignore")
    def numbers(self, name: str, rows: slice) -> Float64[np.ndarray, " event"]:
        """A branch with one number per row."""
        array = self._read(name, rows)
        if array.ndim != 1:
            message = f"{self.path}: the branch {name!r} must hold a number per row, got lists"
            raise FileFormatError(message)
        return self._plain(name, array).astype(np.float64)

    def lists(self, name: str, rows: slice) -> Ragged:
        """A branch with a list of numbers per row."""
        import awkward as ak

        array = self._read(name, rows)
        if array.ndim != 2:
            message = f"{self.path}: the branch {name!r} must hold a list of numbers per row"
            raise FileFormatError(message)
        counts = ak.to_numpy(ak.num(array)).astype(np.int64)
        return Ragged(counts, self._plain(name, ak.flatten(array)))

    def _read(self, name: str, rows: slice) -> awkward.Array:
        with _damage_named(self.path, f"the branch {name!r}"):
            array = self._tree[name].array(entry_start=rows.start, entry_stop=rows.stop)
        if len(array) != rows.stop - rows.start:
            message = (
                f"{self.path}: the branch {name!r} must have {rows.stop - rows.start} rows from "
                f"row {rows.start}, got {len(array)}"
            )
            raise FileFormatError(message)
        return array

    def _plain(self, name: str, array: awkward.Array) -> Shaped[np.ndarray, " value"]:
        import awkward as ak

        with _damage_named(self.path, f"the branch {name!r}"):
            values: Shaped[np.ndarray, " value"] = ak.to_numpy(array)
        if values.dtype.kind not in "biuf":
            message = f"{self.path}: the branch {name!r} must hold numbers, got {values.dtype}"
            raise FileFormatError(message)
        return values


def _check_header(path: Path) -> None:
    """Refuse a file that is not ROOT, or shorter than its own header says.

    Source: ROOT's TFile format: version and fBEGIN are 4 bytes each, big-endian; fEND follows,
    in 8 bytes for versions from 1,000,000 on, else in 4.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEADER_SIZE)
            size = stream.seek(0, os.SEEK_END)
    except OSError as error:
        message = f"{path}: an ntuple must be readable, got: {error.strerror}"
        raise FileFormatError(message) from error
    if not head.startswith(SIGNATURE):
        message = f"{path}: an ntuple must be a ROOT file, got one that begins with {head[:4]!r}"
        raise FileFormatError(message)
    large = int.from_bytes(head[4:8], "big") >= LARGE_FILE_VERSION
    end = max(HEADER_SIZE, int.from_bytes(head[12 : 20 if large else 16], "big"))
    if size < end:
        message = f"{path}: the ROOT file must have {end} bytes, got {size}: it is truncated"
        raise FileFormatError(message)
