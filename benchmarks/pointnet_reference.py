"""PointNet for classification as arXiv:1612.00593 describes it, for the clock alone.

Shared layers of 64, 128 and 1024 with normalisation over the batch, the maximum over all points,
a transform of 3 x 3 from a network of the same kind, and final layers of 512 and 256 with dropout:
1.6 million parameters. Written from the paper's sections 4.2, B and C.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

SHARED = (64, 128, 1024)
FINAL = (512, 256)
DROPOUT = 0.3


class Pooled(nn.Module):
    """Shared layers, each normalised over the batch, and the maximum over all points."""

    def __init__(self, numbers: int, *, last_rectified: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((numbers, *SHARED[:-1]), SHARED, strict=True):
            layers += [nn.Conv1d(before, after, 1), nn.BatchNorm1d(after), nn.ReLU()]
        self.layers = nn.Sequential(*(layers if last_rectified else layers[:-1]))

    def forward(self, points: Float[Tensor, "set number point"]) -> Float[Tensor, "set feature"]:
        """Features of each set."""
        found: Tensor = self.layers(points).max(2).values
        return found


def final(numbers: int, given: int, *, dropout: float) -> nn.Sequential:
    """The final network."""
    layers: list[nn.Module] = []
    for before, after in zip((numbers, *FINAL[:-1]), FINAL, strict=True):
        layers += [nn.Linear(before, after)]
        layers += [nn.Dropout(dropout)] if dropout and after == FINAL[-1] else []
        layers += [nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(FINAL[-1], given))


class ReferencePointNet(nn.Module):
    """The whole network.

    Args:
        numbers: of a point, of which the first three are turned.
        transform: whether they are.
    """

    def __init__(self, numbers: int = 3, *, transform: bool = True) -> None:
        super().__init__()
        self.turn: nn.Module | None = None
        if transform:
            self.turn = nn.Sequential(
                Pooled(numbers, last_rectified=True), final(SHARED[-1], 9, dropout=0.0)
            )
        self.features = Pooled(numbers, last_rectified=False)
        self.final = final(SHARED[-1], 2, dropout=DROPOUT)

    def forward(self, points: Float[Tensor, "set number point"]) -> Float[Tensor, "set class"]:
        """Logarithms of the chances of two classes."""
        if self.turn is not None:
            matrix = self.turn(points).view(-1, 3, 3) + torch.eye(3)
            turned = torch.bmm(points[:, :3].transpose(1, 2), matrix).transpose(1, 2)
            points = torch.cat([turned, points[:, 3:]], 1)
        found: Tensor = self.final(self.features(points)).log_softmax(1)
        return found
