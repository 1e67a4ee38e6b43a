"""What a decay sends out, and the energy deposits that it leaves in the detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

ELECTRON, POSITRON, GAMMA, PROTON, NEUTRON, ALPHA = 11, -11, 22, 2212, 2112, 1000020040
"""PDG codes."""


@dataclass(frozen=True, slots=True, eq=False)
class Primaries:
    """Particles that decays send out, as flat columns plus offsets.

    Args:
        offsets: particles of decay i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
        particle: PDG code.
        energy: kinetic, MeV.
        time: ns after the decay, in ascending order within a decay.
        direction: unit vector.
    """

    offsets: Int64[np.ndarray, " decay_plus_1"]
    particle: Int32[np.ndarray, " particle"]
    energy: Float64[np.ndarray, " particle"]
    time: Float64[np.ndarray, " particle"]
    direction: Float64[np.ndarray, "particle 3"]

    def __len__(self) -> int:
        """Number of decays."""
        return len(self.offsets) - 1

    @property
    def decay(self) -> Int64[np.ndarray, " particle"]:
        """Row of the decay that each particle belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


@dataclass(frozen=True, slots=True, eq=False)
class Deposits:
    """Tracks of charged particles that stop where they start, or nearly.

    Args:
        offsets: deposits of event i are rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
        particle: PDG code of the charged particle.
        energy: kinetic energy that it gives to the liquid, MeV, before quenching.
        position: where the track begins, m.
        direction: unit vector along the beginning of the track.
        time: ns, in the time base of the primaries.
        medium: index into the media of the detector.
    """

    offsets: Int64[np.ndarray, " event_plus_1"]
    particle: Int32[np.ndarray, " deposit"]
    energy: Float64[np.ndarray, " deposit"]
    position: Float64[np.ndarray, "deposit 3"]
    direction: Float64[np.ndarray, "deposit 3"]
    time: Float64[np.ndarray, " deposit"]
    medium: Int32[np.ndarray, " deposit"]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.offsets) - 1

    @property
    def event(self) -> Int64[np.ndarray, " deposit"]:
        """Row of the event that each deposit belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def where(self, kept: Bool[np.ndarray, " event"]) -> Deposits:
        """The deposits of the events kept."""
        rows = np.repeat(kept, np.diff(self.offsets))
        counts = np.diff(self.offsets)[kept]
        return Deposits(
            np.concatenate([[0], np.cumsum(counts)]),
            self.particle[rows],
            self.energy[rows],
            self.position[rows],
            self.direction[rows],
            self.time[rows],
            self.medium[rows],
        )
