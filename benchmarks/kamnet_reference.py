"""KamNet as it was published, to be timed against: convolutions in pixels and plain Fourier sums.

Built from the paper's description: a convolutional LSTM on 38 x 38 pixels with attention weights
for every pixel, then convolutions on the sphere and on rotations, each with its values on a full
grid of 2 b points an angle, in complex harmonics, degree by degree.

Source: A. Li et al. (2022), Phys. Rev. C 107, 014323, arXiv:2203.01870; T. S. Cohen et al. (2018),
    Spherical CNNs, arXiv:1801.10130.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from kzcal_kamnet.harmonics import harmonics
from kzcal_kamnet.paper import BANDWIDTHS, CHANNELS, HEAD, HEAD_DROPOUT, TURN_DROPOUT, head
from kzcal_kamnet.rotations import near_identity, turns, wigner
from torch import Tensor, nn

SIDE = 38
N_SLICE = 28


def _angles(bandwidth: int) -> tuple[Tensor, Tensor]:
    """Polar angles of a grid of Driscoll and Healy, and the weight of each in a mean."""
    at = torch.arange(2 * bandwidth, dtype=torch.float64)
    odd = 2 * torch.arange(bandwidth, dtype=torch.float64) + 1
    beta = math.pi * (2 * at + 1) / (4 * bandwidth)
    weight = (torch.sin(beta[:, None] * odd) / odd).sum(1) * torch.sin(beta) * (2 / bandwidth)
    return beta, weight / weight.sum()


def _complexly(degree: int) -> Tensor:
    """From real to complex harmonics of one degree."""
    found = torch.zeros(2 * degree + 1, 2 * degree + 1, dtype=torch.complex128)
    found[degree, degree] = 1.0
    for order in range(1, degree + 1):
        for sign in (1, -1):
            found[degree + sign * order, degree + order] = math.sqrt(0.5)
            found[degree + sign * order, degree - order] = sign * 1j * math.sqrt(0.5)
    return found


def _rotated(degree: int, beta: Tensor) -> list[Tensor]:
    """Wigner's small d by degree, (beta, m, n)."""
    none = torch.zeros_like(beta)
    found = []
    for at, d in enumerate(wigner(turns(none, beta, none), degree)):
        change = _complexly(at)
        found.append((change @ d.to(torch.complex128) @ change.mH).to(torch.complex64))
    return found


