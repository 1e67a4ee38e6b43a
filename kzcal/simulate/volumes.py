"""Where in the detector decays happen.

    xels              the innermost scintillator, inside the inner balloon
    ls                the whole scintillator
    shell:R0:R1       between two radii, m
    sphere:R          inside a radius, m
    film              the surface of the inner balloon
    balloon           the surface of the outer balloon
    edge:DEPTH        the scintillator from its edge inwards, exp(-depth/DEPTH), m
    point:X,Y,Z       one place, m

All but the edge are filled evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64

from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector

EDGE_NODES = 8193
FORMS = "xels, ls, shell:RMIN:RMAX, sphere:R, film, balloon, edge:DEPTH or point:X,Y,Z"


class Volume(Protocol):
    """A set of places."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
        """Draw so many places, m."""

    @property
    def size(self) -> float | None:
        """Volume, m³; None for a surface or a point."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Between two radii, m."""

    inner: float
    outer: float

    @property
    def size(self) -> float:
        """Volume, m³."""
        return 4 / 3 * math.pi * (self.outer**3 - self.inner**3)

    def sample(self, n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
        """Draw places evenly in the volume."""
        cubed = generator.uniform(self.inner**3, self.outer**3, n)
        return np.asarray(np.cbrt(cubed)[:, None] * directions(n, generator))


@dataclass(frozen=True, slots=True)
class Surface:
    """A sphere's surface; radius in m."""

    radius: float

    @property
    def size(self) -> None:
        """A surface has no volume."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
        """Draw places evenly on the surface."""
        return self.radius * directions(n, generator)


@dataclass(frozen=True, slots=True)
class Edge:
    """A sphere that is filled from outside.

    Args:
        radius: of the sphere, m.
        depth: the density falls by e over it, m.
    """

    radius: float
    depth: float

    @property
    def size(self) -> None:
        """A density that falls fills no certain volume."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
        """Draw places by their depth, and by the surface at that depth."""
        edges = np.linspace(0.0, self.radius, EDGE_NODES)
        density = edges**2 * np.exp((edges - self.radius) / self.depth)
        below = np.append(0.0, np.cumsum(density[1:] + density[:-1]))
        away = np.interp(generator.random(n), below / below[-1], edges)
        return np.asarray(away[:, None] * directions(n, generator))


@dataclass(frozen=True, slots=True)
class Point:
    """One place, m."""

    x: float
    y: float
    z: float

    @property
    def size(self) -> None:
        """A point has no volume."""

    def sample(self, n: int, *, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:  # noqa: ARG002  as every volume
        """The place, so many times."""
        return np.tile(np.array([self.x, self.y, self.z]), (n, 1))


def directions(n: int, generator: np.random.Generator) -> Float64[np.ndarray, "n 3"]:
    """Isotropic unit vectors."""
    z = generator.uniform(-1.0, 1.0, n)
    azimuth = generator.uniform(0.0, 2 * math.pi, n)
    across = np.sqrt(1.0 - z**2)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), z], axis=1)


def volume(text: str, detector: Detector) -> Volume:
    """The volume that a text names in a detector.

    Raises:
        ConfigurationError: the text is malformed, or the place lies beyond the PMTs.
    """
    word, _, rest = text.partition(":")
    inner, outer = detector.media[0].outer_radius_m, detector.scintillator_radius
    match word, _numbers(rest):
        case "xels", ():
            return Shell(0.0, inner)
        case "ls", ():
            return Shell(0.0, outer)
        case "film", ():
            return Surface(inner)
        case "balloon", ():
            return Surface(outer)
        case "edge", (depth,) if 0 < depth <= outer:
            return Edge(outer, depth)
        case "sphere", (radius,) if 0 < radius <= detector.pmt_radius:
            return Shell(0.0, radius)
        case "shell", (low, high) if 0 <= low < high <= detector.pmt_radius:
            return Shell(low, high)
        case "point", (x, y, z) if math.hypot(x, y, z) <= detector.pmt_radius:
            return Point(x, y, z)
    message = (
        f"a volume is {FORMS}, with radii in m that ascend up to the PMTs at "
        f"{detector.pmt_radius} m, got {text!r}"
    )
    raise ConfigurationError(message)


def _numbers(text: str) -> tuple[float, ...] | None:
    """Numbers between colons or commas; None where there is something else."""
    if not text:
        return ()
    try:
        found = tuple(float(word) for word in text.replace(",", ":").split(":"))
    except ValueError:
        return None
    return found if all(math.isfinite(number) for number in found) else None
