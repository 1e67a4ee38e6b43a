"""Optical tables of the materials, by wavelength, from one text file that anyone may copy.

The file has the columns medium, quantity, wavelength_nm, value; lines that begin with # are
comments. Between its rows a table is linear, beyond them constant.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from kzcal.baseline import baseline_directory
from kzcal.errors import DetectorError

Spectrum = Float64[np.ndarray, " wavelength"]

HEADER = ["medium", "quantity", "wavelength_nm", "value"]
RANGES = {
    "refractive_index": (1.0, 5.0),
    "attenuation_length_m": (1e-12, math.inf),
    "scattering_fraction": (0.0, 1.0),
    "reemission_probability": (0.0, 1.0),
    "emission_relative": (0.0, math.inf),
    "quantum_efficiency": (0.0, 1.0),
    "reflectivity": (0.0, 1.0),
}
"""Quantities of a file and the values that each may take, both ends included."""

SPEED_OF_LIGHT = 0.299792458
"""In vacuum, m/ns."""

SMOOTH_NM = (200.0, 800.0)
"""Range of the refractive index that the curve of the group velocity follows, nm."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One table: values at increasing wavelengths [nm]."""

    wavelength: Spectrum
    value: Spectrum

    def at(self, wavelength: Spectrum) -> Spectrum:
        """Values by linear interpolation."""
        values: Spectrum = np.interp(wavelength, self.wavelength, self.value)
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Materials:
    """Tables of all materials.

    Args:
        curves: by material and quantity.
        where: the file they came from.
        digest: SHA-256 of that file.
    """

    curves: Mapping[tuple[str, str], Curve]
    where: str
    digest: str

    @property
    def names(self) -> list[str]:
        """Materials of which the file holds anything."""
        return sorted({material for material, _ in self.curves})

    def curve(self, material: str, quantity: str) -> Curve:
        """A table that must be there.

        Raises:
            DetectorError: it is not.
        """
        if (material, quantity) not in self.curves:
            choices = ", ".join(m for m, q in sorted(self.curves) if q == quantity) or "none"
            message = (
                f"light in {material!r} needs a table of {quantity}, got none in {self.where}: "
                f"add it, or choose a material that has one ({choices})"
            )
            raise DetectorError(message)
        return self.curves[material, quantity]

    def refractive_index(self, material: str, wavelength: Spectrum) -> Spectrum:
        """Phase index."""
        return self.curve(material, "refractive_index").at(wavelength)

    def group_velocity(self, material: str, wavelength: Spectrum) -> Spectrum:
        """Speed of a pulse of light, m/ns: c / (n - lambda dn/dlambda).

        The index is the least-squares curve a + b/lambda^2 + c lambda^2 + d/lambda^4 through its
        table, because the rounding of the tables would show in differences of neighbours.
        """
        curve = self.curve(material, "refractive_index")
        inside = (curve.wavelength >= SMOOTH_NM[0]) & (curve.wavelength <= SMOOTH_NM[1])
        nodes, index = curve.wavelength[inside] / 1e3, curve.value[inside]
        if len(nodes) == 0:
            nodes, index = curve.wavelength / 1e3, curve.value
        powers = np.array([0, -2, 2, -4])[: len(nodes)]
        weights = np.linalg.lstsq(nodes[:, None] ** powers, index, rcond=None)[0]
        # n - lambda dn/dlambda of a power p is (1 - p) times that power.
        group_index = (wavelength[:, None] / 1e3) ** powers @ (weights * (1 - powers))
        velocity: Spectrum = SPEED_OF_LIGHT / group_index
        return velocity

    def absorption(self, material: str, wavelength: Spectrum) -> Spectrum:
        """Absorption coefficient, 1/m: what of the attenuation is not scattering."""
        attenuation = 1 / self.curve(material, "attenuation_length_m").at(wavelength)
        return (1 - self._or_zero(material, "scattering_fraction", wavelength)) * attenuation

    def scattering(self, material: str, wavelength: Spectrum) -> Spectrum:
        """Rayleigh scattering coefficient, 1/m."""
        attenuation = 1 / self.curve(material, "attenuation_length_m").at(wavelength)
        return self._or_zero(material, "scattering_fraction", wavelength) * attenuation

    def reemission(self, material: str, wavelength: Spectrum) -> Spectrum:
        """Probability that absorbed light is emitted again; zero without a table."""
        return self._or_zero(material, "reemission_probability", wavelength)

    def emission(self, material: str, wavelength: Spectrum) -> Spectrum:
        """Scintillation photons per nm in any unit; zero without a table."""
        return self._or_zero(material, "emission_relative", wavelength)

    def quantum_efficiency(self, wavelength: Spectrum) -> Spectrum:
        """Photoelectrons per photon that a PMT of relative efficiency 1 does not reflect."""
        return self.curve("photocathode", "quantum_efficiency").at(wavelength)

    def _or_zero(self, material: str, quantity: str, wavelength: Spectrum) -> Spectrum:
        curve = self.curves.get((material, quantity))
        return np.zeros_like(wavelength) if curve is None else curve.at(wavelength)


