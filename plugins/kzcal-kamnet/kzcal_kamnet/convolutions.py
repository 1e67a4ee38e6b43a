"""Convolutions on the sphere and on rotations, and what stands between them, in harmonics.

A function of rotations is a tensor of coefficients (row, event, channel), rows as in
kzcal_kamnet.rotations. Whatever acts here turns with the event: filters act from the other side.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_kamnet.grid import Transform
from kzcal_kamnet.rotations import equatorial, n_rows, near_identity

CONSTANT = 1.0 / math.sqrt(2.0 * math.pi)
SQUARE = 0.5 / math.sqrt(2.0 * math.pi)


def _taps(n_in: int, n_out: int, n_tap: int) -> nn.Parameter:
    """Filters that neither raise nor lower a signal, on average."""
    return nn.Parameter(torch.randn(n_tap, n_in, n_out) / math.sqrt(n_tap * n_in))


def _constant(number: Float[Tensor, " channel"], n_row: int) -> Float[Tensor, "row 1 channel"]:
    """Coefficients of functions that are the same for every rotation."""
    return nn.functional.pad(number.view(1, 1, -1), (0, 0, 0, 0, 0, n_row - 1))


class SphereConvolution(nn.Module):
    """Correlates maps of the sphere with filters turned every way: sphere to rotations.

    Args:
        n_in: channels before.
        n_out: channels after.
        degree: the highest one after.

    Source: T. S. Cohen et al. (2018), Spherical CNNs, eq. 4, arXiv:1801.10130.
    """

    matrix: Tensor

    def __init__(self, n_in: int, n_out: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.taps = _taps(n_in, n_out, 24)
        matrix = near_identity(degree).to(torch.get_default_dtype())
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(
        self, maps: Float[Tensor, "harmonic event channel"]
    ) -> Float[Tensor, "row event filter"]:
        """Coefficients of the correlation."""
        filters = (self.matrix @ self.taps.flatten(1)).view(-1, *self.taps.shape[1:])
        orders = [2 * at + 1 for at in range(self.degree + 1)]
        found = []
        for order, signal, taps in zip(
            orders,
            torch.split(maps[: sum(orders)], orders),
            torch.split(filters, orders),
            strict=True,
        ):
            kernel = taps.transpose(0, 1).flatten(1) / math.sqrt(order)
            turned = (signal.flatten(0, 1) @ kernel).view(order, maps.shape[1], order, -1)
            found.append(turned.transpose(1, 2).flatten(0, 1))
        return torch.cat(found)


class TurnConvolution(nn.Module):
    """Correlates functions of rotations with filters on rotations.

    Args:
        n_in: channels before.
        n_out: channels after.
        degree: the highest one after, and of the part before that it looks at.

    Source: T. S. Cohen et al. (2018), Spherical CNNs, eq. 6, arXiv:1801.10130.
    """

    matrix: Tensor

    def __init__(self, n_in: int, n_out: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.taps = _taps(n_in, n_out, 64)
        matrix = equatorial(degree).to(torch.get_default_dtype())
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(
        self, spectrum: Float[Tensor, "row event channel"]
    ) -> Float[Tensor, "kept event filter"]:
        """Coefficients of the correlation."""
        n_in, n_out = self.taps.shape[1:]
        filters = (self.matrix @ self.taps.flatten(1)).view(-1, n_in, n_out)
        n_event, found = spectrum.shape[1], []
        orders = [2 * at + 1 for at in range(self.degree + 1)]
        squares = [order**2 for order in orders]
        for order, rows, taps in zip(
            orders,
            torch.split(spectrum[: sum(squares)], squares),
            torch.split(filters, squares),
            strict=True,
        ):
            signal = rows.view(order, order, n_event, n_in).transpose(1, 2)
            kernel = taps.view(order, order, n_in, n_out).transpose(1, 2)
            turned = signal.reshape(order * n_event, -1) @ kernel.reshape(order * n_in, -1)
            turned = turned.view(order, n_event, order, n_out).transpose(1, 2)
            found.append(turned.reshape(order * order, n_event, n_out))
        return torch.cat(found)


class TurnNorm(nn.Module):
    """Batch normalisation over events and rotations, exact by Parseval's theorem.

    Args:
        n_channel: number of channels.
        momentum: share of the newest batch in the running mean and variance.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, n_channel: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(n_channel))
        self.bias = nn.Parameter(torch.zeros(n_channel))
        self.register_buffer("mean", torch.zeros(n_channel))
        self.register_buffer("variance", torch.ones(n_channel))

    def forward(
        self, spectrum: Float[Tensor, "row event channel"]
    ) -> Float[Tensor, "row event channel"]:
        """The same functions, less their mean and in units of their spread."""
        mean, variance = self.mean, self.variance
        if self.training:
            mean = spectrum[0].mean(0)
            squared = torch.linalg.vector_norm(spectrum, dim=(0, 1)) ** 2
            variance = squared / spectrum.shape[1] - mean**2
            self.mean.lerp_(mean.detach(), self.momentum)
            self.variance.lerp_(variance.detach(), self.momentum)
        scale = self.weight * torch.rsqrt(variance + 1e-5)
        return torch.addcmul(_constant(self.bias - mean * scale, len(spectrum)), spectrum, scale)


class Activation(nn.Module):
    """The part of a rectifier that is a polynomial of degree two, without loss on any grid.

    Of normal numbers, which batch normalisation gives, max(x, 0) is nearest to
    1 / sqrt(2 pi) + x / 2 + (x^2 - 1) / (2 sqrt(2 pi)); the rest holds 2 % of its square. A
    polynomial of a function with a highest degree has one, too, so that a grid can hold it and
    rotations pass through to float precision; a rectifier's corners pass no grid unbent.

    Args:
        degree: the highest one before.
        degree_out: the highest one that is kept.

    Assumption: what max(x, 0) does beyond its quadratic part is not needed; the rejection of a
        network with it would tell.
    """

    def __init__(self, degree: int, degree_out: int) -> None:
        super().__init__()
        self.kept = n_rows(degree_out)
        self.mean_alone = degree_out == 0
        if not self.mean_alone:
            n_outer = 2 * degree + degree_out + 1
            self.before = Transform(degree, n_outer, (n_outer + 1) // 2)
            self.after = Transform(degree_out, n_outer, (n_outer + 1) // 2)

    def forward(
        self, spectrum: Float[Tensor, "row event channel"]
    ) -> Float[Tensor, "kept event channel"]:
        """Coefficients of the rectified functions."""
        if self.mean_alone:
            squared = (spectrum**2).sum(0, keepdim=True)
        else:
            squared = self.before.squared(spectrum, self.after)
        constant = _constant(spectrum.new_full((1,), CONSTANT - SQUARE), self.kept)
        return constant + 0.5 * spectrum[: self.kept] + SQUARE * squared


class ChannelDropout(nn.Module):
    """Leaves out whole functions at random, which turns with the event.

    Args:
        share: that is left out.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(
        self, spectrum: Float[Tensor, "row event channel"]
    ) -> Float[Tensor, "row event channel"]:
        """The functions that stay, larger by what is left out."""
        if not self.training:
            return spectrum
        kept = torch.rand_like(spectrum[:1]) >= self.share
        return spectrum * (kept / (1.0 - self.share))
