"""PointNet: a shared network of each capture, the largest of each feature, a final network."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_pointnet.captures import CaptureSets
from kzcal_pointnet.pooling import largest

SHARED = (64, 128)
"""Numbers of a capture after each layer of its network, before the features."""
FINAL = (512, 256)
"""Numbers of a decay after each layer of the final network."""
TURN = 3
"""Axes that the input transform turns."""


class LargestFeatures(nn.Module):
    """A shared network of each capture and the largest of each feature over those of a decay.

    Args:
        numbers: of a capture.
        features: of a decay.
    """

    def __init__(self, numbers: int, features: int) -> None:
        super().__init__()
        self.shared = chain(numbers, *SHARED)
        self.last = nn.Linear(SHARED[-1], features)

    def forward(
        self, point: Float[Tensor, "point number"], captures: CaptureSets
    ) -> Float[Tensor, "candidate feature"]:
        """Features of each decay; those of one without captures are the biases."""
        found = largest(self.shared(point), self.last.weight, captures.counts)
        return (found + self.last.bias).relu()


class PointNet(nn.Module):
    """Logit of a decay by the captures around it.

    Times since the latest muon go straight into the final network. There is no normalisation over
    a batch: inputs are of about one, a score hangs on no other event, and the slopes of the
    largest features stay sparse.

    Args:
        axes: numbers of the displacements of a capture.
        energies: numbers of the energy near it.
        features: of a decay.
        transform: whether displacements are first turned by a matrix that is made of all of them.

    Source: C. Qi et al. (2017), PointNet, arXiv:1612.00593.
    """

    def __init__(self, axes: int, energies: int, features: int, *, transform: bool) -> None:
        super().__init__()
        self.features = LargestFeatures(axes + energies, features)
        self.turning: nn.ModuleList | None = None
        if transform:
            last = nn.Linear(FINAL[-1], TURN * TURN)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            head = nn.Sequential(chain(features, *FINAL), last)
            self.turning = nn.ModuleList([LargestFeatures(axes + energies, features), head])
        self.final = nn.Sequential(chain(features + 2, *FINAL), nn.Linear(FINAL[-1], 1))

    def forward(self, captures: CaptureSets) -> Float[Tensor, " candidate"]:
        """Logit of each decay."""
        vector = captures.vector
        if self.turning is not None:
            vector = self._turned(captures)
        features = self.features(torch.cat([vector, captures.energy], 1), captures)
        logit: Tensor = self.final(torch.cat([features, captures.since], 1))[:, 0]
        return logit

    def _turned(self, captures: CaptureSets) -> Float[Tensor, "point axis"]:
        assert self.turning is not None
        pooling, head = self.turning
        point = torch.cat([captures.vector, captures.energy], 1)
        matrix = head(pooling(point, captures)).view(-1, TURN, TURN)
        matrix = matrix + torch.eye(TURN, device=matrix.device)
        each = matrix.repeat_interleave(captures.counts, 0)
        vectors = captures.vector.view(len(each), captures.vector.shape[1] // TURN, TURN)
        return torch.bmm(vectors, each).flatten(1)


def chain(*widths: int) -> nn.Sequential:
    """Linear layers, a rectifier after each."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers)
