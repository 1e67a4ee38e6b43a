"""What a file says of the hits in it beyond its events: photoelectrons, twins, lineage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import h5py

from kzcal.errors import FileFormatError

CEILING = re.compile(r"relative efficiency ([0-9.]+)$")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the hits of a file come from.

    Args:
        ceiling: relative efficiency of the PMTs that photoelectrons are drawn for; None for a
            file of hits.
        twin_of: SHA-256 of the run whose twins they are; "" for none.
        lineage: of the file, as JSON; "" if it has none.
    """

    ceiling: float | None = None
    twin_of: str = ""
    lineage: str = ""

    @classmethod
    def of(cls, path: Path) -> Origin:
        """What the attributes of an event file say; those of ROOT files say nothing.

        Raises:
            FileFormatError: the file names no efficiency of the photoelectrons that it holds.
        """
        if not h5py.is_hdf5(path):
            return cls()
        with h5py.File(path, "r") as file:
            told = {name: str(file.attrs.get(name, "")) for name in ("hits", "twin_of", "lineage")}
        return cls(_ceiling(told["hits"], path), told["twin_of"], told["lineage"])

    def pairs_with(self, other: Origin) -> bool:
        """Whether both files hold the very same simulated events."""
        return bool(self.lineage) and self.lineage == other.lineage and not self.twin_of


def _ceiling(hits: str, path: Path) -> float | None:
    """The efficiency that the attribute ``hits`` ends with."""
    if not hits:
        return None
    found = CEILING.search(hits)
    if found is None:
        message = (
            f"{path}: the attribute 'hits' ends with the relative efficiency that photoelectrons "
            f"were drawn for, got {hits!r}"
        )
        raise FileFormatError(message)
    return float(found.group(1))
