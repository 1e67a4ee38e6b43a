"""The ratio of likelihoods that no tagger of the same captures can beat, as near as it is known.

Muons with captures near a decay come as a Poisson process, and a parent is one more of them, so
that the ratio of "long-lived" to "of its own" is

    1 - v F(H) + sum over muons of f(t) v p(marks | parent) / (r p(marks | any)),

f and F the law of the lag, H the look-back, v the chance that a parent is seen at all, r the rate
of the others. f is exact: half-lives of the shipped table in the shares of the sample. The ratio
of the densities of marks, which do not hang on time, is that of boosted trees that are told which
muons are parents; they learn from every muon of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from kzcal_pointnet.captures import CaptureSets, Inputs, capture_sets
from pointnet_training import alone
from sklearn.ensemble import HistGradientBoostingClassifier

from kzcal.candidates import Candidates
from kzcal.physics.catalogue import entries

SEEN = Inputs(tracks=True, dedx=True, hours=1e5)
TREES = 300
SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class MuonMarks:
    """The muons around decays.

    Args:
        marks: numbers of each that do not hang on time.
        elapsed: from each to its decay, s.
        owner: row of its decay.
        parent: whether it made the decay.
    """

    marks: Float64[np.ndarray, "muon mark"]
    elapsed: Float64[np.ndarray, " muon"]
    owner: Int64[np.ndarray, " muon"]
    parent: Bool[np.ndarray, " muon"]


def muon_marks(candidates: Candidates) -> MuonMarks:
    """The muons around decays: what is known of each, and moments of its captures' numbers."""
    captures = capture_sets(candidates, SEEN, torch.device("cpu"))
    muon, n = captures.muon, len(captures.muon_number)
    point = torch.cat([captures.number, captures.energy], 1).double()
    index = muon[:, None].expand_as(point)
    empty = point.new_zeros(n, point.shape[1])
    moments = [
        empty.scatter_reduce(0, index, point, how, include_self=False)
        for how in ("mean", "amin", "amax")
    ]
    known = captures.muon_number[:, 1:].double()
    return MuonMarks(
        torch.cat([known, *moments], 1).numpy(),
        elapsed_s(captures),
        captures.candidate.numpy(),
        captures.muon_parent.numpy(),
    )


def elapsed_s(captures: CaptureSets) -> Float64[np.ndarray, " muon"]:
    """Time from each muon to its decay, s."""
    return np.asarray(np.exp(2.0 * captures.muon_number[:, 0].double().numpy() + 9.0))


@dataclass(frozen=True, slots=True, eq=False)
class Lags:
    """The law of the lag of a sample's decays.

    Args:
        lives: mean life of each isotope, s.
        shares: of each isotope.
    """

    lives: Float64[np.ndarray, " isotope"]
    shares: Float64[np.ndarray, " isotope"]

    @classmethod
    def of(cls, candidates: Candidates) -> Lags:
        """The isotopes of long-lived decays, in the shares that they have."""
        half_lives = {entry.name: entry.half_life for entry in entries()}
        names = candidates.truth["isotope"][~alone(candidates)].astype(str)
        isotopes, counts = np.unique(names, return_counts=True)
        lives = np.array([float(half_lives[name] or np.nan) for name in isotopes]) / np.log(2.0)
        return cls(lives, counts / counts.sum())

    def density(self, time_s: Float64[np.ndarray, " time"]) -> Float64[np.ndarray, " time"]:
        """Of the lag, 1/s."""
        return np.asarray(np.exp(-time_s[:, None] / self.lives) @ (self.shares / self.lives))

    def within(self, time_s: float) -> float:
        """Share of the decays that come sooner."""
        return float(-np.expm1(-time_s / self.lives) @ self.shares)


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodRatio:
    """The ratio, with its densities of marks learned from a sample.

    Args:
        trees: tell parents from other muons.
        lags: their law.
        look_back_s: how far back muons are known, s.
        rate: of other muons with a capture seen near a decay, 1/s.
        seen: chance of a parent in the look-back to be one that is seen.
        odds: of a muon to be a parent in the sample that the trees learned from.
    """

    trees: HistGradientBoostingClassifier
    lags: Lags
    look_back_s: float
    rate: float
    seen: float
    odds: float

    @classmethod
    def of(cls, candidates: Candidates, look_back_s: float) -> LikelihoodRatio:
        """The ratio that a sample of decays gives."""
        muons, lags = muon_marks(candidates), Lags.of(candidates)
        trees = HistGradientBoostingClassifier(
            max_iter=TREES,
            learning_rate=0.05,
            max_leaf_nodes=15,
            min_samples_leaf=100,
            early_stopping=True,
            random_state=SEED,
        )
        trees.fit(muons.marks, muons.parent)
        parents, others = int(muons.parent.sum()), int((~muons.parent).sum())
        made = ~alone(candidates)
        lag = np.asarray(candidates.truth["lag"], np.float64)[made]
        rate = others / (len(candidates) * look_back_s)
        seen = parents / int((lag < look_back_s).sum())
        return cls(trees, lags, look_back_s, rate, seen, parents / others)

    def score(self, candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
        """Logarithm of the ratio for a decay of its own, which is large for the signal."""
        muons = muon_marks(candidates)
        chance = self.trees.predict_proba(muons.marks)[:, 1]
        marks = chance / (1.0 - chance) / self.odds
        each = self.lags.density(muons.elapsed) * self.seen * marks / self.rate
        unseen = 1.0 - self.seen * self.lags.within(self.look_back_s)
        total = np.bincount(muons.owner, each, minlength=len(candidates))
        return np.asarray(-np.log(unseen + total))
