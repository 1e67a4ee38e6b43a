"""Event files: what the other parts of kzcal use."""

from kzcal.io.hdf5 import EventFile
from kzcal.io.hdf5_writer import write_events
from kzcal.io.source import BUILT_IN, EventReader, EventSource, open_events

__all__ = ["BUILT_IN", "EventFile", "EventReader", "EventSource", "open_events", "write_events"]