class _ConvolutionalLSTM(nn.Module):
    """X. Shi et al. (2015), arXiv:1506.04214, in pixels."""

    def __init__(self, n_in: int, n_state: int, side: int) -> None:
        super().__init__()
        self.n_state = n_state
        self.gates = nn.Conv2d(n_in + n_state, 4 * n_state, side, padding=side // 2)

    def forward(self, slices: Tensor) -> Tensor:
        shape = (slices.shape[1], self.n_state, SIDE, SIDE)
        state = cell = slices.new_zeros(shape)
        states = []
        for now in slices:
            enter, keep, leave, fresh = self.gates(torch.cat([now, state], 1)).chunk(4, 1)
            cell = torch.sigmoid(keep) * cell + torch.sigmoid(enter) * torch.tanh(fresh)
            state = torch.sigmoid(leave) * torch.tanh(cell)
            states.append(state)
        return torch.stack(states)


class _ToRotations(nn.Module):
    """Coefficients of a function of rotations to its values on the grid, and its layer."""

    def __init__(self, n_out: int, bandwidth: int) -> None:
        super().__init__()
        self.bandwidth = bandwidth
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.norm = nn.BatchNorm3d(n_out)
        self.small_d = _rotated(bandwidth - 1, _angles(bandwidth)[0])

    def values(self, spectrum: list[Tensor]) -> Tensor:
        """Real values, (event, channel, beta, alpha, gamma), after activation."""
        b = self.bandwidth
        shape = (*spectrum[0].shape[2:], 2 * b, 2 * b, 2 * b)
        waves = torch.zeros(shape, dtype=torch.complex64)
        for at, (own, d) in enumerate(zip(spectrum, self.small_d, strict=True)):
            part = torch.einsum("mnzc,bmn->zcbmn", own, d) * (2 * at + 1)
            rows = torch.arange(-at, at + 1) % (2 * b)
            waves[..., rows[:, None], rows] += part
        values = torch.fft.ifft2(waves).real + self.bias[:, None, None, None]
        rectified = torch.relu(self.norm(values))
        return nn.functional.dropout(rectified, TURN_DROPOUT, self.training)


class _SphereConvolution(_ToRotations):
    def __init__(self, n_in: int, n_out: int, before: int, after: int) -> None:
        super().__init__(n_out, after)
        self.taps = nn.Parameter(torch.randn(24, n_in, n_out) / math.sqrt(24 * n_in))
        beta, weight = _angles(before)
        none = torch.zeros_like(beta)
        points = harmonics(torch.stack([none, torch.cos(beta), torch.sin(beta)], 1), after - 1)
        self.legendre = []
        self.filters = []
        for at in range(after):
            own, change = slice(at * at, (at + 1) ** 2), _complexly(at)
            waves = (change @ points[:, own].to(torch.complex128).T) * weight
            self.legendre.append(waves.to(torch.complex64))
            taps = change @ near_identity(after - 1)[own].to(torch.complex128)
            self.filters.append(taps.to(torch.complex64))

    def forward(self, maps: Tensor) -> Tensor:
        waves = torch.fft.fft(maps)
        taps = self.taps.to(torch.complex64)
        spectrum = []
        for at, (legendre, tap) in enumerate(zip(self.legendre, self.filters, strict=True)):
            orders = torch.arange(-at, at + 1) % SIDE
            signal = torch.einsum("zibm,mb->mzi", waves[..., orders], legendre)
            kernel = torch.einsum("nt,tio->nio", tap.conj(), taps)
            spectrum.append(torch.einsum("mzi,nio->mnzo", signal, kernel))
        return self.values(spectrum)


class _TurnConvolution(_ToRotations):
    def __init__(self, n_in: int, n_out: int, before: int, after: int) -> None:
        super().__init__(n_out, after)
        self.taps = nn.Parameter(torch.randn(64, n_in, n_out) / math.sqrt(64 * n_in))
        beta, weight = _angles(before)
        self.analysis = [
            d * weight[:, None, None].to(torch.complex64) for d in _rotated(after - 1, beta)
        ]
        alpha = torch.arange(32, dtype=torch.float64) * (math.pi / 16)
        pair = torch.cartesian_prod(alpha, torch.tensor([-1.0, 1.0]).double() * (math.pi / 8))
        turn = turns(pair[:, 0], torch.full((64,), math.pi / 2).double(), pair[:, 1])
        self.filters = [
            (_complexly(at) @ d.to(torch.complex128) @ _complexly(at).mH).to(torch.complex64)
            for at, d in enumerate(wigner(turn, after - 1))
        ]

    def forward(self, values: Tensor) -> Tensor:
        waves = torch.fft.fft2(values)
        taps = self.taps.to(torch.complex64)
        spectrum = []
        for at, (analysis, tap) in enumerate(zip(self.analysis, self.filters, strict=True)):
            orders = torch.arange(-at, at + 1) % values.shape[-1]
            own = waves[..., orders[:, None], orders]
            signal = torch.einsum("zibmk,bmk->mzki", own, analysis)
            kernel = torch.einsum("tkn,tio->kino", tap.conj(), taps)
            order, n_event = 2 * at + 1, len(values)
            product = signal.reshape(order * n_event, -1) @ kernel.flatten(2).flatten(0, 1)
            product = product.view(order, n_event, order, -1).permute(0, 2, 1, 3)
            spectrum.append(product)
        return self.values(spectrum)


class ReferenceNetwork(nn.Module):
    """The published network: 28 slices of 38 x 38 pixels to a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _ConvolutionalLSTM(1, 12, 5)
        self.second = _ConvolutionalLSTM(12, 22, 3)
        self.attention = nn.Parameter(torch.empty(N_SLICE, 22, SIDE, SIDE).uniform_(-0.1, 0.1))
        layers: list[nn.Module] = []
        sizes = zip(pairwise(CHANNELS), pairwise(BANDWIDTHS), strict=True)
        for at, ((n_in, n_out), (before, after)) in enumerate(sizes):
            kind = _TurnConvolution if at else _SphereConvolution
            layers.append(kind(n_in, n_out, before, after))
        self.sphere = nn.Sequential(*layers)
        self.share = _angles(BANDWIDTHS[-1])[1].float()
        self.input_norm = nn.BatchNorm1d(CHANNELS[-1])
        self.head = head([CHANNELS[-1], *HEAD], HEAD_DROPOUT)

    def forward(self, slices: Tensor) -> Tensor:
        """Logits of (slice, event, 38, 38) counts."""
        states = self.second(self.first(slices[:, :, None]))
        scores = torch.softmax(states * self.attention[:, None] * states[-1], 0)
        values = self.sphere((scores * states).sum(0))
        means = (values.mean((-1, -2)) * self.share).sum(-1)
        return self.head(self.input_norm(means))[:, 0]
