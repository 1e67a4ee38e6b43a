"""Decays among showers whose ratio of likelihoods is known in closed form.

Muons with captures come at a constant rate over the last hours. A muon leaves captures at
distances from the decay that are exponential, longer for the others than for a parent; the number
of a parent's captures is larger. The lag of a parent is exponential.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from kzcal.candidates import SPALLATION, Candidates
from kzcal.testing.candidates import COLUMN_UNITS, POINT_UNITS

LATER_S = 5.0
"""Mean time since the last muon of all."""


@dataclass(frozen=True, slots=True)
class ShowerToy:
    """The laws.

    Args:
        rate_s: of muons with captures near the decay, 1/s.
        look_back_s: how far back they are known.
        life_s: mean lag of a parent.
        near_m: mean distance of a parent's captures from the decay.
        far_m: that of the others.
        parent_more: mean number of captures of a parent beyond the first, Poisson.
        other_more: that of the others.
    """

    rate_s: float = 1.0 / 1800.0
    look_back_s: float = 36_000.0
    life_s: float = 3600.0
    near_m: float = 0.4
    far_m: float = 0.9
    parent_more: float = 3.0
    other_more: float = 1.0

    def draw(
        self, n: int, *, generator: np.random.Generator
    ) -> tuple[Candidates, Bool[np.ndarray, " decay"], Float64[np.ndarray, " decay"]]:
        """Decays, which of them have no parent, and the logarithm of the ratio for having none."""
        alone = np.arange(n) % 2 == 0
        lag = np.where(alone, np.nan, generator.exponential(self.life_s, n))
        others = generator.poisson(self.rate_s * self.look_back_s, n)
        decay = np.concatenate([np.repeat(np.arange(n), others), np.flatnonzero(~alone)])
        elapsed = generator.uniform(0.0, self.look_back_s, int(others.sum()))
        elapsed = np.concatenate([elapsed, lag[~alone]])
        parent = np.arange(len(decay)) >= others.sum()
        seen = elapsed < self.look_back_s
        decay, elapsed, parent = decay[seen], elapsed[seen], parent[seen]
        order = np.lexsort((elapsed, decay))
        decay, elapsed, parent = decay[order], elapsed[order], parent[order]
        more = np.where(parent, self.parent_more, self.other_more)
        size = 1 + generator.poisson(more)
        distance = generator.exponential(
            np.repeat(np.where(parent, self.near_m, self.far_m), size)
        )
        odds = np.exp(self._log_odds(elapsed, size, distance))
        given = np.bincount(decay, odds, minlength=n) + np.exp(-self.look_back_s / self.life_s)
        found = self._candidates(decay, elapsed, size, distance, lag, generator)
        return found, alone, -np.log(given)

    def _log_odds(
        self,
        elapsed: Float64[np.ndarray, " muon"],
        size: Int64[np.ndarray, " muon"],
        distance: Float64[np.ndarray, " capture"],
    ) -> Float64[np.ndarray, " muon"]:
        """Logarithm of the density of each muon as the parent over that of any muon."""
        muon = np.repeat(np.arange(len(size)), size)
        slope = 1.0 / self.far_m - 1.0 / self.near_m
        near = np.bincount(muon, slope * distance + np.log(self.far_m / self.near_m))
        number = (size - 1) * np.log(self.parent_more / self.other_more)
        number = number - self.parent_more + self.other_more
        lag = -elapsed / self.life_s - np.log(self.life_s * self.rate_s)
        return np.asarray(near + number + lag)

    def _candidates(
        self,
        decay: Int64[np.ndarray, " muon"],
        elapsed: Float64[np.ndarray, " muon"],
        size: Int64[np.ndarray, " muon"],
        distance: Float64[np.ndarray, " capture"],
        lag: Float64[np.ndarray, " decay"],
        generator: np.random.Generator,
    ) -> Candidates:
        n, muons = len(lag), np.bincount(decay, minlength=len(lag))
        rank = np.arange(len(decay)) - np.repeat(np.cumsum(muons) - muons, muons)
        toward = generator.normal(size=(len(distance), 3))
        apart = distance[:, None] * toward / np.linalg.norm(toward, axis=1, keepdims=True)
        points = {name: apart[:, i] for i, name in enumerate(("dx", "dy", "dz"))}
        points |= {f"track_{name}": np.full(len(distance), 0.3) for name in "xyz"}
        points |= {"distance": distance, "dt": np.repeat(elapsed, size)}
        points |= {"muon": np.repeat(rank, size), "muon_captures": np.repeat(size, size)}
        for name, value in (("dedx", 68.0), ("muon_charge", 5e5), ("track_distance", 0.6)):
            points[name] = np.full(len(distance), value)
        counts = np.bincount(decay, size, minlength=n).astype(np.int64)
        columns = {"dt_muon": generator.exponential(LATER_S, n), "n_captures": counts}
        kind = np.where(np.isnan(lag), b"xe136", b"long-lived")
        return Candidates(
            SPALLATION,
            np.arange(n),
            np.ones(n, np.int64),
            {name: column.astype(np.float32) for name, column in columns.items()},
            np.concatenate([[0], np.cumsum(counts)]),
            {name: column.astype(np.float32) for name, column in points.items()},
            {**COLUMN_UNITS[SPALLATION], **POINT_UNITS},
            {"kind": kind, "lag": lag},
        )
