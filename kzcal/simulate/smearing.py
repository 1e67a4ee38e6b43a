"""What a reconstruction would find, drawn about the truth instead of fitted.

Quick, and with the errors that a detector is known to have, such as those that a global fit
finds. Assumption: a reconstruction has Gaussian errors and no bias that depends on the light, and
its energies err by themselves, not by the number of hits; `kzcal reconstruct` of the same events
would settle it, for some milliseconds each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.simulate.seeds import BlockKey

VERTEX_M, T0_NS = 0.137, 0.35
"""Where no global fit tells. Source: KamLAND-Zen 800's published figure for the vertex.
Assumption: 0.35 ns, which the global fit of a run settles."""
ENERGY_RESOLUTION = 0.067
"""At 1 MeV; falls with the root of the energy. Source: KamLAND-Zen 800's published figure."""
FITTED, SMEARED = "fitted", "smeared"
LEAST_MEV = 0.01
"""Events with less energy have errors as large as those with this."""


@dataclass(frozen=True, slots=True)
class Smearing:
    """Errors of a reconstruction.

    Args:
        vertex: standard deviation at 1 MeV, three axes together, m.
        t0: of the emission time, ns.
        time_shift: by which emission times are found early, ns: what a global fit calls a shift
            of all hits.
        energy: of the energy at 1 MeV, as a share.
        scale: visible over quenched energy.
    """

    vertex: float
    t0: float
    time_shift: float = 0.0
    energy: float = ENERGY_RESOLUTION
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("vertex", "t0", "energy"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                message = f"the error of {name} must be finite and not negative, got {value}"
                raise ConfigurationError(message)

    @classmethod
    def parse(cls, text: str, shared: Mapping[str, float]) -> Smearing | None:
        """Errors written ``smeared`` or ``smeared:M:NS``; None for ``fitted``.

        Args:
            text: as a user writes it; errors that it leaves out are those of the global fit.
            shared: parameters of a global fit by name; empty without one.

        Raises:
            ConfigurationError: it is neither.
        """
        word, *numbers = text.split(":")
        if text == FITTED:
            return None
        try:
            given = [float(number) for number in numbers]
        except ValueError:
            given = []
        if word != SMEARED or len(numbers) not in (0, 2) or len(given) != len(numbers):
            message = (
                f"a vertex is {FITTED}, {SMEARED} or {SMEARED}:M:NS with the errors of vertex "
                f"[m at 1 MeV] and time [ns], got {text!r}"
            )
            raise ConfigurationError(message)
        if given:
            return cls(*given)
        return cls(
            shared.get("vertex_resolution", VERTEX_M),
            shared.get("t0_resolution", T0_NS),
            shared.get("time_shift", 0.0),
        )

    def smeared(
        self, events: Events, begin: Float64[np.ndarray, " event"], key: BlockKey
    ) -> Events:
        """Events with vertex, energy and time; NaN where nothing shone.

        Args:
            events: with the truth.
            begin: when their decays were, in the events' hit-time bases, ns.
            key: of the block.
        """
        n, rng = len(events), key.numpy("reconstruction")
        true = np.stack([events.truth[axis] for axis in "xyz"], axis=1).astype(np.float64)
        quenched = events.truth["e_quenched"].astype(np.float64)
        energy = np.maximum(self.scale * quenched, LEAST_MEV)
        found = energy + self.energy * np.sqrt(energy) * rng.standard_normal(n)
        off: Float64[np.ndarray, "event 3"] = rng.standard_normal((n, 3))
        vertex = true + off * (self.vertex / np.sqrt(3 * energy))[:, None]
        t0 = begin - self.time_shift + self.t0 * rng.standard_normal(n)
        known = np.where(np.isfinite(true).all(axis=1) & ~events.forced, 0.0, np.nan)
        return replace(
            events,
            vertex=(vertex + known[:, None]).astype(np.float32),
            energy=(found + known).astype(np.float32),
            t0=(t0 + known).astype(np.float32),
        )
