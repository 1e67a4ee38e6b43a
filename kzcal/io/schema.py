"""The layout of the HDF5 event file, version 1: names, types and units of its datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FORMAT = "kzcal-events"
VERSION = 1
HEADER_TEXTS = ("detector", "period", "sample")
HISTORY_S, REACH_M = "history_s", "reach_m"
"""Attributes of files in which each decay has a history of its own: how long it is, s, and how far
from the decay it has all captures, m."""
HEADER_WINDOWS = ("physics_window_ns", "forced_window_ns")


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the file.

    Args:
        name: full name in the file.
        dtype: numpy's name of the type.
        units: content of its ``units`` attribute; None for numbers without a unit.
    """

    name: str
    dtype: str
    units: str | None = None


EVENT_NUMBER = Dataset("events/event", "int64")
EVENT_TIMESTAMP = Dataset("events/timestamp", "int64", "ns")
TRIGGER = Dataset("events/trigger", "uint8")
VERTEX = tuple(Dataset(f"events/{axis}", "float32", "m") for axis in "xyz")
ENERGY = Dataset("events/energy", "float32", "MeV")
T0 = Dataset("events/t0", "float32", "ns")
EVENTS = (EVENT_NUMBER, EVENT_TIMESTAMP, TRIGGER, *VERTEX, ENERGY, T0)

OFFSETS = Dataset("hits/offsets", "int64")
PMT = Dataset("hits/pmt", "uint16")
TIME = Dataset("hits/time", "float32", "ns")
CHARGE = Dataset("hits/charge", "float32", "p.e.")
HITS = (PMT, TIME, CHARGE)

MUON_TIMESTAMP = Dataset("muons/timestamp", "int64", "ns")
MUON_ENTRY = tuple(Dataset(f"muons/{axis}0", "float32", "m") for axis in "xyz")
MUON_DIRECTION = tuple(Dataset(f"muons/d{axis}", "float32") for axis in "xyz")
MUON_CHARGE = Dataset("muons/charge", "float32", "p.e.")
MUONS = (MUON_TIMESTAMP, *MUON_ENTRY, *MUON_DIRECTION, MUON_CHARGE)

PROFILE_OFFSETS = Dataset("muons/profile_offsets", "int64")
PROFILE = Dataset("muons/profile", "float32", "MeV")

TRUTH_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "x": "m",
        "y": "m",
        "z": "m",
        "rms": "m",
        "e_dep": "MeV",
        "e_quenched": "MeV",
        "e_neutrino": "MeV",
        "lag": "s",
    }
)
"""Units of the truth columns that have one; other columns of ``truth/`` carry none."""
