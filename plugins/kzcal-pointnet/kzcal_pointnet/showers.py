"""A network of several muons: what each of them says for being the parent, added up."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_pointnet.captures import CaptureSets
from kzcal_pointnet.points import chain
from kzcal_pointnet.pooling import log_total, shares, total

HEADS = 4
"""Sets of shares in which the captures of a muon are added up."""
ADDED = 0.1
"""Weight of the plain sums, which are as large as a muon has captures."""
UNLIKELY = -3.0
"""Logit of every muon before training, so that tens of them add up to about one."""


class ShowerNetwork(nn.Module):
    """Logit of a decay by whether one of the muons is its parent.

    Muons come as a Poisson process whose marks are their captures. If the parent is one more of
    them, the ratio of likelihoods of "a long-lived decay" to "a decay of its own" is a sum over
    muons: of f(t) p(captures | parent) / p(captures | any), f the law of the lag; and of the
    chance that the parent left nothing. The network has this shape: the captures of each muon
    are pooled by attention and by sums (independent captures multiply likelihoods), a second
    network makes one logit of it with the time since the muon, its captures and charge; the
    exponentials of the logits are added.

    Args:
        numbers: of a capture that no rotation changes, and of the energy near it.
        known: numbers of a muon.
        width: numbers of a capture inside.
        born: whether decays with a parent are the signal.
        tells_parent: whether it gives the logit of the parent, too, while it learns.
    """

    sense: Tensor

    def __init__(
        self,
        numbers: int,
        known: int,
        width: int,
        *,
        born: bool = False,
        tells_parent: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("sense", torch.tensor(1.0 if born else -1.0))
        self._tells_parent = tells_parent
        self.capture = chain(numbers + known, width, width)
        self.attention = nn.Linear(width, HEADS)
        self.muon = chain(2 * width + known, 2 * width, width)
        self.logit = nn.Linear(width, 1)
        self.floor = nn.Sequential(chain(2, 16), nn.Linear(16, 1))
        nn.init.constant_(self.logit.bias, UNLIKELY)

    def forward(self, captures: CaptureSets) -> Float[Tensor, "candidate ..."]:
        """Logit of each decay to be signal.

        In training, if it tells the parent: logarithms of the odds of a parent at all and of the
        true one, side by side; the second is the floor where that left no capture.
        """
        each, floor = self.muons(captures), self.floor(captures.since)[:, 0]
        owner = captures.candidate
        whole = log_total(each, owner, floor)
        if not (self.training and self._tells_parent):
            return self.sense * whole
        right = captures.muon_parent
        return torch.stack([whole, floor.index_put((owner[right],), each[right])], 1)

    def muons(self, captures: CaptureSets) -> Float[Tensor, " muon"]:
        """Logit of each muon to be the parent."""
        n, muon = len(captures.muon_number), captures.muon
        seen = [captures.number, captures.energy, captures.muon_number[muon]]
        capture = self.capture(torch.cat(seen, 1))
        share = shares(self.attention(capture), muon, n)
        heads = capture.view(len(capture), HEADS, capture.shape[1] // HEADS) * share[:, :, None]
        pooled = total(torch.cat([heads.flatten(1), ADDED * capture], 1), muon, n)
        logit: Tensor = self.logit(self.muon(torch.cat([pooled, captures.muon_number], 1)))
        return logit[:, 0]
