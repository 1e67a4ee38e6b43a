"""Muons with their showers, and the neutrons that are captured after them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.simulate.muons import (
    CAPTURE_TIME_NS,
    MuonRates,
    downward,
    entries,
    perpendicular,
    series_parameter,
)
from kzcal.simulate.shower_laws import ShowerLaws, ShowerModel

Vectors = Float64[np.ndarray, "muon 3"]
MOST_CAPTURES = 4096
"""Numbers of captures over which the logarithmic series is summed."""


@dataclass(frozen=True, slots=True, eq=False)
class Showers:
    """Muons through the scintillator, with or without a shower; one row each.

    Args:
        entry: into the scintillator, m.
        direction: unit vector.
        captures: number of neutrons that are captured in the scintillator.
        centre: of the shower along the track from the entry, m; NaN without one.
        energy: that the shower would deposit on an endless track, MeV; 0 without one.
    """

    entry: Vectors
    direction: Vectors
    captures: Int64[np.ndarray, " muon"]
    centre: Float64[np.ndarray, " muon"]
    energy: Float64[np.ndarray, " muon"]

    def __len__(self) -> int:
        """Number of muons."""
        return len(self.captures)

    @property
    def length(self) -> Float64[np.ndarray, " muon"]:
        """Of the tracks in the scintillator, m."""
        return np.asarray(-2.0 * np.sum(self.entry * self.direction, axis=1))

    @property
    def showering(self) -> Bool[np.ndarray, " muon"]:
        """Which have a shower."""
        return np.asarray(np.isfinite(self.centre))

    def take(self, rows: Int64[np.ndarray, " taken"]) -> Showers:
        """The chosen muons."""
        return Showers(*(getattr(self, name)[rows] for name in Showers.__slots__))

    @classmethod
    def joined(cls, *parts: Showers) -> Showers:
        """Muons one after the other."""
        columns = ([getattr(part, name) for part in parts] for name in cls.__slots__)
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """Neutrons that are captured, in the order of their muons.

    Args:
        muon: row of the muon.
        delay_us: after it, us.
        position: m.
    """

    muon: Int64[np.ndarray, " capture"]
    delay_us: Float64[np.ndarray, " capture"]
    position: Float64[np.ndarray, "capture 3"]


def draw_showers(
    model: ShowerModel, n: int, radius: float, *, generator: np.random.Generator
) -> Showers:
    """Muons as they come, most of them without captures.

    Args:
        model: what they follow.
        n: number of muons.
        radius: of the scintillator, m.
        generator: of all that is drawn.
    """
    direction = downward(n, generator)
    across = radius * np.sqrt(generator.random(n))
    entry = entries(direction, across, radius, generator)
    length = 2 * np.sqrt(radius**2 - across**2)
    chance = model.muons.neutron_muons * length / (4 / 3 * radius)
    neutrons = generator.logseries(series_parameter(model.muons.neutrons), n)
    captures = np.where(generator.random(n) < chance, neutrons, 0)
    return _with_showers(model, entry, direction, captures, generator)


def draw_neutron_muons(
    model: ShowerModel, n: int, radius: float, *, generator: np.random.Generator
) -> Showers:
    """Muons that are followed by captures, of which long tracks have more."""
    direction = downward(n, generator)
    nearness = 1 - (1 - generator.random(n)) ** (2 / 3)
    entry = entries(direction, radius * np.sqrt(nearness), radius, generator)
    captures = generator.logseries(series_parameter(model.muons.neutrons), n)
    return _with_showers(model, entry, direction, captures, generator)


def draw_quiet_muons(
    model: ShowerModel, n: int, radius: float, *, generator: np.random.Generator
) -> Showers:
    """Muons that no capture follows. Assumption: their tracks are as long as those of all."""
    direction = downward(n, generator)
    across = radius * np.sqrt(generator.random(n))
    entry = entries(direction, across, radius, generator)
    return _with_showers(model, entry, direction, np.zeros(n, np.int64), generator)


def _with_showers(
    model: ShowerModel,
    entry: Vectors,
    direction: Vectors,
    captures: Int64[np.ndarray, " muon"],
    generator: np.random.Generator,
) -> Showers:
    n = len(captures)
    half, quiet = showering_chance(model.muons, model.showers)
    chance = np.where(captures > 0, captures / (captures + half), quiet)
    showers = generator.random(n) < chance
    along = -2.0 * np.sum(entry * direction, axis=1) * generator.random(n)
    energy = shower_energy(model.showers, captures, generator=generator)
    centre = np.where(showers, along, np.nan)
    return Showers(entry, direction, captures, centre, np.where(showers, energy, 0.0))


@lru_cache(maxsize=32)
def showering_chance(rates: MuonRates, laws: ShowerLaws) -> tuple[float, float]:
    """Captures at which half of the muons shower, and the share that does without captures."""
    from scipy.optimize import brentq

    k = np.arange(1, MOST_CAPTURES)
    p = series_parameter(rates.neutrons)
    weight = -(p**k) / (k * math.log1p(-p))

    share = min(max(laws.shower_neutrons, 1e-6), 1 - 1e-6)

    def excess(half: float) -> float:
        return float(weight @ (k * k / (k + half)) / rates.neutrons - share)

    least, most = 1e-9, 1e9
    if excess(least) <= 0:
        half = least
    elif excess(most) >= 0:
        half = most
    else:
        half = float(brentq(excess, least, most))
    some = rates.neutron_muons * float(weight @ (k / (k + half)))
    return half, min(max((rates.shower_share - some) / (1 - rates.neutron_muons), 0.0), 1.0)


def shower_energy(
    laws: ShowerLaws, captures: Int64[np.ndarray, " muon"], *, generator: np.random.Generator
) -> Float64[np.ndarray, " muon"]:
    """Energies of showers with so many captures, MeV."""
    chance, power = generator.random(len(captures)), 1 - laws.shower_slope
    ratio = laws.shower_most / laws.shower_mev
    power = power or 1e-9
    alone = (1 + chance * (ratio**power - 1)) ** (1 / power)
    return np.asarray(laws.shower_mev * alone + laws.capture_mev * captures)


def draw_parents(
    model: ShowerModel,
    place: Vectors,
    radius: float,
    *,
    generator: np.random.Generator,
) -> Showers:
    """Muons that make an isotope at each of some places, by a shower that passes near.

    Args:
        model: what they follow.
        place: of the isotopes, m.
        radius: of the scintillator, m.
        generator: of all that is drawn.

    Assumption: such muons are so few that they add nothing to the others' rate.
    """
    n, laws = len(place), model.showers
    direction = downward(n, generator)
    axis = np.full((n, 3), np.inf)
    while len(row := np.flatnonzero(~(np.linalg.norm(axis, axis=1) < radius))):
        away = generator.exponential(laws.isotope_m, len(row))
        axis[row] = place[row] + away[:, None] * perpendicular(direction[row], generator)
    forward = np.sum(axis * direction, axis=1)
    half = np.sqrt(forward**2 + radius**2 - np.sum(axis**2, axis=1))
    centre = np.full(n, -1.0)
    while len(row := np.flatnonzero(~((centre > 0) & (centre < 2 * half)))):
        shift = laws.core_m * generator.standard_normal(len(row))
        centre[row] = (half + forward)[row] + shift
    logarithm = laws.parent_spread * generator.standard_normal(n)
    captures = np.maximum(np.rint(laws.parent_neutrons * np.exp(logarithm)), 1).astype(np.int64)
    energy = shower_energy(laws, captures, generator=generator)
    entry = axis - (half + forward)[:, None] * direction
    return Showers(entry, direction, captures, centre, energy)


def draw_captures(
    model: ShowerModel, showers: Showers, radius: float, *, generator: np.random.Generator
) -> Captured:
    """The captures after muons, all of them inside the scintillator.

    Those of a shower are spread about its centre, those of other muons evenly along the track.
    """
    rates, length, core = model.muons, showers.length, model.showers.core_m
    first = perpendicular(showers.direction, generator)
    second = np.cross(showers.direction, first)
    muon = np.repeat(np.arange(len(showers)), showers.captures)
    position = np.empty((len(muon), 3))
    row = np.arange(len(muon))
    while len(row):
        track, n = muon[row], len(row)
        mean = np.where(generator.random(n) < rates.near_share, rates.near_m, rates.far_m)
        distance = mean * generator.standard_exponential(n)
        azimuth = generator.uniform(0, 2 * math.pi, n)
        shower = showers.centre[track] + core * generator.standard_normal(n)
        even = generator.random(n) * length[track]
        along = np.where(showers.showering[track], shower, even)
        found = showers.entry[track] + along[:, None] * showers.direction[track]
        found += (distance * np.cos(azimuth))[:, None] * first[track]
        found += (distance * np.sin(azimuth))[:, None] * second[track]
        position[row] = found
        row = row[np.einsum("ca,ca->c", found, found) >= radius**2]
    delay = generator.exponential(CAPTURE_TIME_NS * 1e-3, len(muon))
    return Captured(muon, delay, position)
