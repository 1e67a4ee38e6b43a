"""The cut on reconstructed energy that made a sample, for decays with known photoelectrons.

A sample holds the events whose hits gave an energy within a window. Twins are held to the same:
their photoelectrons, thinned to PMTs of efficiency one, stand for the reconstructed energy, with
the dependence on the radius that a line of the run shows. Of a line the scale is that at which
decays and sample agree. Of a spectrum they are mixed as the sample is: what else is in it, and
what a decay scheme leaves open, shall not be mistaken for a translator's error.

Assumption: an energy is as good as the number of photoelectrons that PMTs of efficiency one have
    seen. What the thinning of the real PMTs adds is drawn again at a translation, so that of
    a narrow line cut at two standard deviations hits scatter by some per cent too much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.polynomial.polynomial import polyval

from kzcal.fit.light.points import Vertices
from kzcal.particles import ELECTRON
from kzcal.physics.given import GivenParticle

WIDER = (0.8, 1.6)
"""Electrons are drawn so far about a cut: quenching and resolution move their energies."""
SETTLED = 20
"""Steps in which the scale of a cut settles, or a mix."""
PRIOR = 0.1
"""Information of the prior on every coefficient of a mix: they are 0 to within 3."""
FARTHEST, SQUARE_M2 = 3.0, 20.0
"""Standard deviations after which a mix does not change, and what radii are counted in."""

Coefficients = Float64[np.ndarray, " power"]
PerEvent = Float64[np.ndarray, " event"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Reconstructed energies of events [MeV] and squares of their radii [m^2]."""

    energy: PerEvent
    square: PerEvent


@dataclass(frozen=True, slots=True, eq=False)
class LightScale:
    """What a reconstruction makes of photoelectrons, as polynomials in the square of the radius.

    Args:
        per_mev: photoelectrons of a quenched MeV, by power of m^2.
        response: reconstructed over quenched energy, but for a factor, by power of m^2.
        ceiling: relative efficiency of the PMTs that photoelectrons are drawn for.
    """

    per_mev: Coefficients
    response: Coefficients
    ceiling: float

    @classmethod
    def of(
        cls,
        number: Int64[np.ndarray, " event"],
        energy: PerEvent,
        vertex: Vertices,
        line: Seen,
        *,
        ceiling: float,
    ) -> LightScale:
        """The scale of decays and of a line.

        Args:
            number: photoelectrons of the decays.
            energy: quenched, MeV.
            vertex: m.
            line: events of one energy, as they were reconstructed.
            ceiling: of the photoelectrons.
        """
        square = (vertex**2).sum(axis=1)
        root = np.sqrt(np.maximum(energy, 1e-3))
        per_mev = _fitted(square, number / root, root)
        response = _fitted(line.square, line.energy / np.median(line.energy), 1.0)
        return cls(per_mev, response, ceiling)

    def seen(
        self,
        number: Int64[np.ndarray, " event"],
        vertex: Vertices,
        *,
        generator: np.random.Generator,
    ) -> Seen:
        """What a reconstruction finds of decays at vertices [m], but for a factor."""
        square = (vertex**2).sum(axis=1)
        factor = polyval(square, self.response) / polyval(square, self.per_mev)
        thinned = generator.binomial(number, 1 / self.ceiling)
        return Seen(thinned * self.ceiling * factor, square)


def _fitted(square: PerEvent, values: PerEvent, weight: PerEvent | float) -> Coefficients:
    """Coefficients of the powers of the squared radius [m^2] that give values over weights."""
    powers = np.stack([np.ones_like(square), square, square**2], axis=1)
    found, *_ = np.linalg.lstsq(powers * np.reshape(weight, (-1, 1)), values, rcond=None)
    return np.asarray(found)


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """Chances with which decays are taken, so that they become as a sample's events are.

    The odds of an event of the sample against a decay are the exponential of a polynomial in its
    energy and its radius.

    Args:
        odds: coefficients of the logarithm of the odds.
        energy: mean and standard deviation of the sample, MeV.
        most: largest logarithm of the odds, which is a chance of one.
    """

    odds: Float64[np.ndarray, " power"]
    energy: tuple[float, float]
    most: float

    @classmethod
    def of(cls, found: Seen, decays: Seen) -> Mix:
        """The mix that makes a sample's energies and radii of those of decays."""
        energy = float(found.energy.mean()), float(found.energy.std()) or 1.0
        powers = np.concatenate([_powers(part, energy) for part in (found, decays)])
        is_found = np.repeat([1.0, 0.0], [len(found.energy), len(decays.energy)])
        weight = np.where(is_found > 0, 1 / len(found.energy), 1 / len(decays.energy))
        odds = _logistic(powers, is_found, weight * len(found.energy))
        return cls(odds, energy, float((powers[is_found == 0] @ odds).max()))

    def chance(self, decays: Seen) -> PerEvent:
        """Chance of each decay."""
        logit = _powers(decays, self.energy) @ self.odds
        return np.asarray(np.exp(np.minimum(logit - self.most, 0.0)))


