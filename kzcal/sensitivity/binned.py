"""Events that an experiment expects in bins of visible energy and radius."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from kzcal.errors import ConfigurationError
from kzcal.sensitivity import halflife
from kzcal.sensitivity.cuts import passing
from kzcal.sensitivity.experiment import Background, Experiment
from kzcal.sensitivity.shells import UNIFORM, equal_shells, shares
from kzcal.sensitivity.spectra import peak, spectrum

SIGNAL = "0nbb"
FAINTEST = 1e-12
"""Share of a background in the reference's region, below which a count there says nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Expected events; bins are shells one after the other, each with all energies.

    Args:
        signal: at the half-life that is the unit.
        backgrounds: of each source.
        uncertainty: of each, relative: one standard deviation of a lognormal law.
        energy: edges, MeV.
        radius: edges, m.
        names: of the backgrounds.
    """

    signal: Float64[np.ndarray, " bin"]
    backgrounds: Float64[np.ndarray, "source bin"]
    uncertainty: Float64[np.ndarray, " source"]
    energy: Float64[np.ndarray, " edge"]
    radius: Float64[np.ndarray, " radius_edge"]
    names: tuple[str, ...]

    def inside(self, energy: tuple[float, float], radius: float) -> Bool[np.ndarray, " bin"]:
        """Bins whose middle lies in a range of energies and whose shell ends within a radius."""
        middle = (self.energy[1:] + self.energy[:-1]) / 2
        chosen = (middle > energy[0]) & (middle < energy[1])
        near = self.radius[1:] <= radius + 1e-9
        return np.asarray((near[:, None] & chosen).ravel())

    def within(self, radius: float) -> Expected:
        """The same with the shells that end within a radius alone."""
        rows = self.inside((-np.inf, np.inf), radius)
        return replace(
            self,
            signal=self.signal[rows],
            backgrounds=self.backgrounds[:, rows],
            radius=self.radius[self.radius <= radius + 1e-9],
        )

    def together(self) -> Expected:
        """The same with all shells as one."""
        n_energy = len(self.energy) - 1
        signal = self.signal.reshape(-1, n_energy).sum(axis=0)
        backgrounds = self.backgrounds.reshape(len(self.names), -1, n_energy).sum(axis=1)
        ends = self.radius[[0, -1]]
        return replace(self, signal=signal, backgrounds=backgrounds, radius=ends)


def expected(experiment: Experiment) -> Expected:
    """Signal at the unit half-life, and all backgrounds."""
    low, high = experiment.energy
    energy = np.linspace(low, high, round((high - low) / experiment.step) + 1)
    radius = equal_shells(experiment.n_shells, experiment.radius)
    uniform = shares(UNIFORM, radius, experiment.balloon, 0.0)
    seen = peak(energy, experiment.resolution, experiment.scale)
    return Expected(
        signal=signal_events(experiment) * np.outer(uniform, seen).ravel(),
        backgrounds=np.array([
            total(experiment, one) * _shape(experiment, one, energy, radius)
            for one in experiment.backgrounds
        ]),
        uncertainty=np.array([one.uncertainty for one in experiment.backgrounds]),
        energy=energy,
        radius=radius,
        names=tuple(one.name for one in experiment.backgrounds),
    )  # fmt: skip


def signal_events(experiment: Experiment) -> float:
    """Decays without neutrinos at the unit half-life, anywhere, after the cuts."""
    decays = halflife.decays(
        experiment.xenon_kg, experiment.enrichment, experiment.days, halflife.UNIT
    )
    return decays * experiment.efficiency * passing(experiment.cuts, SIGNAL)


def total(experiment: Experiment, background: Background) -> float:
    """Events of a background at all energies in the whole balloon, after the cuts.

    Raises:
        ConfigurationError: the reference could not have counted it.
    """
    reference = experiment.reference
    edges = np.array(reference.energy)
    energy = spectrum(background.spectrum, edges, reference.resolution, experiment.scale)
    radius = np.array([0.0, reference.radius])
    place = shares(background.place, radius, reference.balloon, background.length)
    left = passing(reference.cuts, background.name)
    counted = float(energy[0] * place[0]) * left
    if counted < FAINTEST:
        message = (
            f"the reference counts a share of every background, got {counted:.3g} of "
            f"{background.name}: change its energy, radius or cuts, or the background's length"
        )
        raise ConfigurationError(message)
    grown = experiment.days / reference.days * background.remaining
    if background.per == "xenon":
        grown *= experiment.xenon_kg / reference.xenon_kg
    return background.events / counted * grown * passing(experiment.cuts, background.name)


def two_neutrino_events(experiment: Experiment) -> float:
    """Decays with two neutrinos in the reference's region, by half-life and no published count."""
    reference = experiment.reference
    decays = halflife.decays(
        reference.xenon_kg, experiment.enrichment, reference.days, halflife.TWO_NEUTRINO
    )
    edges = np.array(reference.energy)
    energy = spectrum("2nbb", edges, reference.resolution, experiment.scale)[0]
    inside = (reference.radius / reference.balloon) ** 3
    return float(decays * energy * inside * passing(reference.cuts, "2nbb"))


def _shape(
    experiment: Experiment,
    background: Background,
    energy: Float64[np.ndarray, " edge"],
    radius: Float64[np.ndarray, " radius_edge"],
) -> Float64[np.ndarray, " bin"]:
    """Share of a background's events in each bin."""
    seen = spectrum(background.spectrum, energy, experiment.resolution, experiment.scale)
    place = shares(background.place, radius, experiment.balloon, background.length)
    return np.outer(place, seen).ravel()
