"""The one reader that recognises a file opens it."""

from pathlib import Path

import pytest
from event_files import DETECTOR, HEADER, plain_events

from kzcal.errors import FileFormatError
from kzcal.io.events import BUILT_IN, EventFile, open_events
from kzcal.io.memory import MemorySource


class Lines:
    """A plugin's format: files that begin with the word LINES."""

    def recognise(self, path: Path) -> bool:
        return path.read_bytes().startswith(b"LINES")

    def open(self, path: Path, detector) -> MemorySource:
        return MemorySource(path, plain_events(), HEADER)


def test_a_plugin_format_stands_beside_the_built_in_ones(tmp_path, run_file):
    other = tmp_path / "events.txt"
    other.write_bytes(b"LINES")
    formats = BUILT_IN | {"lines": Lines()}
    with open_events(other, DETECTOR, formats) as source:
        assert isinstance(source, MemorySource)
    with open_events(run_file, DETECTOR, formats) as source:
        assert isinstance(source, EventFile)


def test_two_formats_for_one_file_are_refused(run_file):
    formats = BUILT_IN | {"everything": type("Any", (Lines,), {"recognise": lambda *_: True})()}
    with pytest.raises(FileFormatError, match="one format, got kzcal-events and everything"):
        open_events(run_file, DETECTOR, formats)


def test_an_unknown_file_is_refused_with_the_known_formats(tmp_path):
    path = tmp_path / "events.txt"
    path.write_bytes(b"1 2 3\n")
    says = r"known format \(kzcal-events, kamland-ntuple, ratpac-ntuple\), got .* b'1 2 3\\n'"
    with pytest.raises(FileFormatError, match=says):
        open_events(path, DETECTOR)
