"""Recurrence over time slices of the sphere, and attention over them, that turn with the event.

Maps are coefficients (harmonic, event, channel). Channels are mixed through filters that are even
about their axis; gates and attention come from invariants, the strength in each degree.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

PIXEL = math.pi / 38.0
"""Width of a pixel of the published network's 38 rows of polar angle, rad."""

FLOOR = 1e-6
"""Least mean square of a map, so that its root has a slope."""


def legendre(cosine: Float[Tensor, " ring"], degree: int) -> Float[Tensor, "degree ring"]:
    """Legendre polynomials up to ``degree``: spectra of thin rings around a pole."""
    found = [torch.ones_like(cosine), cosine]
    for at in range(2, degree + 1):
        found.append(((2 * at - 1) * cosine * found[-1] - (at - 1) * found[-2]) / at)
    return torch.stack(found[: degree + 1])


class Degrees(nn.Module):
    """Which harmonics make up each degree.

    Args:
        degree: the highest one.
    """

    of: Tensor
    share: Tensor

    def __init__(self, degree: int) -> None:
        super().__init__()
        every = torch.arange(degree + 1)
        own = torch.repeat_interleave(every, 2 * every + 1) == every[:, None]
        of = own.to(torch.get_default_dtype())
        self.register_buffer("of", of.T.contiguous(), persistent=False)
        self.register_buffer("share", of / of.sum(1, keepdim=True), persistent=False)

    def mean(self, maps: Float[Tensor, "harmonic ..."]) -> Float[Tensor, "degree ..."]:
        """Mean over the harmonics of each degree."""
        return (self.share @ maps.flatten(1)).view(-1, *maps.shape[1:])

    def spread(self, numbers: Float[Tensor, "degree ..."]) -> Float[Tensor, "harmonic ..."]:
        """A number of each degree for all its harmonics."""
        return (self.of @ numbers.flatten(1)).view(-1, *numbers.shape[1:])

    def strength(self, maps: Float[Tensor, "harmonic ..."]) -> Float[Tensor, "degree ..."]:
        """Root mean square of each degree, which no rotation changes."""
        return torch.sqrt(self.mean(maps**2) + FLOOR)


class RingFilter(nn.Module):
    """A convolution on the sphere with filters even about their axis.

    Args:
        n_in: channels before.
        n_out: channels after.
        n_ring: rings of a filter, one pixel apart, the centre included.
        degrees: of the maps.
    """

    rings: Tensor

    def __init__(self, n_in: int, n_out: int, n_ring: int, degrees: Degrees) -> None:
        super().__init__()
        radius = torch.arange(n_ring, dtype=torch.float64) * PIXEL
        rings = legendre(torch.cos(radius), degrees.of.shape[1] - 1)
        rings = degrees.of.double() @ rings
        self.register_buffer("rings", rings.to(degrees.of.dtype), persistent=False)
        self.taps = nn.Parameter(torch.randn(n_ring, n_in, n_out) / math.sqrt(n_in * n_ring))

    def spectrum(self) -> Float[Tensor, "harmonic channel filter"]:
        """What each harmonic of each channel is multiplied with."""
        return (self.rings @ self.taps.flatten(1)).view(-1, *self.taps.shape[1:])


class WaveLSTM(nn.Module):
    """A convolutional LSTM whose gates are invariant and whose candidates turn with the event.

    Where the published network puts a sigmoid of a convolution in each pixel, each channel and
    degree here has a gate, from the strength of all channels in all degrees. The hyperbolic
    tangent acts on that strength, too; for degree zero it is the tangent itself.

    Args:
        n_in: channels of the slices.
        n_state: channels of the state.
        n_ring: rings of the filters.
        degree: the highest one of the maps.

    Source: X. Shi et al. (2015), Convolutional LSTM network, eq. 3, arXiv:1506.04214.
    """

    def __init__(self, n_in: int, n_state: int, n_ring: int, degree: int) -> None:
        super().__init__()
        n_gate = n_state * (degree + 1)
        self.degrees = Degrees(degree)
        self.from_slice = RingFilter(n_in, n_state, n_ring, self.degrees)
        self.from_state = RingFilter(n_state, n_state, n_ring, self.degrees)
        self.gate_slice = nn.Linear(n_in * (degree + 1), 3 * n_gate)
        self.gate_state = nn.Linear(n_gate, 3 * n_gate, bias=False)

    def forward(
        self, slices: Float[Tensor, "harmonic bin event channel"]
    ) -> list[Float[Tensor, "harmonic event state"]]:
        """State after each slice."""
        n_bin, n_event = slices.shape[1:3]
        fresh = torch.bmm(slices.flatten(1, 2), self.from_slice.spectrum())
        fresh = fresh.view(len(fresh), n_bin, n_event, -1)
        strength = self.degrees.strength(slices).permute(1, 2, 0, 3).flatten(2)
        gates = self.gate_slice(strength).unbind(0)
        candidates = fresh.unbind(1)
        filters = self.from_state.spectrum()
        cell = state = torch.zeros_like(candidates[0])
        bound = torch.zeros_like(self.degrees.mean(cell))
        states: list[Tensor] = []
        for candidate, gate in zip(candidates, gates, strict=True):
            opened = gate + self.gate_state(bound.transpose(0, 1).flatten(1))
            cell, state, bound = self._step(
                candidate + torch.bmm(state, filters), cell, torch.sigmoid(opened)
            )
            states.append(state)
        return states

    def _step(
        self,
        candidate: Float[Tensor, "harmonic event state"],
        cell: Float[Tensor, "harmonic event state"],
        opened: Float[Tensor, "event gate"],
    ) -> tuple[
        Float[Tensor, "harmonic event state"],
        Float[Tensor, "harmonic event state"],
        Float[Tensor, "degree event state"],
    ]:
        """Cell, state and the state's strength after one slice."""
        degrees = self.degrees
        gates = opened.view(len(opened), 3, degrees.of.shape[1], -1).permute(1, 2, 0, 3)
        enter, keep, leave = gates.unbind(0)
        size = degrees.strength(candidate)
        enter = enter * torch.tanh(size) / size
        enter, keep = degrees.spread(torch.stack([enter, keep], 1)).unbind(1)
        cell = enter * candidate + keep * cell
        size = degrees.strength(cell)
        bound = leave * torch.tanh(size)
        return cell, cell * degrees.spread(bound / size), bound


class Attention(nn.Module):
    """A weighted mean of the states over time, by how they agree with the last one.

    Args:
        n_bin: time slices.
        n_state: channels of the state.
        degree: the highest one of the maps.

    Source: A. Li et al. (2022), Phys. Rev. C 107, 014323, arXiv:2203.01870 (the score is the
        softmax over time of state times weight times last state; there by pixel, here by degree).
    """

    def __init__(self, n_bin: int, n_state: int, degree: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(degree + 1, n_bin, n_state).uniform_(-0.1, 0.1))
        self.degrees = Degrees(degree)

    def scores(
        self, states: Float[Tensor, "harmonic bin event state"]
    ) -> Float[Tensor, "degree bin event state"]:
        """Share of each time slice, by degree and channel; they add up to one over time."""
        agreement = self.degrees.mean(states * states[:, -1:])
        return torch.softmax(agreement * self.weight[:, :, None], 1)

    def forward(
        self, states: Float[Tensor, "harmonic bin event state"]
    ) -> Float[Tensor, "harmonic event state"]:
        """The mean over time."""
        return (self.degrees.spread(self.scores(states)) * states).sum(1)
