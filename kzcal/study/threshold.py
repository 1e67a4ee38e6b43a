"""Which share of a background a score rejects where it accepts so much signal of the same energy.

Kinds of decays differ in their spectra, and a score may know the energy: signal is therefore
accepted in bins of energy, and a background is held against the signal of its own energies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

PerEvent = Float64[np.ndarray, " event"]

BINS = 3
DRAWS = 200
"""Times that events are drawn anew for an error."""


@dataclass(frozen=True, slots=True, eq=False)
class Threshold:
    """The score below which an event is rejected, by its energy.

    Args:
        edges: inner edges of the bins of energy, MeV.
        cut: score, in each bin.
    """

    edges: Float64[np.ndarray, " edge"]
    cut: Float64[np.ndarray, " bin"]

    @classmethod
    def of(
        cls,
        score: PerEvent,
        energy: PerEvent,
        acceptance: float,
        edges: Float64[np.ndarray, " edge"] | None = None,
    ) -> Threshold:
        """The threshold that accepts a share of the signal in each bin.

        Args:
            score: of signal events.
            energy: of these, MeV.
            acceptance: share to accept.
            edges: inner ones of the bins, MeV; None for bins with as many events each.
        """
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.quantile(energy, inner) if edges is None else edges
        place = np.searchsorted(edges, energy)
        cuts = [np.quantile(score[place == row], 1 - acceptance) for row in range(len(edges) + 1)]
        return cls(edges, np.array(cuts))

    def rejected(self, score: PerEvent, energy: PerEvent) -> float:
        """Share of events below the threshold."""
        return float((score < self.cut[np.searchsorted(self.edges, energy)]).mean())


@dataclass(frozen=True, slots=True)
class Rejection:
    """A share of events, with one standard deviation of it from their number and the signal's."""

    value: float
    error: float


def rejection(
    signal: tuple[PerEvent, PerEvent],
    background: tuple[PerEvent, PerEvent],
    acceptance: float,
    *,
    generator: np.random.Generator,
) -> Rejection:
    """The share of a background that is rejected.

    Args:
        signal: scores and energies [MeV] of its events.
        background: the same.
        acceptance: share of the signal to accept.
        generator: of the events that are drawn anew for the error.
    """
    exact = Threshold.of(*signal, acceptance)
    drawn = []
    for _ in range(DRAWS):
        cut = Threshold.of(*_anew(signal, generator), acceptance, exact.edges)
        drawn.append(cut.rejected(*_anew(background, generator)))
    return Rejection(exact.rejected(*background), float(np.std(drawn)))


def _anew(
    pair: tuple[PerEvent, PerEvent], generator: np.random.Generator
) -> tuple[PerEvent, PerEvent]:
    """As many events, drawn with replacement."""
    score, energy = pair
    rows: Int64[np.ndarray, " event"] = generator.integers(len(score), size=len(score))
    return score[rows], energy[rows]
