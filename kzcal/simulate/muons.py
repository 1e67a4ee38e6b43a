"""Muons through the scintillator, and the neutrons that are captured along their tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.hits import Muons
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.volumes import directions

CAPTURE_TIME_NS = 207_500.0
"""Mean time from production to capture. Source: KamLAND (2015), arXiv:1503.02137."""
LONGEST_M = 50.0
"""Captures that are farther from their tracks hardly ever fall into the scintillator."""
MOST_NEUTRONS = 300.0
"""Mean number of captures, sixty times that of KamLAND's muons."""
LIGHT_PER_METRE = 6.0e4
"""p.e. per metre of track. Assumption: 1.7 MeV/cm of a minimum-ionising muon in liquid of
0.78 g/cm3, 350 p.e./MeV; measured muon charges against track lengths would settle it."""


@dataclass(frozen=True, slots=True)
class MuonRates:
    """How often muons come and what they leave.

    Args:
        rate_hz: through the scintillator. Source: (0.198 +- 0.014) Hz, KamLAND (2010),
            arXiv:0907.0066.
        neutron_muons: share of muons after which any neutron is captured; up to 2/3, since the
            longest tracks, 3/2 of the mean one, have more.
        neutrons: mean number of captures after such a muon, logarithmic series. Source: 3,250
            captures a day, 0.19 per muon, of the same paper; their distribution over muons is an
            Assumption that the multiplicities of a run settle.
        shower_share: share of muons with a shower, which carry more light.
        near_share: share of captures whose distance from the track follows the near profile.
        near_m: mean distance of these, m.
        far_m: mean distance of the others, m. Assumption: two exponentials in the distance, as
            published profiles fall; captures of a run settle it.
    """

    rate_hz: float = 0.198
    neutron_muons: float = 0.04
    neutrons: float = 4.8
    shower_share: float = 0.15
    near_share: float = 0.6
    near_m: float = 0.38
    far_m: float = 1.00

    def __post_init__(self) -> None:
        _check(self, ("rate_hz",), 0, math.inf)
        _check(self, ("near_m", "far_m"), 0, LONGEST_M)
        _check(self, ("shower_share", "near_share"), 0, 1)
        _check(self, ("neutron_muons",), 0, 2 / 3)
        _check(self, ("neutrons",), 1, MOST_NEUTRONS)


def _check(rates: MuonRates, names: Sequence[str], low: float, high: float) -> None:
    for name in names:
        value = getattr(rates, name)
        if not low <= value <= high or value == math.inf:
            message = f"{name} of [muons] must lie between {low} and {high}, got {value}"
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True, eq=False)
class Captures:
    """Neutron captures in time order.

    Args:
        timestamp: ns since the start of the run.
        position: m.
    """

    timestamp: Int64[np.ndarray, " capture"]
    position: Float64[np.ndarray, "capture 3"]


def draw_muons(
    rates: MuonRates, duration_ns: int, radius: float, key: BlockKey
) -> tuple[Muons, Captures]:
    """Muons of a run and the captures after them.

    Args:
        rates: how often.
        duration_ns: of the run.
        radius: of the scintillator, m.
        key: decides them.
    """
    generator = key.numpy("muons")
    n = int(generator.poisson(rates.rate_hz * duration_ns * 1e-9))
    timestamp = np.sort(generator.integers(0, duration_ns, n))
    direction = downward(n, generator)
    entry = _entries(direction, radius, generator)
    length = 2 * np.abs(np.sum(entry * direction, axis=1))
    showers = generator.random(n) < rates.shower_share
    charge = LIGHT_PER_METRE * length * np.where(showers, generator.uniform(2, 10, n), 1.0)
    tracks = Muons(
        timestamp,
        entry.astype(np.float32),
        direction.astype(np.float32),
        charge.astype(np.float32),
    )
    captures = _captures(rates, timestamp, entry, direction, length, radius, generator)
    within = captures.timestamp < duration_ns
    return tracks, Captures(captures.timestamp[within], captures.position[within])


def downward(n: int, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
    """Directions of muons.

    Assumption: cos² of the zenith angle on a flat mountain; the profile above the mine and the
    measured tracks would settle it.
    """
    cosine = np.cbrt(generator.random(n))
    azimuth = generator.uniform(0.0, 2 * math.pi, n)
    across = np.sqrt(1 - cosine**2)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), -cosine], axis=1)


def _entries(
    direction: Float64[np.ndarray, "n 3"], radius: float, generator: np.random.Generator
) -> Float64[np.ndarray, "n 3"]:
    """Where parallel muons, spread evenly, enter a sphere, m."""
    across = radius * np.sqrt(generator.random(len(direction)))
    return entries(direction, across, radius, generator)


def entries(
    direction: Float64[np.ndarray, "n 3"],
    across: Float64[np.ndarray, " n"],
    radius: float,
    generator: np.random.Generator,
) -> Float64[np.ndarray, "n 3"]:
    """Where muons enter a sphere that they pass at a distance from its centre, m."""
    offset = across[:, None] * perpendicular(direction, generator)
    return np.asarray(offset - np.sqrt(radius**2 - across**2)[:, None] * direction)


def _captures(
    rates: MuonRates,
    timestamp: Int64[np.ndarray, " muon"],
    entry: Float64[np.ndarray, "muon 3"],
    direction: Float64[np.ndarray, "muon 3"],
    length: Float64[np.ndarray, " muon"],
    radius: float,
    generator: np.random.Generator,
) -> Captures:
    """Captures inside the scintillator, along tracks that are long in proportion."""
    n = len(timestamp)
    chance = rates.neutron_muons * length / np.mean(length) if n else np.zeros(0)
    counts = np.where(generator.random(n) < chance, _multiplicities(rates, n, generator), 0)
    parent = np.repeat(np.arange(n), counts)
    position = np.full((len(parent), 3), np.inf)
    while len(row := np.flatnonzero(~(np.linalg.norm(position, axis=1) < radius))):
        track = parent[row]
        near = generator.random(len(row)) < rates.near_share
        distance = generator.exponential(np.where(near, rates.near_m, rates.far_m))
        along = generator.random(len(row)) * length[track]
        across = distance[:, None] * perpendicular(direction[track], generator)
        position[row] = entry[track] + along[:, None] * direction[track] + across
    wait = generator.exponential(CAPTURE_TIME_NS, len(parent)).astype(np.int64)
    time = timestamp[parent] + wait
    order = np.argsort(time, kind="stable")
    return Captures(time[order], position[order])


def _multiplicities(
    rates: MuonRates, n: int, generator: np.random.Generator
) -> Int64[np.ndarray, " n"]:
    """Numbers of neutrons from a logarithmic series of the mean wanted."""
    return generator.logseries(series_parameter(rates.neutrons), n)


def series_parameter(mean: float) -> float:
    """The parameter of the logarithmic series that has a mean of one or more."""
    from scipy.optimize import brentq

    if mean < 1 + 1e-6:
        return 1e-9

    def excess(p: float) -> float:
        return -p / ((1 - p) * math.log1p(-p)) - mean

    return float(brentq(excess, 1e-6, 1 - 1e-6))


def perpendicular(
    direction: Float64[np.ndarray, "n 3"], generator: np.random.Generator
) -> Float64[np.ndarray, "n 3"]:
    """A unit vector at right angles to each direction, at a random azimuth about it."""
    other = directions(len(direction), generator)
    across = np.cross(direction, other)
    return np.asarray(across / np.linalg.norm(across, axis=1, keepdims=True))
