"""Files of events whatever their format: what they offer, and which reader opens one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from kzcal.errors import FileFormatError
from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.io.hdf5 import EventFile
from kzcal.io.hdf5_checks import SIGNATURE as HDF5
from kzcal.io.hdf5_checks import attribute, damage_named, open_hdf5
from kzcal.io.ntuples import kamland_reader, ratpac_reader
from kzcal.io.root import SIGNATURE as ROOT
from kzcal.io.schema import FORMAT


class EventSource(Protocol):
    """An open file of events; use it in a ``with`` statement."""

    @property
    def header(self) -> RunHeader:
        """What the file says about its run."""

    @property
    def muons(self) -> Muons:
        """Reconstructed muons of the run."""

    @property
    def n_events(self) -> int:
        """Number of events."""

    @property
    def n_hits(self) -> int:
        """Number of hits, those that will be dropped included."""

    @property
    def dropped(self) -> int:
        """Hits with a NaN or infinite time or charge left out since the current pass began."""

    def table(self) -> Events:
        """Every event without its hits; cheap."""

    def chunks(self, hits_per_chunk: int = 2_000_000) -> Iterator[Events]:
        """All events from the start, cut between events into chunks of about so many hits."""

    def digest(self) -> str:
        """SHA-256 of the file."""

    def __enter__(self) -> Self:
        """The source itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""


class EventReader(Protocol):
    """Opens the files of one format."""

    def recognise(self, path: Path) -> bool:
        """Whether the file looks like this format; cheap, and False for a file of any other."""

    def open(self, path: Path, detector: Detector) -> EventSource:
        """The events of the file; a broken one is refused with a FileFormatError."""


class Hdf5Reader:
    """Opens HDF5 event files, version 1."""

    def recognise(self, path: Path) -> bool:
        """Whether the file is HDF5 and says that it holds kzcal's events."""
        try:
            with open_hdf5(path) as file, damage_named(path, "the attribute 'format'"):
                return bool(attribute(file.attrs, "format") == FORMAT)
        except FileFormatError:
            return False

    def open(self, path: Path, detector: Detector) -> EventFile:
        """The events of the file."""
        return EventFile(path, detector)


BUILT_IN: Mapping[str, EventReader] = MappingProxyType(
    {
        FORMAT: Hdf5Reader(),
        "kamland-ntuple": kamland_reader(),
        "ratpac-ntuple": ratpac_reader(),
    }
)
"""Readers of kzcal's own formats by name."""


def open_events(
    path: Path | str, detector: Detector, formats: Mapping[str, EventReader] = BUILT_IN
) -> EventSource:
    """Open a file of events with the one reader that recognises it.

    Args:
        path: the file.
        detector: whose PMTs the hits must belong to.
        formats: readers by name, a plugin's beside the built-in ones.

    Raises:
        FileFormatError: no reader or more than one recognises the file, or it is broken.
    """
    path = Path(path)
    head = _head(path)
    found = [name for name, reader in formats.items() if reader.recognise(path)]
    if len(found) > 1:
        message = f"{path}: an event file must be of one format, got {' and '.join(found)}"
        raise FileFormatError(message)
    if found:
        return formats[found[0]].open(path, detector)
    for signature, reader in ((HDF5, Hdf5Reader()), (ROOT, kamland_reader())):
        if head.startswith(signature):
            return reader.open(path, detector)
    message = (
        f"{path}: an event file must be of a known format ({', '.join(formats)}), "
        f"got a file that begins with {head[:8]!r}"
    )
    raise FileFormatError(message)


def _head(path: Path) -> bytes:
    """The first bytes of a file that must be there and not be empty."""
    try:
        with path.open("rb") as stream:
            head = stream.read(len(HDF5))
    except OSError as error:
        message = f"{path}: an event file must be readable, got: {error.strerror}"
        raise FileFormatError(message) from error
    if not head:
        message = f"{path}: an event file cannot be empty, got 0 bytes"
        raise FileFormatError(message)
    return head
