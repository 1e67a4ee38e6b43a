"""The settings of a global fit, read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kzcal.calibrate.config import CalibrationConfig
from kzcal.errors import ConfigurationError
from kzcal.fit.parameters import ParameterSet, read_parameters
from kzcal.geometry import Detector, load_detector
from kzcal.geometry.materials import Materials, load_materials, replaced
from kzcal.io.toml import read_toml

SAMPLES = ("neutron-capture", "bipo-po214", "bipo-bi214", "po210", "c11")
TERMS = ("occupancy", "spectra", "times")


WORDS: Mapping[type, str] = MappingProxyType(
    {
        str: "a text",
        tuple: "a list",
        int: "a whole number",
        float: "a number",
        dict: "a table",
        type(None): "left out",
    }
)
KINDS: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "detector": (str,),
        "optics": (str,),
        "terms": (tuple,),
        "photons": (int,),
        "radius_m": (int, float),
        "rounds": (int,),
        "settled": (int, float),
        "seed": (int,),
        "fitter": (str,),
        "fit": (tuple, type(None)),
        "parameters": (dict,),
        "calibration": (dict,),
    }
)
"""What each setting may be."""


@dataclass(frozen=True, slots=True)
class FitConfig:
    """Settings of a global fit.

    Args:
        detector: name or TOML file of the detector.
        optics: CSV file of optical tables that replace those of detector_db with the same name.
        terms: what is compared.
        photons: traced for every round.
        radius_m: events farther out are left out.
        rounds: how often photons are traced, at most.
        settled: a fit ends once no parameter moves by more than this many standard deviations.
        seed: decides all simulation.
        fitter: way to minimise; "" for Newton's steps, or where trials are kept for a fitter that
            keeps them.
        fit: names of the free parameters; None for all that are not fixed in detector_db.
        parameters: keys of parameters that differ from detector_db.
        calibration: settings of the calibration of every PMT.
        where: the file, for errors.
    """

    detector: str = "kamland-zen-800"
    optics: str = ""
    terms: tuple[str, ...] = TERMS
    photons: int = 100_000_000
    radius_m: float = 5.5
    rounds: int = 8
    settled: float = 0.1
    seed: int = 1
    fitter: str = ""
    fit: tuple[str, ...] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    where: str = "defaults"

    def __post_init__(self) -> None:
        for name, kinds in KINDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kinds):
                words = " or ".join(WORDS[kind] for kind in kinds)
                message = f"{self.where}: {name} must be {words}, got {value!r}"
                raise ConfigurationError(message)
        wrong = [term for term in self.terms if term not in TERMS]
        if wrong or not self.terms:
            message = f"{self.where}: terms are some of {', '.join(TERMS)}, got {self.terms!r}"
            raise ConfigurationError(message)
        if self.seed < 0:
            message = f"{self.where}: a seed is not negative, got {self.seed}"
            raise ConfigurationError(message)
        for name in ("photons", "radius_m", "rounds", "settled"):
            value = getattr(self, name)
            if not value > 0:
                message = f"{self.where}: {name} must be positive, got {value!r}"
                raise ConfigurationError(message)

    def open_detector(self) -> tuple[Detector, Materials]:
        """The detector as its file describes it, and its materials."""
        detector, known = load_detector(self._beside(self.detector)), load_materials()
        if not self.optics:
            return detector, known
        return detector, replaced(known, self._beside(self.optics))

    def parameter_set(self, detector: Detector) -> ParameterSet:
        """The parameters, starting at the detector's."""
        chosen = None if self.fit is None else list(self.fit)
        return read_parameters(self.parameters, chosen, detector, self.where)

    def calibration_config(self) -> CalibrationConfig:
        """Settings of the calibration of every PMT."""
        known = {f.name for f in fields(CalibrationConfig)}
        unknown = [key for key in self.calibration if key not in known]
        if unknown:
            message = (
                f"{self.where}: unknown key {unknown[0]!r} of calibration: "
                f"choose from {', '.join(sorted(known))}"
            )
            raise ConfigurationError(message)
        return CalibrationConfig(**{"detector": self._beside(self.detector), **self.calibration})

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for the lineage; files by their name alone."""
        settings = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "where"}
        return settings | {
            "detector": Path(self.detector).name,
            "optics": Path(self.optics).name,
            "terms": list(self.terms),
            "fit": None if self.fit is None else list(self.fit),
            "parameters": dict(self.parameters),
            "calibration": dict(self.calibration),
        }

    @classmethod
    def from_toml(cls, path: Path) -> FitConfig:
        """Settings of a TOML file; paths in it are relative to it."""
        table = read_toml(path)
        known = [f.name for f in fields(cls) if f.name != "where"]
        for key, value in table.items():
            if key not in known:
                message = f"{path}: unknown key {key!r}: choose from {', '.join(known)}"
                raise ConfigurationError(message)
            if isinstance(value, list):
                table[key] = tuple(value)
        return cls(**table, where=str(path))

    def _beside(self, name: str) -> str:
        """A file's path as seen from the directory of the settings; a bare name stays."""
        if not name.endswith((".toml", ".csv")) or Path(name).is_absolute():
            return name
        return str(Path(self.where).parent / name)
