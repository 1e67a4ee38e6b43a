"""The parts of kzcal itself, offered through the same hooks as a plugin's.

Each is named by its import path and imported once it is built, so that this list costs nothing
and may name parts of every layer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

from kzcal.components import Command, EventFormat, Sample
from kzcal.hookspecs import hookimpl


def _made(path: str) -> Callable[[], Any]:
    """Makes an instance of the class at an import path ``module:Class``."""
    return lambda: _found(path)()()


def _found(path: str) -> Callable[[], Any]:
    """Finds the object at an import path ``module:name``."""
    module, _, name = path.partition(":")
    return lambda: getattr(importlib.import_module(module), name)


@hookimpl
def kzcal_event_formats() -> Iterable[EventFormat]:
    """Formats that kzcal reads."""
    hdf5 = _made("kzcal.io.source:Hdf5Reader")
    yield EventFormat("kzcal-events", "Event files in HDF5, version 1.", hdf5)


@hookimpl
def kzcal_samples() -> Iterable[Sample]:
    """Samples that need nothing but the run."""
    for name, summary, path in (
        ("forced", "Forced triggers: dark hits only.", "triggers:Forced"),
        ("physics", "All light in the scintillator.", "triggers:Physics"),
        ("neutron-capture", "2.2 MeV captures after muons.", "neutron_capture:NeutronCapture"),
        ("po210", "The quenched alpha peak of 210Po.", "po210:Polonium210"),
        ("c11", "11C, alone in time, 1 to 2 MeV.", "c11:Carbon11"),
    ):
        yield Sample(name, summary, _made(f"kzcal.samples.{path}"))


@hookimpl
def kzcal_commands() -> Iterable[Command]:
    """Commands of ``kzcal``, each in the module of its name."""
    summaries = {
        "calibrate": "Calibrate every PMT of a run and store the result.",
        "db": "Keep calibrations by global tag and run range.",
        "demo": "Calibrate a small simulated period, from hits to report.",
        "events": "Look into event files and convert ntuples.",
        "plugins": "List what plugins offer, or start a new plugin.",
        "report": "Rebuild a report from the database alone.",
    }
    for name, summary in summaries.items():
        yield Command(name, summary, _found(f"kzcal.cli.{name}:{name}"))
