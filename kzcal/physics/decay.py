"""Radioactive decays: what the nucleus sends out, then the cascade of its daughter.

Assumption: directions are isotropic and independent of each other; angular correlations of
gammas are below what a scintillator resolves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.particles import ALPHA, ELECTRON, GAMMA, POSITRON, Primaries
from kzcal.physics.breakup import fall_apart
from kzcal.physics.decay_table import Nuclide, read_nuclides
from kzcal.physics.emission import Emission, in_order
from kzcal.physics.relaxation import NONE, Holes, relax
from kzcal.physics.scheme import NS, Scheme, flatten

Rows = Int64[np.ndarray, " decay"]
Times = Float64[np.ndarray, " decay"]


@dataclass(frozen=True, slots=True)
class Decay:
    """Decays of one nuclide; particles of delayed levels keep their delay.

    Args:
        scheme: the decay scheme.
    """

    scheme: Scheme

    @classmethod
    def of(cls, nuclide: Nuclide) -> Decay:
        """Decays of a nuclide."""
        return cls(flatten(nuclide))

    @classmethod
    def named(cls, name: str) -> Decay:
        """Decays of a nuclide of the shipped table."""
        return cls.of(*read_nuclides(name))

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        """Draw ``n`` decays."""
        emissions, _ = self.emit(np.zeros(n), generator=generator)
        return in_order(emissions, n)

    def emit(self, time: Times, *, generator: np.random.Generator) -> tuple[list[Emission], Times]:
        """Decays at these times, and when each one's cascade is over.

        Args:
            time: of each decay, ns.
            generator: of all that is drawn.
        """
        decay = np.arange(len(time))
        starts = self.scheme.starts
        start = np.searchsorted(starts.cumulative, generator.random(len(time)), side="right")
        start = np.minimum(start, len(starts.cumulative) - 1)
        emissions = self._begin(decay, start, time, generator=generator)
        captured = np.flatnonzero(starts.shell[start] != NONE)
        chosen = start[captured]
        captures = Holes(captured, starts.atom[chosen], starts.shell[chosen], time[captured])
        steps, holes, level, end = self._descend(starts.level[start], time, generator=generator)
        emissions += steps
        broken = np.flatnonzero(self.scheme.levels.breakup[level])
        emissions += fall_apart(
            broken,
            self.scheme.levels.energy[level[broken]],
            self.scheme.levels.breakup[level[broken]],
            end[broken],
            generator=generator,
        )
        filled = relax(Holes.joined([captures, *holes]), self.scheme.atoms, generator=generator)
        return emissions + filled, end

    def _begin(
        self, decay: Rows, start: Rows, time: Times, *, generator: np.random.Generator
    ) -> list[Emission]:
        """The beta or alpha of each decay that has one."""
        starts = self.scheme.starts
        spectrum, alpha = starts.spectrum[start], starts.alpha[start]
        beta = spectrum != NONE
        energy = np.zeros(len(start))
        energy[beta] = self.scheme.spectra.sample(spectrum[beta], generator=generator)
        positron = starts.positron[start] == 1
        rows = {
            ELECTRON: np.flatnonzero(beta & ~positron),
            POSITRON: np.flatnonzero(beta & positron),
            ALPHA: np.flatnonzero(alpha > 0.0),
        }
        energy += alpha
        return [
            Emission.isotropic(decay[r], particle, energy[r], time[r], generator=generator)
            for particle, r in rows.items()
        ]

    def _descend(
        self, level: Rows, time: Times, *, generator: np.random.Generator
    ) -> tuple[list[Emission], list[Holes], Rows, Times]:
        """Follow every cascade to its end: particles, holes, and where and when each one ends."""
        steps, levels = self.scheme.steps, self.scheme.levels
        level, time = level.copy(), time.copy()
        emissions, holes = [], []
        active = np.flatnonzero(levels.goes_on[level])
        while len(active):
            here = level[active]
            time[active] += generator.exponential(levels.mean_life[here])
            chance = here + generator.random(len(active))
            step = np.searchsorted(steps.cumulative, chance, side="right")
            shell = steps.shell[step]
            photon, converted = np.flatnonzero(shell == NONE), np.flatnonzero(shell != NONE)
            for particle, rows in ((GAMMA, photon), (ELECTRON, converted)):
                who, energy = active[rows], steps.energy[step[rows]]
                emissions.append(
                    Emission.isotropic(who, particle, energy, time[who], generator=generator)
                )
            who = active[converted]
            holes.append(Holes(who, levels.atom[level[who]], shell[converted], time[who]))
            level[active] = steps.level[step]
            active = active[levels.goes_on[level[active]] == 1]
        return emissions, holes, level, time


@dataclass(frozen=True, slots=True)
class Chain:
    """Decays that follow one another, each step after its own half-life.

    Args:
        decays: the decays in order.
        half_lives: of each nuclide after the first, s.
    """

    decays: tuple[Decay, ...]
    half_lives: tuple[float, ...]

    @classmethod
    def named(cls, first: str, second: str) -> Chain:
        """A nuclide of the shipped table, by that of its branches that leads to the second."""
        before, after = read_nuclides(first, second)
        letters = second.rstrip("0123456789")
        daughter = f"{second.removeprefix(letters)}{letters.capitalize()}"
        decays = Decay.of(before.to(daughter)), Decay.of(after)
        return cls(decays, (after.half_life or 0.0,))

    def sample(self, n: int, *, generator: np.random.Generator) -> Primaries:
        """Draw ``n`` chains; times count from the first decay."""
        emissions, time = self.decays[0].emit(np.zeros(n), generator=generator)
        for decay, half_life in zip(self.decays[1:], self.half_lives, strict=True):
            time = time + generator.exponential(half_life / np.log(2.0) * NS, n)
            more, time = decay.emit(time, generator=generator)
            emissions = emissions + more
        return in_order(emissions, n)
