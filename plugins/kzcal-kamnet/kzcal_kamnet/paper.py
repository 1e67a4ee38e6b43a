"""The published network in harmonics: recurrence with attention, convolutions on rotations, head.

Between the slices and the score nothing depends on how the detector is turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_kamnet.convolutions import (
    Activation,
    ChannelDropout,
    SphereConvolution,
    TurnConvolution,
    TurnNorm,
)
from kzcal_kamnet.recurrent import Attention, Degrees, WaveLSTM
from kzcal_kamnet.slices import N_SLICE

BANDWIDTHS = (19, 14, 10, 6, 2)
"""Number of degrees before the spherical stage and after each of its convolutions."""

CHANNELS = (22, 36, 63, 74, 124)
"""Channels before the spherical stage and after each of its convolutions."""

RECURRENT = ((12, 3), (22, 2))
"""Channels of the two recurrent layers and rings of their filters, 5 x 5 and 3 x 3 pixels."""

HEAD = (1080, 864, 432, 216, 54)
"""Widths of the layers between the invariants and the score."""

TURN_DROPOUT = 0.406
HEAD_DROPOUT = 0.0862


class SliceNorm(nn.Module):
    """Gives the harmonics of each degree in each slice a common size.

    Counts of degree zero are taken relative to their mean over events; other degrees have none.

    Args:
        n_bin: time slices.
        degree: the highest one.
        momentum: share of the newest batch in the running numbers.
    """

    mean: Tensor
    power: Tensor

    def __init__(self, n_bin: int, degree: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.degrees = Degrees(degree)
        self.register_buffer("mean", torch.zeros(n_bin))
        self.register_buffer("power", torch.ones(n_bin, degree + 1))

    def forward(
        self, maps: Float[Tensor, "event bin harmonic"]
    ) -> Float[Tensor, "event bin harmonic"]:
        """The maps, normalised."""
        if self.training:
            self.mean.lerp_(maps[..., 0].mean(0), self.momentum)
            power = ((maps - self._monopole()) ** 2).mean(0) @ self.degrees.share.T
            self.power.lerp_(power, self.momentum)
        return (maps - self._monopole()) * (torch.rsqrt(self.power + 1e-3) @ self.degrees.of.T)

    def _monopole(self) -> Float[Tensor, "bin harmonic"]:
        rest = len(self.degrees.of) - 1
        return nn.functional.pad(self.mean[:, None], (0, rest))


class SphericalStage(nn.Sequential):
    """Convolutions from the sphere to rotations, up to the means over all rotations.

    Args:
        channels: before and after each convolution.
        bandwidths: number of degrees, likewise.
        dropout: share of the functions that training leaves out.
    """

    def __init__(self, channels: Sequence[int], bandwidths: Sequence[int], dropout: float) -> None:
        ends = [*bandwidths[1:], 1]
        layers: list[nn.Module] = []
        for at, (n_in, n_out) in enumerate(pairwise(channels)):
            kind = TurnConvolution if at else SphereConvolution
            layers += [
                kind(n_in, n_out, ends[at] - 1),
                TurnNorm(n_out),
                Activation(ends[at] - 1, ends[at + 1] - 1),
                ChannelDropout(dropout),
            ]
        super().__init__(*layers)


def head(widths: Sequence[int], dropout: float) -> nn.Sequential:
    """Fully connected layers to one number.

    Args:
        widths: of the invariants and of each layer.
        dropout: share of a layer that training leaves out.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


class PaperNetwork(nn.Module):
    """KamNet with the published hyper-parameters: harmonics of 28 time slices to a logit.

    Args:
        n_bin: time slices.
        bandwidths: number of degrees of the slices and after each spherical convolution.
        channels: of the recurrent stage's end and after each spherical convolution.
        recurrent: channels and rings of the filters of each recurrent layer.
        widths: of the layers of the head.

    Source: A. Li et al. (2022), Phys. Rev. C 107, 014323, arXiv:2203.01870.
    """

    def __init__(
        self,
        n_bin: int = N_SLICE,
        bandwidths: Sequence[int] = BANDWIDTHS,
        channels: Sequence[int] = CHANNELS,
        recurrent: Sequence[tuple[int, int]] = RECURRENT,
        widths: Sequence[int] = HEAD,
    ) -> None:
        super().__init__()
        degree = bandwidths[0] - 1
        counts = [1, *(n for n, _ in recurrent)]
        self.degree = degree
        self.norm = SliceNorm(n_bin, degree)
        self.recurrent = nn.ModuleList(
            WaveLSTM(n_in, n_state, rings, degree)
            for n_in, (n_state, rings) in zip(counts, recurrent, strict=False)
        )
        self.attention = Attention(n_bin, counts[-1], bandwidths[1] - 1)
        self.sphere = SphericalStage(channels, bandwidths, TURN_DROPOUT)
        self.head = head([channels[-1], *widths], HEAD_DROPOUT)

    def invariants(
        self, maps: Float[Tensor, "event bin harmonic"]
    ) -> Float[Tensor, "event channel"]:
        """Means over all rotations, which do not change when the event turns.

        The spherical stage keeps single precision where the rest is mixed, as published.
        """
        seen = self.states(maps)[: len(self.attention.degrees.of)]
        attended = self.attention(seen)
        with torch.autocast(attended.device.type, enabled=False):
            turned: Tensor = self.sphere(attended.float())
        return turned[0]

    def states(
        self, maps: Float[Tensor, "event bin harmonic"]
    ) -> Float[Tensor, "harmonic bin event state"]:
        """State of the last recurrent layer after each slice."""
        state: Tensor = self.norm(maps).permute(2, 1, 0)[..., None]
        for layer in self.recurrent:
            state = torch.stack(layer(state), 1)
        return state

    def forward(self, maps: Float[Tensor, "event bin harmonic"]) -> Float[Tensor, " event"]:
        """Logit of being signal.

        Args:
            maps: harmonics of the slices, from ``slices.slice_harmonics``.
        """
        found: Tensor = self.head(self.invariants(maps))
        return found[:, 0]
