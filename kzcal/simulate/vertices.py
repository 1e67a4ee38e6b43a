"""The chain without light: decays become vertices and energies, with errors, and no hits.

For what looks at vertices, energies and times alone, and a hundred times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kzcal.hits import Hits
from kzcal.particles import GAMMA
from kzcal.physics.visible import CAPTURE_GAMMA, isotropic
from kzcal.simulate.chain import T0_SPREAD_NS, Batch, Simulated, events_of_parts
from kzcal.simulate.energy_window import thinned
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.separation import part_events
from kzcal.simulate.smearing import Smearing
from kzcal.simulate.stages import Transport
from kzcal.simulate.volumes import Shell

N_GAMMAS, WITHIN_M = 10_000, 3.9
"""Captures that define the scale, in 0.6 of KamLAND's radius, as a reconstruction's."""


@dataclass(frozen=True, slots=True, eq=False)
class VertexChain:
    """The stages of a simulation without hits.

    Args:
        transport: from particles to energy deposits.
        reconstruction: the errors about the truth; None for events without vertices.
    """

    transport: Transport
    reconstruction: Smearing | None

    def simulate(self, batch: Batch, key: BlockKey) -> Simulated:
        """Events of a block of decays, by decay and then by time."""
        generator = key.numpy("transport")
        deposits = self.transport.deposits(batch.primaries, batch.position, generator=generator)
        parted = part_events(deposits)
        if batch.thinning is not None:
            chance = key.numpy("thinning")
            parted = thinned(parted, batch.thinning, self.transport, generator=chance)
        n = len(parted.decay)
        none = np.zeros(0, np.float32)
        hits = Hits.from_counts(np.zeros(n, np.int64), np.zeros(0, np.uint16), none, none)
        events = events_of_parts(batch, parted, self.transport, hits)
        if self.reconstruction is not None and events.physics.any():
            t0 = key.numpy("t0").normal(0.0, T0_SPREAD_NS, n)
            events = self.reconstruction.smeared(events, t0 - parted.after_decay, key)
        return Simulated(events, None).take(parted.decay < batch.kept)


def visible_scale(transport: Transport, *, seed: int = 1) -> float:
    """Visible over quenched energy, by which gammas of neutron capture have their own energy.

    The captures are those that define the scale of a reconstruction.

    Assumption: Cherenkov light is the same share of all visible energy; the quenched energy of
        positrons of 2 MeV is 0.2 % and that of electrons of 0.4 MeV 1.4 % off this scale.
    """
    generator = np.random.default_rng(seed)
    gammas = isotropic(GAMMA, CAPTURE_GAMMA, N_GAMMAS, generator=generator)
    place = Shell(0.0, WITHIN_M).sample(N_GAMMAS, generator=generator)
    deposits = transport.deposits(gammas, place, generator=generator)
    return float(CAPTURE_GAMMA / np.mean(transport.truth(deposits)["e_quenched"]))
