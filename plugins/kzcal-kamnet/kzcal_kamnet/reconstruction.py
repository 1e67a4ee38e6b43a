"""Vertex, emission time and energy from the pictures of the small network's trunk."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kzcal_kamnet.light import SeenLight
from kzcal_kamnet.pictures import N_CHANNEL, picture
from kzcal_kamnet.reconstruction_start import N_MEASURE, RoughEvents

N_STAGE = 2
"""The first goes from a rough vertex to a good one, the second looks again from there."""
VECTORS, HIDDEN = 8, 32
"""Learned vectors of a stage, and width of its gates."""
SQUARES = 2
"""Highest power of the squared radius that the light of an event goes with."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is found of some events.

    Args:
        vertex: m.
        emission: time of emission in the event's time base, ns.
        energy: MeV.
    """

    vertex: Float[Tensor, "event 3"]
    emission: Float[Tensor, " event"]
    energy: Float[Tensor, " event"]


class VertexStage(nn.Module):
    """How far vertex and emission time are off, from hits as seen from there.

    The shift of the vertex is a sum of vectors, each a first moment of the hits in a learned
    weight of kind and time, or the vertex itself; what they are multiplied with depends on numbers
    that no rotation changes. So the shift turns with the event.

    Args:
        vectors: moments.
        hidden: width of the network that multiplies them.
    """

    def __init__(self, vectors: int = VECTORS, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.moments = nn.Parameter(0.1 * torch.randn(vectors, N_CHANNEL))
        size = N_CHANNEL + vectors + 1
        self.norm = nn.BatchNorm1d(size)
        self.gates = nn.Sequential(
            nn.Linear(size, hidden), nn.SiLU(), nn.Linear(hidden, vectors + 2)
        )

    def forward(
        self, hits: Float[Tensor, "event channel 4"], vertex: Float[Tensor, "event 3"]
    ) -> Float[Tensor, "event 4"]:
        """Shifts of the vertex [m] and of the emission time [ns].

        Args:
            hits: harmonics of degree zero and one of each channel.
            vertex: that the hits are seen from, m.
        """
        total = hits[:, :, :1].sum(1, keepdim=True).clamp(min=1.0)
        share, moment = hits[:, :, 0] / total[:, 0], hits[:, :, 1:] / (math.sqrt(3.0) * total)
        vector = torch.einsum("vc,ncx->nvx", self.moments, moment)
        square = vertex.square().sum(1, keepdim=True)
        numbers = torch.cat([share, vector.square().sum(-1), square], 1)
        gates = self.gates(self.norm(numbers))
        along = torch.cat([vector, vertex[:, None]], 1)
        moved = (gates[:, :-1, None] * along).sum(1)
        return torch.cat([moved, gates[:, -1:]], 1)


class LightYield(nn.Module):
    """Energy from the light that PMTs see, as the vertex lies.

    It is proportional to the light, whatever energies it was fitted to: an event that looks
    bright by chance is not drawn towards the mean of those.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(N_MEASURE))
        self.radial = nn.Parameter(torch.zeros(SQUARES + 1))

    def forward(
        self, brightness: Float[Tensor, "event measure"], vertex: Float[Tensor, "event 3"]
    ) -> Float[Tensor, " event"]:
        """Logarithm of the energy in MeV.

        Args:
            brightness: photoelectrons per PMT in use, measured in several ways.
            vertex: m.
        """
        share = torch.softmax(self.weight, 0)
        seen = (brightness * share).sum(1).clamp(min=1e-6).log()
        square = vertex.square().sum(1, keepdim=True)
        powers = square ** torch.arange(SQUARES + 1, device=square.device)
        return seen + powers @ self.radial


class ReconstructionNetwork(nn.Module):
    """The stages one after the other, then the energy."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(VertexStage() for _ in range(N_STAGE))
        self.light_yield = LightYield()

    def forward(self, events: RoughEvents) -> Found:
        """Vertex, emission time and energy of events."""
        shift = events.brightness.new_zeros(len(events.vertex), 4)
        for stage in self.stages:
            shift = shift + stage(seen_from(events.light, shift), events.vertex + shift[:, :3])
        vertex = events.vertex + shift[:, :3]
        energy = self.light_yield(events.brightness, vertex).exp()
        return Found(vertex, events.emission + shift[:, 3], energy)


def seen_from(
    light: SeenLight, shift: Float[Tensor, "event 4"]
) -> Float[Tensor, "event channel 4"]:
    """Harmonics of degree zero and one of the hits, seen from another vertex and time."""
    whole: Tensor = picture(light.moved(shift[:, :3], shift[:, 3]), shift)
    return whole[:, :N_CHANNEL, :4].contiguous()
