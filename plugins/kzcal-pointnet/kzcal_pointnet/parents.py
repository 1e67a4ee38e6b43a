"""Which class has parents, and the loss of decays whose parent is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64
from torch import Tensor
from torch.nn.functional import softplus

from kzcal.candidates import Candidates
from kzcal_pointnet.captures import NEVER_S, CaptureSets

NEAREST_M = 0.1
"""Least distance of a capture that is told from none, m."""
NEWEST_S = 1.0
"""Least time since a muon that is told from none, so that chance muons do not decide, s."""


@dataclass(frozen=True, slots=True)
class ParentLoss:
    """Loss of decays with a known parent: -log of the chance of exactly this one.

    The choices are a decay of its own, of odds 1, and each muon, of odds exp(logit). Where the
    parent is not known it is the logistic loss.

    Args:
        born: whether decays with a parent are the signal.
    """

    born: bool

    def __call__(
        self,
        odds: Float[Tensor, "row 2"],
        seen: CaptureSets,
        signal: Float[Tensor, " row"],
        weight: Float[Tensor, " row"],
    ) -> Float[Tensor, ""]:
        """Mean loss of a batch."""
        whole, parent = odds.unbind(1)
        born = signal if self.born else 1.0 - signal
        chosen = parent.where(seen.told, whole)
        return (weight * (softplus(whole) - born * chosen)).mean()


def signal_is_born(candidates: Candidates, signal: Bool[np.ndarray, " candidate"]) -> bool:
    """Whether the signal is the class with parents.

    It is the class whose parents are known more often; where none is known or all are, the one
    with nearer and more recent captures.

    Args:
        candidates: of both classes.
        signal: whether each is signal.
    """
    lag = np.asarray(candidates.truth.get("lag", np.full(len(signal), np.nan)), np.float64)
    told = np.isfinite(lag)
    of_signal, of_background = told[signal].mean(), told[~signal].mean()
    if of_signal != of_background:
        return bool(of_signal > of_background)
    near = nearness(candidates)
    return bool(near[signal].mean() > near[~signal].mean())


def nearness(candidates: Candidates) -> Float64[np.ndarray, " candidate"]:
    """Logarithm of the sum over captures of 1 / (distance x time since their muon), in m and s.

    A muon's chance to be the parent falls about so with both; one capture at 1 m after ``NEVER_S``
    is what a decay without any has.
    """
    apart, elapsed = candidates.point_table(("distance", "dt")).astype(np.float64).T
    each = 1.0 / (np.maximum(apart, NEAREST_M) * np.maximum(elapsed, NEWEST_S))
    owner = np.repeat(np.arange(len(candidates)), candidates.counts)
    total = np.bincount(owner, np.nan_to_num(each), minlength=len(candidates))
    return np.asarray(np.log(np.maximum(total, 1.0 / NEVER_S)))
