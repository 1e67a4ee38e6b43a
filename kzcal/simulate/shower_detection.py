"""What the detector sees of captures soon after a muon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.physics.visible import CAPTURE_GAMMA
from kzcal.simulate.shower_laws import ShowerLaws
from kzcal.simulate.showers import Captured, Showers

CARBON_MEV = 4.945
"""Energy that captures on carbon set free. Source: ENSDF, 13C."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenCaptures:
    """Captures that the electronics kept, in the order of their muons.

    Args:
        muon: row of the muon.
        delay_ns: after it.
        vertex: reconstructed, m.
        energy: reconstructed, MeV.
    """

    muon: Int64[np.ndarray, " capture"]
    delay_ns: Int64[np.ndarray, " capture"]
    vertex: Float64[np.ndarray, "capture 3"]
    energy: Float64[np.ndarray, " capture"]

    def where(self, kept: Bool[np.ndarray, " capture"]) -> SeenCaptures:
        """The captures kept."""
        return SeenCaptures(*(getattr(self, name)[kept] for name in SeenCaptures.__slots__))

    @classmethod
    def joined(cls, *parts: tuple[SeenCaptures, int]) -> SeenCaptures:
        """Captures after the muons of several tables, each with the number of its muons."""
        first = np.cumsum([0, *(n_muons for _, n_muons in parts)])
        found = [part for part, _ in parts]
        return cls(
            np.concatenate([part.muon + n for part, n in zip(found, first[:-1], strict=True)]),
            np.concatenate([part.delay_ns for part in found]),
            np.concatenate([part.vertex for part in found]),
            np.concatenate([part.energy for part in found]),
        )


def capture_efficiency(
    laws: ShowerLaws, captures: Int64[np.ndarray, " muon"]
) -> Float64[np.ndarray, " muon"]:
    """Share of the captures after a muon with so many that the electronics keep."""
    crowding = np.minimum(captures / max(laws.many, 1.0), 1.0)
    return np.asarray(laws.efficiency + crowding * (laws.efficiency_many - laws.efficiency))


def detect(
    laws: ShowerLaws, showers: Showers, captured: Captured, *, generator: np.random.Generator
) -> SeenCaptures:
    """Captures as they are seen, with vertices and energies that err.

    Args:
        laws: of the detection.
        showers: the muons.
        captured: their captures.
        generator: of all that is drawn.
    """
    chance = capture_efficiency(laws, showers.captures)[captured.muon]
    seen = (generator.random(len(chance)) < chance) & (captured.delay_us >= laws.dead_us)
    muon, delay = captured.muon[seen], captured.delay_us[seen]
    spread = np.where(delay < laws.early_us, laws.early_m, laws.capture_m)
    off = spread[:, None] * generator.standard_normal((len(delay), 3))
    carbon = generator.random(len(delay)) < laws.carbon_share
    true = np.where(carbon, CARBON_MEV, CAPTURE_GAMMA)
    sag = laws.gain_sag * showers.showering[muon] * recovery(laws, delay)
    error = laws.energy_resolution * np.sqrt(true) * generator.standard_normal(len(delay))
    return SeenCaptures(
        muon,
        np.rint(1e3 * delay).astype(np.int64),
        captured.position[seen] + off,
        (true + error) * (1 - sag),
    )


def recovery(
    laws: ShowerLaws, delay_us: Float64[np.ndarray, " capture"]
) -> Float64[np.ndarray, " capture"]:
    """Share of the sag of the gain that is left so long after a muon."""
    if not laws.sag_us:
        return np.zeros(len(delay_us))
    return np.exp(-np.maximum(delay_us - laws.dead_us, 0.0) / laws.sag_us)
