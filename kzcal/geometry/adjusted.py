"""A detector with other values of the parameters that a global fit finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kzcal.errors import DetectorError
from kzcal.geometry.description import Medium
from kzcal.geometry.detector import Detector

LIGHT = (
    "absorption_scale",
    "scattering_scale",
    "pmt_reflectivity",
    "sheet_reflectivity",
    "angular_slope",
    "cherenkov_scale",
    "decay_scale",
)
"""Parameters that are fields of the detector's ``light``."""
BIRKS = "birks_mm_per_mev"
YIELD = "light_yield"


def values_of(detector: Detector) -> dict[str, float]:
    """Values that a detector's description gives."""
    values: dict[str, float] = {name: getattr(detector.light, name) for name in LIGHT}
    return values | {BIRKS: scintillator(detector).birks_mm_per_mev, YIELD: 1.0}


def detector_at(nominal: Detector, values: Mapping[str, float]) -> Detector:
    """The detector with other parameters; Birks constants keep their ratios to each other.

    Args:
        nominal: as its file describes it.
        values: by name; what it does not name stays.
    """
    given = values_of(nominal) | dict(values)
    quench = given[BIRKS] / scintillator(nominal).birks_mm_per_mev
    light = replace(
        nominal.light,
        **{name: given[name] for name in LIGHT},
        alpha_birks_mm_per_mev=nominal.light.alpha_birks_mm_per_mev * quench,
    )
    media = tuple(
        replace(
            medium,
            birks_mm_per_mev=medium.birks_mm_per_mev * quench,
            photons_per_mev=medium.photons_per_mev * given[YIELD],
        )
        for medium in nominal.media
    )
    moved: Detector = replace(nominal, light=light, media=media)
    return moved


def scintillator(detector: Detector) -> Medium:
    """The medium of a detector that shines in the most volume.

    Raises:
        DetectorError: none does.
    """
    shining = [medium for medium in detector.media if medium.photons_per_mev > 0]
    if not shining:
        message = f"a global fit needs a medium that scintillates, got none in {detector.name}"
        raise DetectorError(message)
    return max(shining, key=lambda m: m.outer_radius_m**3 - m.inner_radius_m**3)
