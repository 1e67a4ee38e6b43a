"""Critics: one of every hit with a memory for each PMT, one of whole events on the sphere."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal.geometry.farthest import farthest_points
from kzcal_cyclegan.features import CHARGES, TIMES, Features
from kzcal_cyclegan.runs import Batch, Tubes

N_PATCH = 60
"""Patches of the sphere, about 31 PMTs each."""

N_NEIGHBOUR = 6
"""Patches that a patch looks at, itself included."""

LATE = 15.0
"""Residual that parts prompt from late hits, ns."""


class HitCritic(nn.Module):
    """Judges hits one by one; trained by least squares it tells (data - fake) / (data + fake).

    Densities here are those of hits at a PMT, a time and a charge, numbers of hits included, so
    that too few hits are seen as well as wrong ones. Source of the loss: Mao et al. (2017),
    arXiv:1611.04076.

    Args:
        tubes: the PMTs.
        learned: features that the network learns for the PMTs' own coefficients.
        width: of the hidden layer.
    """

    kind: Tensor

    def __init__(self, tubes: Tubes, learned: int = 8, width: int = 32) -> None:
        super().__init__()
        device = tubes.kind.device
        self.register_buffer("kind", tubes.kind)
        self.features = Features().to(device)
        self.network = nn.Sequential(
            nn.Linear(self.features.size, width), nn.SiLU(), nn.Linear(width, learned + 1)
        ).to(device)
        own = len(TIMES) + len(CHARGES) + learned
        self.own = nn.Parameter(torch.zeros(len(tubes), own, device=device))

    def forward(self, hits: Batch) -> Float[Tensor, " hit"]:
        """The verdict on each hit."""
        features = self.features(hits.time, hits.charge, self.kind[hits.pmt])
        out = self.network(features)
        own = torch.cat([features[:, :-1], out[:, 1:]], 1)
        verdict: Tensor = out[:, 0] + (own * self.own[hits.pmt]).sum(1)
        return verdict


class SphereCritic(nn.Module):
    """Judges an event by the hits and the charge of patches of the sphere and their neighbours.

    Its verdict is no sum over hits. The generator's weights (see kzcal_cyclegan.forward) give it
    the gradient of first order in the patches' sums, not that of the verdict's expectation.

    Args:
        tubes: the PMTs.
        width: channels.
    """

    patch: Tensor
    near: Tensor
    scale: Tensor

    def __init__(self, tubes: Tubes, width: int = 24) -> None:
        super().__init__()
        direction = tubes.direction
        chosen = farthest_points(direction.cpu().numpy(), N_PATCH)
        centre = torch.from_numpy(chosen).to(direction.device)
        closeness = direction @ direction[centre].T
        near = closeness[centre].topk(N_NEIGHBOUR, dim=1).indices
        self.register_buffer("patch", closeness.argmax(1))
        self.register_buffer("near", near)
        self.register_buffer("scale", torch.ones(3, device=near.device))
        self.first = nn.Linear(6, width).to(near.device)
        self.second = nn.Linear(2 * width, width).to(near.device)
        self.last = nn.Linear(2 * width, 1).to(near.device)

    def see(self, hits: Batch, weight: Float[Tensor, " hit"]) -> Float[Tensor, "event patch 3"]:
        """Prompt hits, late hits and charge of each patch; fakes count by their weight."""
        late = torch.sigmoid((hits.time - LATE) / 2.0)
        columns = weight[:, None] * torch.stack([1.0 - late, late, hits.charge], 1)
        place = hits.event * N_PATCH + self.patch[hits.pmt]
        sums = columns.new_zeros(len(hits.events) * N_PATCH, 3).index_add(0, place, columns)
        return sums.view(len(hits.events), N_PATCH, 3)

    def forward(self, seen: Float[Tensor, "event patch 3"]) -> Float[Tensor, " event"]:
        """The verdict on each event."""
        x = seen / self.scale
        x = nn.functional.silu(self.first(torch.cat([x, x[:, self.near].mean(2)], 2)))
        x = nn.functional.silu(self.second(torch.cat([x, x[:, self.near].mean(2)], 2)))
        spread = (x.var(1) + 1e-6).sqrt()
        verdict: Tensor = self.last(torch.cat([x.mean(1), spread], 1))
        return verdict[:, 0]
