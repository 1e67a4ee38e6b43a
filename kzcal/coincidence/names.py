"""Numbers of candidates and of their points, and their units."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SPALLATION_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "energy": "MeV",
        "x": "m",
        "y": "m",
        "z": "m",
        "radius": "m",
        "dt_muon": "s",
        "n_captures": "1",
    }
)
"""Of a decay; dt_muon is the time since the last muon, NaN where there was none."""
POINT_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "dx": "m",
        "dy": "m",
        "dz": "m",
        "distance": "m",
        "dt": "s",
        "delay": "us",
        "track_x": "m",
        "track_y": "m",
        "track_z": "m",
        "track_distance": "m",
        "dedx": "MeV",
        "muon_captures": "1",
        "muon_charge": "p.e.",
        "muon": "1",
    }
)
"""Of a capture near a decay; docs/coincidence.md says what each is."""
IBD_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "e_prompt": "MeV",
        "e_delayed": "MeV",
        "r_prompt": "m",
        "r_delayed": "m",
        "dr": "m",
        "dt": "s",
    }
)
"""Of a pair; dt of an off-time pair is counted from where the window was moved to."""
