"""A detector as light sees it: PMTs on a sphere, media inside, from one TOML file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from kzcal.baseline import baseline_directory
from kzcal.errors import DetectorError
from kzcal.geometry.description import Description, LightGain, Medium, describe, read_toml
from kzcal.geometry.layout import LAYOUTS
from kzcal.geometry.light import LightParameters

__all__ = ["Detector", "LightGain", "LightParameters", "Medium", "load_detector"]


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """PMTs by cable number and the media that their light crosses.

    Args:
        name: what event files call it.
        positions: centres of the light-collecting discs, m; +z is the chimney.
        diameter_inch: 17 or 20.
        aperture_radius: radius of each disc, m.
        pmt_radius: radius of the sphere of the discs, m.
        scintillator_radius: radius of the outer balloon, m.
        media: from the centre outwards.
        light_gain: light relative to KamLAND-Zen 800.
        light: how light is made, travels and is reflected.
        digest: SHA-256 of the description it was built from, overrides included.
    """

    name: str
    positions: Float64[np.ndarray, "pmt 3"]
    diameter_inch: UInt8[np.ndarray, " pmt"]
    aperture_radius: Float64[np.ndarray, " pmt"]
    pmt_radius: float
    scintillator_radius: float
    media: tuple[Medium, ...]
    light_gain: LightGain
    light: LightParameters
    digest: str

    @property
    def n_pmt(self) -> int:
        """Number of PMTs; cable numbers run from 0 to n_pmt - 1."""
        return len(self.positions)

    @property
    def directions(self) -> Float64[np.ndarray, "pmt 3"]:
        """Unit vectors from the centre to the PMTs, which all face it."""
        return self.positions / self.pmt_radius

    @property
    def photocoverage(self) -> float:
        """Area of the discs over the area of their sphere."""
        return float(np.sum(self.aperture_radius**2) / (4 * self.pmt_radius**2))


def load_detector(
    name_or_path: str | Path = "kamland-zen-800",
    *,
    pmt_radius: float | None = None,
    aperture_radius_17: float | None = None,
    aperture_radius_20: float | None = None,
) -> Detector:
    """The detector of a TOML description, given by path or by its name in detector_db.

    Args:
        name_or_path: a path that ends in .toml, or a name in detector_db/detectors.
        pmt_radius: radius of the sphere of the PMTs, m, instead of the file's.
        aperture_radius_17: radius of a 17-inch tube's disc, m, instead of the file's.
        aperture_radius_20: the same for a 20-inch tube.

    Raises:
        DetectorError: no such detector, or a key or value of its file is wrong.
    """
    path = _find(name_or_path)
    table = read_toml(path)
    apertures = {"17-inch": aperture_radius_17, "20-inch": aperture_radius_20}
    given = {key: value for key, value in apertures.items() if value is not None}
    if given and isinstance(table.get("aperture_radius_m"), dict):
        table["aperture_radius_m"] = {**table["aperture_radius_m"], **given}
    if pmt_radius is not None:
        table["pmt_radius_m"] = pmt_radius
    return _build(describe(table, str(path)), table)


def _build(description: Description, table: Mapping[str, object]) -> Detector:
    layout = LAYOUTS[description.layout](description.omitted)
    is_20 = layout.diameter_inch == 20
    radius_17, radius_20 = description.aperture_radius_17, description.aperture_radius_20
    return Detector(
        name=description.name,
        positions=description.pmt_radius * layout.directions,
        diameter_inch=layout.diameter_inch,
        aperture_radius=np.where(is_20, radius_20, radius_17),
        pmt_radius=description.pmt_radius,
        scintillator_radius=description.scintillator_radius,
        media=description.media,
        light_gain=description.light_gain,
        light=description.light,
        digest=hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest(),
    )


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return path
    directory = baseline_directory() / "detectors"
    found = {p.stem: p for p in sorted(directory.glob("*.toml"))}
    if str(name_or_path) not in found:
        choices = ", ".join(found) or "none"
        message = (
            f"a detector is named in {directory}, got {str(name_or_path)!r}: "
            f"choose from {choices}, or give the path of a .toml file"
        )
        raise DetectorError(message)
    return found[str(name_or_path)]
