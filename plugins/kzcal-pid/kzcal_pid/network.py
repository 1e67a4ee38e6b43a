"""A graph network of hits in which every hit hears all others, by the angle between them."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from kzcal_pid.angles import HIGHEST, columns, degrees, legendre
from kzcal_pid.clouds import KNOTS, N_KIND, Clouds

HIDDEN = 64
"""Width of the head."""
WAVES = 8
"""Waves over the knots that what hits say at first is made of: slow in time, so that few events
are enough to learn from."""
METRES = 10.0
"""Distance that counts as one."""


class Telling(nn.Module):
    """What each hit tells, summed over all hits by the columns of their directions.

    Of each number the mean over the event is taken off first, so that neither dead PMTs nor a
    vertex off the centre draw a pattern by themselves.

    Args:
        width: numbers of a hit.
        channels: that it tells.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.tell = nn.Linear(width, channels, bias=False)

    def forward(
        self,
        hits: Float[Tensor, "page hit width"],
        mean: Float[Tensor, "event width"],
        column: Float[Tensor, "page hit column"],
        event: Int[Tensor, " page"],
    ) -> Float[Tensor, "event channel column"]:
        """The sums, over the root of the number of hits; lines of ``column`` without one are 0."""
        told = self.tell(hits) - self.tell(mean)[event][:, None]
        total = summed(told.transpose(1, 2) @ column, event, len(mean))
        number = summed(column[:, :, 0].sum(1), event, len(mean)).clamp(min=1.0)
        return total / number.sqrt()[:, None, None]


class Hearing(nn.Module):
    r"""A layer: hit i hears :math:`\sum_j g_l\,P_l(\cos\theta_{ij})\,f(h_j)` of all hits j.

    Weights :math:`g_l` and functions :math:`f` are learned; degrees go up to ``HIGHEST``.

    Source: K. Schütt et al. (2017), arXiv:1706.08566 (continuous filters on all pairs), here
        with the filter in Legendre polynomials, so that all pairs cost one pass over the hits.

    Args:
        width: numbers of a hit.
        channels: that a hit tells the others.
    """

    power: Tensor
    legendre: Tensor

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.telling = Telling(width, channels)
        self.own, self.event = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        spread = (channels * (HIGHEST + 1)) ** -0.5
        self.weight = nn.Parameter(spread * torch.randn(HIGHEST + 1, channels, width))
        self.register_buffer("power", torch.from_numpy(degrees()), persistent=False)
        self.register_buffer("legendre", torch.from_numpy(legendre()), persistent=False)

    def forward(
        self,
        hits: Float[Tensor, "page hit width"],
        mean: Float[Tensor, "event width"],
        column: Float[Tensor, "page hit column"],
        event: Int[Tensor, " page"],
    ) -> Float[Tensor, "page hit width"]:
        """The hits after the layer."""
        told = self.telling(hits, mean, column, event)
        by_power = torch.einsum("lk,lcw->kcw", self.legendre, self.weight)
        hearing = torch.einsum("ecm,mcw->emw", told, by_power[self.power])
        heard = torch.baddbmm(self.event(mean)[event][:, None], column, hearing[event])
        return hits + silu(self.own(hits) + heard)


class PairNetwork(nn.Module):
    """Layers of hearing, and a head on what no rotation changes of the whole event.

    Args:
        width: numbers of a hit.
        channels: that a hit tells the others.
        layers: of hearing.
        dropout: share of the numbers of an event that a step leaves out.
    """

    weigh: Tensor

    def __init__(self, width: int, channels: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.said = nn.Parameter(smooth_functions(width).repeat(N_KIND, 1))
        self.far = nn.Linear(1, width, bias=False)
        self.layers = nn.ModuleList(Hearing(width, channels) for _ in range(layers))
        self.tellings = nn.ModuleList(Telling(width, channels) for _ in range(layers + 1))
        weigh = torch.from_numpy(legendre()[1:, degrees()])
        self.register_buffer("weigh", weigh, persistent=False)
        pairs = torch.triu_indices(channels, channels)
        self._first, self._second = pairs[0].tolist(), pairs[1].tolist()
        size = (layers + 1) * (width + HIGHEST * len(self._first)) + 2
        self.head = nn.Sequential(
            nn.BatchNorm1d(size),
            nn.Dropout(dropout),
            nn.Linear(size, HIDDEN),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, clouds: Clouds) -> Float[Tensor, " event"]:
        """Logit of each event."""
        real, event = clouds.real[:, :, None].to(clouds.part.dtype), clouds.event
        number = summed(real.sum(1), event, len(clouds.radius)).clamp(min=1.0)
        column = columns(clouds.direction) * real
        hits, numbers = self._begin(clouds), []
        for at, telling in enumerate(self.tellings):
            mean = summed((hits * real).sum(1), event, len(number)) / number
            numbers += [mean, self._squares(telling(hits, mean, column, event))]
            if at < len(self.layers):
                hits = self.layers[at](hits, mean, column, event)
        numbers += [number.log(), clouds.radius[:, None] / METRES]
        logit: Tensor = self.head(torch.cat(numbers, 1))[:, 0]
        return logit

    def _begin(self, clouds: Clouds) -> Float[Tensor, "page hit width"]:
        """What hits are before they hear: what their kind says at their time, and how far."""
        row = clouds.kind * len(KNOTS) + clouds.knot
        part = clouds.part[..., None]
        said = torch.lerp(self.said[row], self.said[row + 1], part)
        far: Tensor = self.far(clouds.distance[..., None] / METRES)
        return said + far

    def _squares(
        self, told: Float[Tensor, "event channel column"]
    ) -> Float[Tensor, "event invariant"]:
        """Sums over all pairs of hits of what both tell, times a Legendre polynomial."""
        weighed = told[:, None] * self.weigh[:, None]
        sums = (weighed @ told[:, None].transpose(2, 3))[:, :, self._first, self._second]
        flat = sums.flatten(1)
        return flat.sign() * flat.abs().log1p()


def summed(
    values: Float[Tensor, "page ..."], event: Int[Tensor, " page"], n_events: int
) -> Float[Tensor, "event ..."]:
    """Sum of the pages of each event."""
    return values.new_zeros(n_events, *values.shape[1:]).index_add(0, event, values)


def smooth_functions(width: int) -> Float[Tensor, "knot width"]:
    """Random functions of time, sums of cosines of falling strength over the knots."""
    phase = torch.pi * (torch.arange(len(KNOTS)) + 0.5)[:, None] / len(KNOTS)
    wave = torch.arange(WAVES)
    return torch.cos(phase * wave) @ (torch.randn(WAVES, width) / (1.0 + wave)[:, None])
