"""What is assumed of an experiment: xenon, livetime, resolution, and its backgrounds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

from kzcal.errors import ConfigurationError
from kzcal.sensitivity.cuts import Cut
from kzcal.sensitivity.shells import FILM, PLACES
from kzcal.sensitivity.spectra import names

PER = ("xenon", "time")


@dataclass(frozen=True, slots=True)
class Background:
    """A background as it was published for the reference.

    Args:
        name: of it.
        events: in the reference's region, livetime and cuts.
        uncertainty: relative, one standard deviation of a lognormal law.
        spectrum: name of its visible energies.
        source: where the number is from.
        place: ``uniform`` in the liquid or from the ``film``.
        length: over which events from the film fall off inwards, m.
        per: ``xenon`` if it grows with the xenon's mass too, ``time`` if with time alone.
        remaining: share that a better detector is assumed to leave.
    """

    name: str
    events: float
    uncertainty: float
    spectrum: str
    source: str
    place: str = "uniform"
    length: float = 0.0
    per: str = "time"
    remaining: float = 1.0

    def __post_init__(self) -> None:
        _check_numbers(self, self.name)
        for field, value, choices in (
            ("spectrum", self.spectrum, names()),
            ("place", self.place, PLACES),
            ("per", self.per, PER),
        ):
            if value not in choices:
                message = f"{field} of {self.name} is one of {', '.join(choices)}, got {value!r}"
                raise ConfigurationError(message)
        wrong = min(self.events, self.uncertainty, self.remaining) < 0
        if wrong or (self.place == FILM and self.length <= 0):
            message = (
                f"events, uncertainty and remaining of {self.name} are not negative and the "
                f"length of a film is positive, got {self.events}, {self.uncertainty}, "
                f"{self.remaining} and {self.length}"
            )
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class Reference:
    """Region and data in which backgrounds were counted.

    Args:
        energy: lowest and highest visible energy, MeV.
        radius: m.
        days: livetime.
        xenon_kg: mass of all xenon, kg.
        balloon: radius of the balloon, m.
        resolution: one standard deviation at 1 MeV, as a share.
        cuts: that had been applied.
    """

    energy: tuple[float, float]
    radius: float
    days: float
    xenon_kg: float
    balloon: float
    resolution: float
    cuts: tuple[Cut, ...] = ()

    def __post_init__(self) -> None:
        _check_numbers(self, "the reference")
        low, high = self.energy
        sizes = min(self.days, self.xenon_kg, self.resolution) > 0
        if not (sizes and 0 < low < high and 0 < self.radius <= self.balloon):
            message = (
                "days, mass and resolution of the reference are positive, its energies ascend and "
                f"its radius lies within the balloon, got {self}"
            )
            raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment that counts in bins of visible energy and radius.

    Args:
        name: of it.
        xenon_kg: mass of all xenon, kg.
        enrichment: share of it by mass that is 136Xe.
        days: livetime.
        balloon: radius, m.
        resolution: one standard deviation at 1 MeV, as a share.
        scale: visible over true energy of electron pairs at Q.
        efficiency: share of the signal that selections leave, without ``cuts``.
        energy: lowest and highest visible energy of the bins, MeV.
        step: width of the bins, MeV.
        n_shells: shells of equal volume.
        radius: of the outermost, m.
        excess: of -2 ln L over its minimum, at which a signal is excluded.
        reference: of the backgrounds.
        backgrounds: all of them.
        cuts: that are applied.
    """

    name: str
    xenon_kg: float
    enrichment: float
    days: float
    balloon: float
    resolution: float
    scale: float
    efficiency: float
    energy: tuple[float, float]
    step: float
    n_shells: int
    radius: float
    excess: float
    reference: Reference
    backgrounds: tuple[Background, ...]
    cuts: tuple[Cut, ...] = ()

    def __post_init__(self) -> None:
        _check_numbers(self, self.name)
        low, high = self.energy
        shares = 0 < self.enrichment <= 1 and 0 < self.efficiency <= 1 and self.resolution > 0
        sizes = min(self.xenon_kg, self.days, self.balloon, self.scale, self.step, self.excess) > 0
        inside = 0 < self.radius <= self.balloon and self.n_shells >= 1
        bins = 0 < low < high and self.step <= high - low
        if not (shares and sizes and inside and bins):
            message = (
                f"{self.name}: masses, times and lengths are positive, shares from 0 to 1, "
                f"energies ascend by a step or more and shells end within the balloon, got {self}"
            )
            raise ConfigurationError(message)
        known = [background.name for background in self.backgrounds]
        for cut in (*self.cuts, *self.reference.cuts):
            for name in cut.backgrounds:
                if name not in known:
                    message = f"a cut rejects one of {', '.join(known)}, got {name!r}"
                    raise ConfigurationError(message)

    @property
    def exposure(self) -> float:
        """Of 136Xe in the whole balloon, kg yr."""
        return self.xenon_kg * self.enrichment * self.days / 365.25


def _check_numbers(record: Background | Reference | Experiment, name: str) -> None:
    """Refuse numbers that are none, and ranges of energy that are no pair of numbers."""
    for field in fields(record):
        value = getattr(record, field.name)
        if field.type == "float" and not isfinite(value):
            message = f"{field.name} of {name} is a finite number, got {value}"
            raise ConfigurationError(message)
        if field.name == "energy" and not _is_pair(value):
            message = f"energy of {name} is a lowest and a highest energy in MeV, got {value}"
            raise ConfigurationError(message)


def _is_pair(value: object) -> bool:
    """Whether it is two finite numbers."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(one, int | float) and isfinite(one) for one in value)
    )
