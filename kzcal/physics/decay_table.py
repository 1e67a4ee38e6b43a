"""The decay schemes that kzcal ships, as records.

Compiled by ``benchmarks/compile_decays.py``; each nuclide names its source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from kzcal.errors import ConfigurationError

KEV = 1e-3
"""MeV."""


@dataclass(frozen=True, slots=True)
class Way:
    """One transition out of a level.

    Args:
        final: index of the level where it ends.
        probability: among the ways out of the level.
        conversion: conversion electrons per photon.
        k_share, l_share: of the conversion electrons, by shell; the rest comes from outside.
    """

    final: int
    probability: float
    conversion: float
    k_share: float
    l_share: float


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the daughter.

    Args:
        energy: above the ground state, MeV.
        half_life: s; 0 where it is too short to have been measured.
        ways: transitions out of it; none where the cascade ends.
        breakup: alphas that it falls apart into, 0 for none.
    """

    energy: float
    half_life: float
    ways: tuple[Way, ...]
    breakup: int = 0


@dataclass(frozen=True, slots=True)
class Feed:
    """How the parent reaches a level.

    Args:
        level: index of the level.
        kind: ``b-``, ``b+``, ``ec``, ``a`` or ``it``.
        probability: among the feeds of the branch.
        unique: degree of a unique forbidden transition; 0 for every other.
        k_share, l_share: of captures, by shell.
    """

    level: int
    kind: str
    probability: float
    unique: int
    k_share: float
    l_share: float


@dataclass(frozen=True, slots=True)
class Branch:
    """Decays to one daughter.

    Args:
        daughter: such as ``214Po``.
        charge: atomic number of the daughter.
        mass: mass number of the daughter.
        share: of the parent's decays.
        q_value: from the parent's state to the daughter's ground state, MeV.
    """

    daughter: str
    charge: int
    mass: int
    share: float
    q_value: float
    levels: tuple[Level, ...]
    feeds: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class Atom:
    """The shells of an atom.

    Args:
        binding: of a K, L and M electron, MeV.
        fluorescence: probability that a K vacancy is filled with an X-ray.
        k_alpha, k_beta: energies of these X-rays, MeV.
        beta_share: of K beta among them.
    """

    binding: tuple[float, float, float]
    fluorescence: float
    k_alpha: float
    k_beta: float
    beta_share: float


@dataclass(frozen=True, slots=True)
class Nuclide:
    """A radioactive nuclide.

    Args:
        half_life: s; None for a capture, which does not decay.
        source: where its data come from.
        branches: its decays by daughter.
        atoms: shells by atomic number of the daughter.
    """

    half_life: float | None
    source: str
    branches: tuple[Branch, ...]
    atoms: Mapping[int, Atom]

    @property
    def q_value(self) -> float:
        """Of the branch with most energy, MeV."""
        return max(branch.q_value for branch in self.branches)

    def to(self, daughter: str) -> Nuclide:
        """Only the decays to one daughter."""
        kept = tuple(b for b in self.branches if b.daughter == daughter)
        if not kept:
            choices = ", ".join(b.daughter for b in self.branches)
            message = f"a branch leads to a known daughter, got {daughter} (choices: {choices})"
            raise ConfigurationError(message)
        return replace(self, branches=tuple(replace(b, share=1.0) for b in kept))


def read_nuclides(*names: str) -> tuple[Nuclide, ...]:
    """Nuclides by name, such as ``bi214``; without a name, all that kzcal ships.

    Raises:
        ConfigurationError: the table does not hold one of them; names the choices.
    """
    text = files("kzcal.physics").joinpath("data/decays.json").read_text(encoding="utf-8")
    table = json.loads(text)
    rows, atoms = table["nuclides"], {int(z): _atom(row) for z, row in table["atoms"].items()}
    for name in names:
        if name not in rows:
            choices = ", ".join(rows)
            message = f"a nuclide is one of the decay table, got {name!r} (choices: {choices})"
            raise ConfigurationError(message)
    return tuple(_nuclide(rows[name], atoms) for name in names or rows)


def _atom(row: list[float]) -> Atom:
    fluorescence, alpha, beta, share = row[3:]
    binding = (row[0] * KEV, row[1] * KEV, row[2] * KEV)
    return Atom(binding, fluorescence, alpha * KEV, beta * KEV, share)


def _nuclide(row: Mapping[str, Any], atoms: Mapping[int, Atom]) -> Nuclide:
    branches = tuple(
        Branch(
            branch["daughter"],
            branch["z"],
            branch["a"],
            branch["share"],
            branch["q"] * KEV,
            tuple(_level(*level) for level in branch["levels"]),
            tuple(Feed(*feed) for feed in branch["feeds"]),
        )
        for branch in row["branches"]
    )
    return Nuclide(row["half_life"], row["source"], branches, atoms)


def _level(energy: float, half_life: float, ways: list[list[Any]], breakup: int = 0) -> Level:
    return Level(energy * KEV, half_life, tuple(Way(*way) for way in ways), breakup)
