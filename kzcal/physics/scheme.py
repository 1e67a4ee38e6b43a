"""A decay scheme as flat tables, from which many decays are drawn at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.physics.beta import ELECTRON_MASS, BetaBranch, BetaSpectra
from kzcal.physics.decay_table import Atom, Branch, Feed, Level, Nuclide, Way
from kzcal.physics.relaxation import NONE, K, L, M

ATOMIC_MASS = 931.49410
"""MeV."""
NS = 1e9
"""Per second."""


@dataclass(frozen=True, slots=True, eq=False)
class Starts:
    """Ways in which the parent decays.

    Args:
        cumulative: probability of this row and those before it.
        spectrum: row of the beta spectra; -1 where there is none.
        positron: whether the beta is a positron.
        alpha: kinetic energy of an alpha, MeV; 0 for none.
        shell: where a capture leaves a hole.
        atom: index of the daughter's atom.
        level: where the cascade begins.
    """

    cumulative: Float64[np.ndarray, " start"]
    spectrum: Int64[np.ndarray, " start"]
    positron: Int64[np.ndarray, " start"]
    alpha: Float64[np.ndarray, " start"]
    shell: Int64[np.ndarray, " start"]
    atom: Int64[np.ndarray, " start"]
    level: Int64[np.ndarray, " start"]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps of the cascade; those out of level i have cumulative values between i and i + 1.

    Args:
        cumulative: of the level's steps, plus the index of the level.
        energy: of the photon or the conversion electron, MeV.
        shell: where a conversion leaves a hole; NONE for a photon.
        level: where the step ends.
    """

    cumulative: Float64[np.ndarray, " step"]
    energy: Float64[np.ndarray, " step"]
    shell: Int64[np.ndarray, " step"]
    level: Int64[np.ndarray, " step"]


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The levels of all daughters.

    Args:
        mean_life: ns.
        goes_on: whether there are steps out of it.
        breakup: alphas that it falls apart into.
        energy: MeV.
        atom: index of the atom.
    """

    mean_life: Float64[np.ndarray, " level"]
    goes_on: Int64[np.ndarray, " level"]
    breakup: Int64[np.ndarray, " level"]
    energy: Float64[np.ndarray, " level"]
    atom: Int64[np.ndarray, " level"]


@dataclass(frozen=True, slots=True, eq=False)
class Scheme:
    """Everything that is drawn from."""

    starts: Starts
    steps: Steps
    levels: Levels
    spectra: BetaSpectra
    atoms: tuple[Atom, ...]


def flatten(nuclide: Nuclide) -> Scheme:
    """The tables of one nuclide."""
    atoms = tuple(nuclide.atoms[branch.charge] for branch in nuclide.branches)
    betas: list[BetaBranch] = []
    starts: list[tuple[float | int, ...]] = []
    steps: list[tuple[float | int, ...]] = []
    levels: list[tuple[float | int, ...]] = []
    for index, branch in enumerate(nuclide.branches):
        first = len(levels)
        for feed in branch.feeds:
            rows = _begun(branch, feed, betas)
            starts += [(*row, index, first + feed.level) for row in rows]
        for level in branch.levels:
            steps += _ranked(_left(branch, level, atoms[index]), len(levels), first)
            mean_life = level.half_life / np.log(2.0) * NS
            levels.append((mean_life, bool(level.ways), level.breakup, level.energy, index))
    probability, *columns = _columns(starts, "fiifiii")
    cumulative = np.cumsum(probability) / probability.sum()
    return Scheme(
        Starts(cumulative, *columns),
        Steps(*_columns(steps, "ffii")),
        Levels(*_columns(levels, "fiifi")),
        BetaSpectra.of(betas),
        atoms,
    )


def _columns(rows: Sequence[tuple[float | int, ...]], kinds: str) -> list[np.ndarray]:
    """Rows as columns of floats (f) and integers (i)."""
    names = [(str(place), f"{kind}8") for place, kind in enumerate(kinds)]
    table = np.array(rows, dtype=names)
    return [table[name] for name, _ in names]


def _ranked(
    rows: Iterable[tuple[float, float, int, int]], level: int, first: int
) -> list[tuple[float, float, int, int]]:
    """Steps with the index of their level plus their cumulative probability."""
    steps = list(rows)
    total = np.cumsum([step[0] for step in steps])
    return [
        (level + part / total[-1], energy, shell, first + final)
        for part, (_, energy, shell, final) in zip(total, steps, strict=True)
    ]


def _begun(
    branch: Branch, feed: Feed, betas: list[BetaBranch]
) -> Iterator[tuple[float, int, bool, float, int]]:
    """Probability, spectrum, whether a positron, alpha energy and hole of a feed, by shell."""
    share = branch.share * feed.probability
    left = branch.q_value - branch.levels[feed.level].energy
    if feed.kind == "ec":
        outside = max(1.0 - feed.k_share - feed.l_share, 0.0)
        for shell, part in ((K, feed.k_share), (L, feed.l_share), (M, outside)):
            yield share * part, NONE, False, 0.0, shell
    elif feed.kind in ("b-", "b+"):
        positron = feed.kind == "b+"
        charge = -branch.charge if positron else branch.charge
        end_point = left - 2.0 * ELECTRON_MASS * positron
        betas.append(BetaBranch(charge, branch.mass, end_point, feed.unique))
        yield share, len(betas) - 1, positron, 0.0, NONE
    else:
        alpha = left * branch.mass / (branch.mass + 4.0) if feed.kind == "a" else 0.0
        yield share, NONE, False, alpha, NONE


def _left(branch: Branch, level: Level, atom: Atom) -> Iterator[tuple[float, float, int, int]]:
    """Probability, energy, hole and final level of every step out of a level."""
    for way in level.ways:
        energy = level.energy - branch.levels[way.final].energy
        photon = energy - energy**2 / (2.0 * branch.mass * ATOMIC_MASS)
        emitted = way.probability / (1.0 + way.conversion)
        yield emitted, photon, NONE, way.final
        for shell, part in _shells(way, energy, atom):
            converted = way.probability - emitted
            yield converted * part, energy - atom.binding[shell], shell, way.final


def _shells(way: Way, energy: float, atom: Atom) -> list[tuple[int, float]]:
    """Share of the conversion electrons by shell, of the shells that the energy can empty."""
    shares = {K: way.k_share, L: way.l_share, M: max(1.0 - way.k_share - way.l_share, 0.0)}
    open_to = {s: p for s, p in shares.items() if energy > atom.binding[s] and p > 0.0}
    total = sum(open_to.values())
    if not open_to:
        return [(M, 1.0)] if energy > atom.binding[M] else []
    return [(shell, part / total) for shell, part in open_to.items()]