def load_materials(name_or_path: str | Path = "optics") -> Materials:
    """The materials of a file, given by path or by its name in detector_db/materials.

    Args:
        name_or_path: a path that ends in .csv, or a name in detector_db/materials.

    Raises:
        DetectorError: no such file, or a row of it is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".csv":
        path = _named(str(name_or_path))
    try:
        content = path.read_bytes()
        lines = content.decode().splitlines()
    except OSError as error:
        message = f"a materials file must be readable, got {path}: {error.strerror}"
        raise DetectorError(message) from error
    except UnicodeDecodeError as error:
        message = f"a materials file must be UTF-8 text, got {path}: {error}"
        raise DetectorError(message) from error
    digest = hashlib.sha256(content).hexdigest()
    return Materials(_curves(lines, str(path)), str(path), digest)


def replaced(known: Materials, path: str | Path) -> Materials:
    """Materials with tables of another file in place of their own of the same names.

    Args:
        known: all that are needed.
        path: of the other file.

    Raises:
        DetectorError: it cannot be read, or a row of it is wrong.
    """
    own = load_materials(path)
    digest = hashlib.sha256(f"{known.digest} {own.digest}".encode()).hexdigest()
    return Materials({**known.curves, **own.curves}, own.where, digest)


def _named(name: str) -> Path:
    directory = baseline_directory() / "materials"
    found = {path.stem: path for path in sorted(directory.glob("*.csv"))}
    if name not in found:
        choices = ", ".join(found) or "none"
        message = (
            f"materials are named in {directory}, got {name!r}: "
            f"choose from {choices}, or give the path of a .csv file"
        )
        raise DetectorError(message)
    return found[name]


def _curves(lines: Sequence[str], where: str) -> dict[tuple[str, str], Curve]:
    rows = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    header = next(csv.reader([rows[0][1]])) if rows else []
    if header != HEADER:
        message = f"the first row must be {','.join(HEADER)}, got {header} in {where}"
        raise DetectorError(message)
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number, line in rows[1:]:
        key, point = _point(next(csv.reader([line])), f"{where} line {number}")
        table = points.setdefault(key, [])
        if table and point[0] <= table[-1][0]:
            message = (
                f"wavelengths of {key[1]} of {key[0]} must increase, "
                f"got {point[0]} after {table[-1][0]} in {where} line {number}"
            )
            raise DetectorError(message)
        table.append(point)
    return {key: _curve(table) for key, table in points.items()}


def _curve(points: Iterable[tuple[float, float]]) -> Curve:
    wavelength, value = np.array(list(points), dtype=np.float64).T
    return Curve(wavelength, value)


def _point(cells: Sequence[str], where: str) -> tuple[tuple[str, str], tuple[float, float]]:
    if len(cells) != len(HEADER):
        message = f"a row must have {len(HEADER)} cells, got {len(cells)} in {where}"
        raise DetectorError(message)
    material, quantity = cells[0].strip(), cells[1].strip()
    if quantity not in RANGES:
        message = f"unknown quantity {quantity!r} in {where}: valid are {list(RANGES)}"
        raise DetectorError(message)
    wavelength = _number(cells[2], "wavelength_nm", (1e-3, math.inf), where)
    return (material, quantity), (wavelength, _number(cells[3], quantity, RANGES[quantity], where))


def _number(text: str, name: str, limits: tuple[float, float], where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (limits[0] <= value <= limits[1] and math.isfinite(value)):
        message = (
            f"{name} must be a number from {limits[0]:g} to {limits[1]:g}, got {text!r} in {where}"
        )
        raise DetectorError(message)
    return value
