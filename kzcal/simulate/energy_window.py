"""Events of a window of quenched energy, as many of each energy: what classifiers learn from.

A score that may not be an estimate of energy is learned from classes with the same energies. The
decays of a component are thinned before their light is drawn, so that what falls outside costs
no photons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.errors import ConfigurationError
from kzcal.parts import ParticleSource
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.separation import Parted, part_events
from kzcal.simulate.stages import Transport
from kzcal.simulate.volumes import Volume

PILOT, MOST_PILOTS, PILOTS_AT_ONCE = 2**16, 2**21, 2**12
"""Decays that tell the spectrum of a component, at least and at most: half a minute of a core."""
ENOUGH = 1_000
"""Pilots in the mean bin, which tell it to 3 per cent."""
BINS = 16
RAREST = 0.2
"""Energies rarer than this share of the mean stay rarer, or little would be left of the others."""


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """A range of quenched energies.

    Args:
        lower: MeV.
        upper: MeV.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not 0 <= self.lower < self.upper < math.inf:
            message = (
                "a window of quenched energy has two ends in MeV that ascend, such as 2.0:2.6, "
                f"got {self.lower}:{self.upper}"
            )
            raise ConfigurationError(message)

    @classmethod
    def parse(cls, text: str) -> EnergyWindow:
        """A window written ``LOWER:UPPER``.

        Raises:
            ConfigurationError: it is none.
        """
        try:
            lower, upper = (float(end) for end in text.split(":"))
        except ValueError:
            message = f"a window of quenched energy is LOWER:UPPER in MeV, got {text!r}"
            raise ConfigurationError(message) from None
        return cls(lower, upper)

    @property
    def edges(self) -> Float64[np.ndarray, " edge"]:
        """Of the bins in which a spectrum is counted, MeV."""
        return np.linspace(self.lower, self.upper, BINS + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Thinning:
    """The chance of an event to stay, by its quenched energy.

    Args:
        window: outside of which none stays.
        energy: MeV, ascending.
        chance: at these energies; linear between them.
    """

    window: EnergyWindow
    energy: Float64[np.ndarray, " knot"]
    chance: Float64[np.ndarray, " knot"]

    @classmethod
    def flat(
        cls,
        window: EnergyWindow,
        source: ParticleSource,
        volume: Volume,
        transport: Transport,
        key: BlockKey,
    ) -> Thinning:
        """What leaves as many events of each energy in the window, by decays drawn for it.

        Raises:
            ConfigurationError: too few decays have such an energy.
        """
        counts = np.zeros(BINS)
        for number in range(MOST_PILOTS // PILOTS_AT_ONCE):
            part = BlockKey(key.seed, key.run, f"{key.component}/spectrum", number)
            primaries = source.sample(PILOTS_AT_ONCE, generator=part.numpy("source"))
            place = volume.sample(PILOTS_AT_ONCE, generator=part.numpy("volume"))
            deposits = transport.deposits(primaries, place, generator=part.numpy("transport"))
            energy = transport.truth(part_events(deposits).deposits)["e_quenched"]
            counts += np.histogram(energy, window.edges)[0]
            if _settled(counts, (number + 1) * PILOTS_AT_ONCE):
                break
        if counts.mean() < ENOUGH:
            message = (
                f"{ENOUGH * BINS} of {MOST_PILOTS} decays of {key.component} must have "
                f"{window.lower:g} to {window.upper:g} MeV of quenched energy, got "
                f"{counts.sum():.0f} of {(number + 1) * PILOTS_AT_ONCE}: widen the window"
            )
            raise ConfigurationError(message)
        least = max(counts.min(), RAREST * counts.mean())
        chance = least / np.maximum(counts, least)
        return cls(window, (window.edges[1:] + window.edges[:-1]) / 2, chance)

    @classmethod
    def none(cls, window: EnergyWindow) -> Thinning:
        """What leaves every event in the window."""
        return cls(window, np.array([window.lower]), np.ones(1))

    def kept(
        self, energy: Float64[np.ndarray, " event"], *, generator: np.random.Generator
    ) -> Bool[np.ndarray, " event"]:
        """Which events of these quenched energies [MeV] stay."""
        drawn = generator.random(len(energy)) < np.interp(energy, self.energy, self.chance)
        inside = (energy >= self.window.lower) & (energy < self.window.upper)
        return np.asarray(drawn & inside)


def _settled(counts: Float64[np.ndarray, " bin"], drawn: int) -> bool:
    """Whether the pilots drawn are enough, or so few of them count that there is no hope."""
    hopeless = counts.sum() * MOST_PILOTS < drawn * ENOUGH * BINS / 2
    return drawn >= PILOT and bool(hopeless or counts.mean() >= ENOUGH)


def thinned(
    parted: Parted, thinning: Thinning, transport: Transport, *, generator: np.random.Generator
) -> Parted:
    """The events that stay."""
    energy = np.asarray(transport.truth(parted.deposits)["e_quenched"])
    return parted.where(thinning.kept(energy, generator=generator))