def _powers(seen: Seen, energy: tuple[float, float]) -> Float64[np.ndarray, "event power"]:
    """What the logarithm of the odds is made of."""
    x = np.clip((seen.energy - energy[0]) / energy[1], -FARTHEST, FARTHEST)
    r = seen.square / SQUARE_M2
    return np.stack([np.ones_like(x), x, x**2, x**3, r, r * x], axis=1)


def _logistic(
    powers: Float64[np.ndarray, "event power"], label: PerEvent, weight: PerEvent
) -> Float64[np.ndarray, " power"]:
    """Logistic regression by Newton's steps, with a weak prior that keeps it finite."""
    odds = np.zeros(powers.shape[1])
    for _ in range(SETTLED):
        chance = 1 / (1 + np.exp(-powers @ odds))
        slope = powers.T @ (weight * (label - chance)) - PRIOR * odds
        bend = (powers * (weight * chance * (1 - chance))[:, None]).T @ powers
        odds += np.linalg.solve(bend + PRIOR * np.eye(len(odds)), slope)
    return odds


@dataclass(frozen=True, slots=True, eq=False)
class EnergyCut:
    """A window of reconstructed energies, and the mix of decays within it.

    Args:
        lower: MeV.
        upper: MeV.
        scale: reconstructed over seen energy.
        mix: None for a line, whose width is that of the resolution.
    """

    lower: float
    upper: float
    scale: float
    mix: Mix | None = None

    @classmethod
    def of_line(cls, found: PerEvent, seen: PerEvent) -> EnergyCut:
        """The cut of a sample of one energy, with the scale at which decays have its median.

        Args:
            found: reconstructed energies of the sample's events, MeV.
            seen: energies that decays of it were seen with, MeV.
        """
        lower, upper, wanted = float(found.min()), float(found.max()), float(np.median(found))
        scale = wanted / float(np.median(seen))
        for _ in range(SETTLED):
            inside = seen[(seen * scale >= lower) & (seen * scale <= upper)]
            if not len(inside):
                break
            scale = wanted / float(np.median(inside))
        return cls(lower, upper, scale)

    @classmethod
    def of_spectrum(cls, found: Seen, seen: Seen, scale: float) -> EnergyCut:
        """The cut of a sample of many energies, mixed as the sample is.

        Args:
            found: of the sample's events.
            seen: of decays of it, before the scale.
            scale: reconstructed over seen energy.
        """
        cut = cls(float(found.energy.min()), float(found.energy.max()), scale)
        inside = cut.inside(seen.energy)
        if not inside.any():
            return cut
        decays = Seen(seen.energy[inside] * scale, seen.square[inside])
        return replace(cut, mix=Mix.of(found, decays))

    def passes(self, seen: Seen, *, generator: np.random.Generator) -> Bool[np.ndarray, " event"]:
        """Which decays, as they are seen before the scale, become events of the sample."""
        return np.asarray(generator.random(len(seen.energy)) < self.chance(seen))

    def chance(self, seen: Seen) -> PerEvent:
        """Chance of each decay, as it is seen before the scale, to become an event."""
        inside = self.inside(seen.energy).astype(np.float64)
        if self.mix is None:
            return inside
        mixed = self.mix.chance(Seen(seen.energy * self.scale, seen.square))
        return np.asarray(inside * mixed)

    def electrons(self) -> GivenParticle:
        """Electrons, as many at any energy, whose light may pass."""
        low, high = WIDER[0] * self.lower, WIDER[1] * self.upper
        return GivenParticle(ELECTRON, low / self.scale, high / self.scale)

    def inside(self, seen: PerEvent) -> Bool[np.ndarray, " event"]:
        """Which energies, as they are seen before the scale, are within the cut."""
        return np.asarray((seen * self.scale >= self.lower) & (seen * self.scale <= self.upper))
