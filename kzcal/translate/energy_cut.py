"""The cut on reconstructed energy that made a sample, for decays with known photoelectrons.

A sample holds the events whose hits gave an energy within a window. Twins are held to the same:
their photoelectrons, thinned to PMTs of efficiency one and divided by what an MeV gives at their
radius, stand for the reconstructed energy, on a scale on which decays and sample agree.

Assumption: an energy is as good as the number of photoelectrons that PMTs of efficiency one have
    seen. What the thinning of the real PMTs adds is drawn again at a translation, so that of
    a narrow line cut at two standard deviations hits scatter by some per cent too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.fit.light.points import Vertices
from kzcal.particles import ELECTRON
from kzcal.physics.given import GivenParticle

WIDER = (0.8, 1.6)
"""Electrons are drawn so far about a cut: quenching and resolution move their energies."""
SETTLED = 20
"""Steps in which the scale of a cut settles."""

PerEvent = Float64[np.ndarray, " event"]


@dataclass(frozen=True, slots=True, eq=False)
class LightScale:
    """Photoelectrons of a quenched MeV as a polynomial in the square of the radius.

    Args:
        coefficients: of the powers of r^2, in photoelectrons per MeV and m^2.
        ceiling: relative efficiency of the PMTs that photoelectrons are drawn for.
    """

    coefficients: Float64[np.ndarray, " power"]
    ceiling: float

    @classmethod
    def of(
        cls,
        number: Int64[np.ndarray, " event"],
        energy: PerEvent,
        vertex: Vertices,
        ceiling: float,
    ) -> LightScale:
        """The scale of decays with known photoelectrons and quenched energies [MeV]."""
        square = (vertex**2).sum(axis=1)
        powers = np.stack([np.ones_like(square), square, square**2], axis=1)
        root = np.sqrt(np.maximum(energy, 1e-3))[:, None]
        found, *_ = np.linalg.lstsq(powers * root, number / root[:, 0], rcond=None)
        return cls(found, ceiling)

    def seen(
        self,
        number: Int64[np.ndarray, " event"],
        vertex: Vertices,
        *,
        generator: np.random.Generator,
    ) -> PerEvent:
        """Energies that PMTs of efficiency one would see, MeV."""
        square = (vertex**2).sum(axis=1)
        per_mev = np.polynomial.polynomial.polyval(square, self.coefficients)
        thinned = generator.binomial(number, 1 / self.ceiling)
        return np.asarray(thinned * self.ceiling / per_mev)


@dataclass(frozen=True, slots=True)
class EnergyCut:
    """A window of reconstructed energies.

    Args:
        lower: MeV.
        upper: MeV.
        scale: reconstructed over seen energy.
    """

    lower: float
    upper: float
    scale: float

    @classmethod
    def of(cls, found: PerEvent, seen: PerEvent) -> EnergyCut:
        """The cut of a sample, with the scale at which decays have the sample's median.

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

    def passes(self, seen: PerEvent) -> Bool[np.ndarray, " event"]:
        """Which of the energies [MeV] are within the cut."""
        return np.asarray((seen * self.scale >= self.lower) & (seen * self.scale <= self.upper))

    def electrons(self) -> GivenParticle:
        """Electrons, as many at any energy, whose light may pass."""
        low, high = (
            f * e / self.scale for f, e in zip(WIDER, (self.lower, self.upper), strict=True)
        )
        return GivenParticle(ELECTRON, low, high)
