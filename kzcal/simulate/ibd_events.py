"""Events of antineutrinos, and events of others beside them, as components of a simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kzcal.particles import POSITRON, Primaries
from kzcal.parts import ParticleSource
from kzcal.physics.inverse_beta import Reactions
from kzcal.simulate.chain import Batch
from kzcal.simulate.ibd import Antineutrinos
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.timeline import Component

PROMPT, DELAYED = "ibd-prompt", "ibd-delayed"
"""What the truth calls the two events of an antineutrino."""
ALONE = -1
"""Group of an event that belongs to no other."""


@dataclass(frozen=True, slots=True, eq=False)
class IbdEvents:
    """The prompt events of antineutrinos, or the delayed ones: a component of a simulation.

    Args:
        antineutrinos: whose events they are.
        captures: what the captures of their neutrons send out, for the delayed ones; None for
            the prompt ones.
    """

    antineutrinos: Antineutrinos
    captures: ParticleSource | None = None

    @property
    def name(self) -> str:
        """Unique in the simulation."""
        return PROMPT if self.captures is None else DELAYED

    @property
    def kind(self) -> str:
        """What the truth calls its events."""
        return self.name

    @property
    def n_decays(self) -> int:
        """Number of reactions."""
        return int(self.antineutrinos.counts.sum())

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.antineutrinos.counts)

    def begin(self, block: int) -> int:
        """No event of this or a later block is earlier, ns."""
        return self.antineutrinos.begin(block)

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The events of a block."""
        pairs, first = self.antineutrinos.drawn(block, key), self.antineutrinos.first(block)
        n = len(pairs.timestamp)
        truth = {"group": first + np.arange(n), "e_neutrino": pairs.reactions.energy}
        kept = int(self.antineutrinos.counts[block])
        if self.captures is None:
            positrons = _positrons(pairs.reactions)
            place, time = pairs.position, pairs.timestamp
            return Batch(positrons, place, time, self.kind, first, kept, truth=truth)
        gammas = self.captures.sample(n, generator=key.numpy("source"))
        place, time = pairs.capture, pairs.capture_time
        return Batch(gammas, place, time, self.kind, first, kept, truth=truth)


def _positrons(reactions: Reactions) -> Primaries:
    """The positrons of reactions.

    Assumption: the neutron's recoils off protons make no light: some tens of keV, quenched.
    """
    n = len(reactions.energy)
    return Primaries(
        np.arange(n + 1),
        np.full(n, POSITRON, np.int32),
        reactions.positron,
        np.zeros(n),
        reactions.positron_direction,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """A component whose events belong to no antineutrino, in a file where some do.

    Args:
        component: whose events they are.
        stream: of random numbers, one for each purpose that needs events of its own.
    """

    component: Component
    stream: str = ""

    @property
    def name(self) -> str:
        """Unique in the simulation."""
        return f"{self.stream}/{self.component.name}" if self.stream else self.component.name

    @property
    def kind(self) -> str:
        """What the truth calls its events."""
        return self.component.kind

    @property
    def n_decays(self) -> int:
        """Number of decays."""
        return self.component.n_decays

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.component.n_blocks

    def begin(self, block: int) -> int:
        """No event of this or a later block is earlier, ns."""
        return self.component.begin(block)

    def batch(self, block: int, key: BlockKey) -> Batch:
        """The decays of a block."""
        batch = self.component.batch(block, key)
        n = len(batch.timestamp)
        truth = {"group": np.full(n, ALONE), "e_neutrino": np.full(n, np.nan)}
        return replace(batch, truth=truth)
