"""What materials are made of: elements, their shares and the density, from one TOML file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.baseline import baseline_directory
from kzcal.errors import DetectorError
from kzcal.geometry.description import read_toml

AVOGADRO = 6.02214076e23
ELEMENTS = {
    "H": (1, 1.008),
    "C": (6, 12.011),
    "N": (7, 14.007),
    "O": (8, 15.999),
    "Xe": (54, 131.293),
}
"""Atomic number and weight [g/mol] of the elements that the transport has cross-sections of."""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """A homogeneous material.

    Args:
        name: of the material in a detector file.
        density: g/cm3.
        elements: symbols.
        atomic_number: of the elements.
        mass_fraction: of the elements; they add up to one.
        atomic_mass: of the elements as they are in the material, g/mol.
    """

    name: str
    density: float
    elements: tuple[str, ...]
    atomic_number: Int64[np.ndarray, " element"]
    mass_fraction: Float64[np.ndarray, " element"]
    atomic_mass: Float64[np.ndarray, " element"]

    @property
    def atoms_per_gram(self) -> Float64[np.ndarray, " element"]:
        """Atoms of each element in a gram of the material."""
        atoms: Float64[np.ndarray, " element"] = AVOGADRO * self.mass_fraction / self.atomic_mass
        return atoms

    @property
    def electrons_per_gram(self) -> float:
        """Electrons in a gram of the material."""
        return float(self.atoms_per_gram @ self.atomic_number)


def load_compositions(path: Path | None = None) -> dict[str, Composition]:
    """Compositions by material.

    Args:
        path: a TOML file laid out as detector_db/materials/compositions.toml, instead of that.

    Raises:
        DetectorError: the file cannot be read, or a key or value is wrong.
    """
    source = path or baseline_directory() / "materials" / "compositions.toml"
    return {name: _composition(name, row, source) for name, row in read_toml(source).items()}


def composition(
    name: str,
    density: float,
    mass_fraction: Mapping[str, float],
    atomic_mass: Mapping[str, float] | None = None,
) -> Composition:
    """A material from the mass fractions of its elements.

    Args:
        name: of the material.
        density: g/cm3.
        mass_fraction: by symbol.
        atomic_mass: g/mol by symbol, where it is not the natural one.

    Raises:
        DetectorError: an element has no cross-sections.
    """
    elements = tuple(sorted(mass_fraction, key=lambda symbol: _element(symbol, name)[0]))
    weights = {symbol: ELEMENTS[symbol][1] for symbol in elements} | dict(atomic_mass or {})
    total = sum(mass_fraction.values())
    return Composition(
        name=name,
        density=density,
        elements=elements,
        atomic_number=np.array([ELEMENTS[symbol][0] for symbol in elements]),
        mass_fraction=np.array([mass_fraction[symbol] / total for symbol in elements]),
        atomic_mass=np.array([weights[symbol] for symbol in elements]),
    )


def _composition(name: str, row: object, source: Path) -> Composition:
    where = f"[{name}] of {source}"
    if not isinstance(row, dict) or set(row) != {"density_g_per_cm3", "compounds"}:
        message = f"a material has density_g_per_cm3 and compounds, got {row!r} in {where}"
        raise DetectorError(message)
    density, compounds = row["density_g_per_cm3"], row["compounds"]
    if not _is_positive(density):
        message = f"density_g_per_cm3 must be positive, got {density!r} in {where}"
        raise DetectorError(message)
    mass: dict[str, float] = {}
    atomic_mass: dict[str, float] = {}
    for compound in _compounds(compounds, where):
        counts = _atoms(compound["formula"], where)
        own = {symbol: ELEMENTS[symbol][1] for symbol in counts}
        if "molar_mass" in compound:
            own = atomic_mass = {**atomic_mass, **_only(counts, compound["molar_mass"], where)}
        molar = sum(n * own[symbol] for symbol, n in counts.items())
        for symbol, n in counts.items():
            share = compound["share"] * n * own[symbol] / molar
            mass[symbol] = mass.get(symbol, 0.0) + share
    return composition(name, float(density), mass, atomic_mass)


def _compounds(rows: object, where: str) -> list[dict[str, Any]]:
    keys = {"formula", "share"}
    if not isinstance(rows, list):
        message = f"compounds are a list of tables, got {rows!r} in {where}"
        raise DetectorError(message)
    for row in rows:
        if not isinstance(row, dict) or not keys <= set(row) <= keys | {"molar_mass"}:
            message = f"a compound has formula, share and maybe molar_mass, got {row!r} in {where}"
            raise DetectorError(message)
        wrong = [key for key in ("share", "molar_mass") if not _is_positive(row.get(key, 1.0))]
        if wrong:
            message = f"{wrong[0]} must be positive, got {row[wrong[0]]!r} in {where}"
            raise DetectorError(message)
    total = sum(row["share"] for row in rows)
    if abs(total - 1.0) > 1e-6:
        message = f"shares of compounds must add up to 1, got {total} in {where}"
        raise DetectorError(message)
    return rows


def _atoms(formula: object, where: str) -> dict[str, int]:
    if not isinstance(formula, str) or not re.fullmatch(r"([A-Z][a-z]?\d*)+", formula):
        message = f"a formula is written like C12H26, got {formula!r} in {where}"
        raise DetectorError(message)
    counts: dict[str, int] = {}
    for symbol, number in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
        _element(symbol, where)
        counts[symbol] = counts.get(symbol, 0) + int(number or 1)
    return counts


def _element(symbol: str, where: str) -> tuple[int, float]:
    if symbol not in ELEMENTS:
        message = (
            f"elements with cross-sections are {', '.join(ELEMENTS)}, got {symbol!r} in {where}"
        )
        raise DetectorError(message)
    return ELEMENTS[symbol]


def _only(counts: Mapping[str, int], molar_mass: float, where: str) -> dict[str, float]:
    if len(counts) != 1:
        message = f"molar_mass goes with a single element, got {list(counts)} in {where}"
        raise DetectorError(message)
    symbol, number = next(iter(counts.items()))
    return {symbol: molar_mass / number}


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and value is not True and 0 < value < math.inf
