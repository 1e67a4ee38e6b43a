"""The small network: filters of time and angle, maps of axes, and what is left of them in all."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_kamnet.arrival import Arrival
from kzcal_kamnet.harmonics import harmonics, size
from kzcal_kamnet.pictures import DEGREE, N_CHANNEL
from kzcal_kamnet.templates import PAIRS, two_site_filters

N_POLAR = 14
"""Polar angles of the grid of axes; it is exact for products up to degree 27."""
FREE = 3
"""Maps whose filters begin at random, beside those that begin as pairs of sites."""
N_TIME = 8
"""Filters of time alone."""
BEGIN = 0.05
"""Spread of random filters at the start."""


class SmallNetwork(nn.Module):
    r"""A score that no rotation changes, of pictures in harmonics.

    A filter :math:`w_l(t)` of time and degree makes a map of axes u from the hits,
    :math:`y(u) = \sum_i \sum_l w_l(t_i) P_l(n_i u)`. Filters begin as log-likelihood ratios of two
    sites against one, so that the mean of :math:`e^{y(u)}` over all axes begins as a likelihood
    ratio for an unknown axis; training goes on from there. A filter has no mean over light of a
    single site, so that dead PMTs draw no pattern of their own.

    Args:
        hidden: width of the head.
        dropout: of the head.
    """

    expected: Tensor
    axes: Tensor
    log_area: Tensor
    degree_of: Tensor

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        maps = len(PAIRS) + FREE
        self.arrival = Arrival()
        self.filters = nn.Parameter(BEGIN * torch.randn(maps, DEGREE + 1, N_CHANNEL))
        self.times = nn.Parameter(BEGIN * torch.randn(N_TIME, N_CHANNEL))
        axes, area = grid_of_axes(N_POLAR)
        to_axes = harmonics(axes, DEGREE).float() * math.sqrt(4.0 * math.pi)
        degree = torch.cat([torch.full((2 * d + 1,), d) for d in range(DEGREE + 1)])
        self.register_buffer("expected", torch.full((N_CHANNEL,), 1.0 / N_CHANNEL))
        self.register_buffer("axes", to_axes, persistent=False)
        self.register_buffer("log_area", area.log().float(), persistent=False)
        self.register_buffer("degree_of", degree, persistent=False)
        numbers = maps * (DEGREE + 3) + N_TIME + 2
        self.norm = nn.BatchNorm1d(numbers)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(numbers, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
        )

    def begin(self, single: Float[Tensor, "event channel_and_place harmonic"]) -> None:
        """Begin as likelihood ratios, once the arrival of light is counted.

        Args:
            single: pictures of single-site events.
        """
        hits = single[:, :N_CHANNEL, 0].float().sum(0)
        self.expected.copy_(hits / hits.sum())
        with torch.no_grad():
            self.filters[: len(PAIRS)] = two_site_filters(self.arrival).to(self.filters.device)

    def invariants(
        self, picture: Float[Tensor, "event channel_and_place harmonic"]
    ) -> Float[Tensor, "event number"]:
        """Numbers that no rotation of the hits changes."""
        filters = self.filters - (self.filters @ self.expected)[..., None]
        times = self.times - (self.times @ self.expected)[..., None]
        scale = 1.0 / (2.0 * self.degree_of + 1.0)
        per_harmonic = filters[:, self.degree_of] * scale[None, :, None]
        hits, place = picture[:, :N_CHANNEL], picture[:, N_CHANNEL]
        waves = torch.einsum("nch,mhc->nmh", hits, per_harmonic)
        maps = waves @ self.axes.T
        ratio = torch.logsumexp(maps + self.log_area, -1)
        power = [waves[:, :, d * d : size(d)].square().sum(-1) for d in range(1, DEGREE + 1)]
        mean = waves[:, :, 0]
        numbers = [ratio, mean, *(torch.log1p(p) for p in power), hits[:, :, 0] @ times.T]
        vertex = place[:, 1:4]
        along = (waves[:, :, 1:4] @ vertex[:, :, None])[:, :, 0]
        numbers += [along, place[:, :1], vertex.square().sum(1, keepdim=True)]
        return torch.cat(numbers, 1)

    def forward(
        self, picture: Float[Tensor, "event channel_and_place harmonic"]
    ) -> Float[Tensor, " event"]:
        """Logit of being signal."""
        numbers: Tensor = self.head(self.norm(self.invariants(picture)))
        return numbers[:, 0]


def grid_of_axes(n_polar: int) -> tuple[Float[Tensor, "axis 3"], Float[Tensor, " axis"]]:
    """Axes and their shares of the sphere, exact for harmonics up to degree 2 n_polar - 1.

    Args:
        n_polar: polar angles, of Gauss and Legendre; twice as many azimuths.
    """
    cosine, weight = np.polynomial.legendre.leggauss(n_polar)
    azimuth = 2.0 * np.pi * np.arange(2 * n_polar) / (2 * n_polar)
    sine = np.sqrt(1.0 - cosine**2)[:, None]
    ring = [sine * np.cos(azimuth), np.broadcast_to(cosine[:, None], (n_polar, 2 * n_polar))]
    axes = np.stack([ring[0], ring[1], sine * np.sin(azimuth)], -1).reshape(-1, 3)
    area = np.repeat(weight / 2.0, 2 * n_polar) / (2 * n_polar)
    return torch.from_numpy(axes.copy()), torch.from_numpy(area)
