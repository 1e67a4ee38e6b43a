"""The generator: what every PMT reports of the light that reaches it, as a density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from kzcal_graph_unet_gan.light import CANDIDATES, DEAD_TIME, FEATURES, Light
from kzcal_graph_unet_gan.mixtures import Mixture, charge_of, log_stretch, stretched
from kzcal_graph_unet_gan.sphere import Level
from kzcal_graph_unet_gan.unet import GraphUNet

NOISE = 2
"""Random numbers that each PMT gets in each event."""
OWN = 4
"""Learned numbers that describe a PMT to the network, beside those with a meaning."""
CHARGES = ((-0.8, 0.0, 0.6, 1.6, 3.5), (-0.5, -0.9, -0.7, -0.4, 0.0))
"""Where the components of the charge begin: means and logarithms of widths."""
SHAPE = ((2.0, 0.0, -2.0), (0.0, 2.0, 12.0), (1.0, 1.6, 2.5))
"""The same for the delay after a photoelectron: logits, means and logarithms of widths, ns."""
N_CHARGE, N_SHAPE = len(CHARGES[0]), len(SHAPE[0])
HEAD = 1 + CANDIDATES + 3 * N_SHAPE + 3 * N_CHARGE
"""Numbers that describe one pulse."""


@dataclass(frozen=True, slots=True, eq=False)
class PulseDensity:
    """A pulse that a PMT may report, a row for each PMT with light.

    Args:
        logit: log odds of the pulse.
        charge: density of the stretched charge in units of the PMT's gain.
        time: density of the residual before walk, ns.
        gain: of the row's PMT.
        walk: delay of small pulses, ns.
    """

    logit: Float[Tensor, " row"]
    charge: Mixture
    time: Mixture
    gain: Float[Tensor, " row"]
    walk: Float[Tensor, ""]

    def __getitem__(self, rows: Int[Tensor, " taken"]) -> PulseDensity:
        """Some of the rows."""
        return PulseDensity(
            self.logit[rows], self.charge[rows], self.time[rows], self.gain[rows], self.walk
        )

    def log_charge(self, charge: Float[Tensor, " row"]) -> Float[Tensor, " row"]:
        """Logarithm of the density of a charge, per p.e."""
        return log_charge(self.charge, charge, self.gain)

    def delay(self, charge: Float[Tensor, " row"]) -> Float[Tensor, " row"]:
        """By how much a pulse of this charge [p.e.] reads late, ns."""
        return self.walk * (charge.clamp(min=0.05) ** -0.5 - 1)


def log_charge(
    density: Mixture, charge: Float[Tensor, " row"], gain: Float[Tensor, " row"]
) -> Float[Tensor, " row"]:
    """Logarithm of the density of a charge of PMTs with this gain, per p.e."""
    scaled = charge / gain
    return density.log_prob(stretched(scaled)) + log_stretch(scaled) - torch.log(gain)


class Generator(nn.Module):
    """Densities of the first and the second pulse of every PMT that light reaches.

    A graph U-Net sees all PMTs; a network of two layers turns what it finds at a PMT, and the
    PMT's own light, into odds and mixtures. A pulse begins with one of the photoelectrons, so
    that the mixture of times is a choice among them, convolved with a shape.

    Args:
        large: which PMTs are of the larger type; charges and times of the two are shaped unlike.
        levels: the PMTs' graphs.
        channels: width of the U-Net.
    """

    def __init__(
        self, large: Bool[Tensor, " pmt"], levels: Sequence[Level], channels: int
    ) -> None:
        super().__init__()
        inputs, n_pmt = 1 + FEATURES + NOISE + 1 + OWN, len(large)
        self.large: Tensor
        self.register_buffer("large", large.clone(), persistent=False)
        self.efficiency = nn.Parameter(torch.zeros(n_pmt))
        self.offset = nn.Parameter(torch.zeros(n_pmt))
        self.log_gain = nn.Parameter(torch.zeros(n_pmt))
        self.log_spread = nn.Parameter(torch.zeros(n_pmt))
        self.own = nn.Parameter(torch.zeros(n_pmt, OWN))
        self.walk = nn.Parameter(torch.tensor(0.0))
        dark = torch.cat([torch.zeros(N_CHARGE), torch.tensor(CHARGES).ravel()])
        self.dark = nn.Parameter(dark.repeat(2, 1))
        self.unet = GraphUNet((inputs, channels, channels), levels)
        inside = 2 * channels
        self.tell = nn.Linear(inside, 2 * HEAD)
        self.head = nn.Sequential(nn.Linear(channels + inputs - 1, inside), nn.ReLU(), self.tell)
        self._begin()

    def _begin(self) -> None:
        """Start the head where components are spread out."""
        shape = torch.tensor(SHAPE).ravel()
        charge = torch.cat([torch.zeros(N_CHARGE), torch.tensor(CHARGES).ravel()])
        one = torch.cat([torch.zeros(1 + CANDIDATES), shape, charge])
        with torch.no_grad():
            self.tell.weight.mul_(0.1)
            self.tell.bias.copy_(torch.cat([one, one]))

    def forward(
        self, light: Light, *, generator: torch.Generator
    ) -> tuple[PulseDensity, PulseDensity]:
        """Densities of the first pulse and, given that one, of the second."""
        pmt = light.pmt
        seen = self._seen(light, generator)
        context = self.unet(seen).flatten(0, 1)[light.node]
        numbers = self.head(torch.cat([context, seen.flatten(0, 1)[light.node, 1:]], dim=1))
        gain, offset = torch.exp(self.log_gain)[pmt], self.offset[pmt]
        first, second = (self._density(n, light, gain, offset) for n in numbers.chunk(2, dim=1))
        logit = first.logit + self.efficiency[pmt]
        return PulseDensity(logit, first.charge, first.time, gain, self.walk), second

    def _seen(self, light: Light, generator: torch.Generator) -> Float[Tensor, "pmt event input"]:
        """What every PMT knows: light, noise, and who it is."""
        n_pmt, n = len(self.offset), light.n_events
        device = self.offset.device
        flat = torch.zeros(n_pmt * n, 1 + FEATURES, device=device)
        flat[light.node] = torch.cat([torch.ones_like(light.count[:, :1]), light.features], dim=1)
        noise = torch.randn(n_pmt, n, NOISE, generator=generator, device=device)
        own = torch.cat([self.large[:, None].float(), self.own], dim=1)[:, None].expand(-1, n, -1)
        return torch.cat([flat.reshape(n_pmt, n, -1), noise, own], dim=2)

    def _density(
        self, numbers: Tensor, light: Light, gain: Tensor, offset: Tensor
    ) -> PulseDensity:
        sizes = [1, CANDIDATES, 3 * N_SHAPE, 3 * N_CHARGE]
        logit, choice, shape, charge = torch.split(numbers, sizes, dim=1)
        chosen = functional.log_softmax(choice.masked_fill(~light.valid, -1e9), dim=1)
        spread = Mixture.of(shape)
        own = torch.exp(self.log_spread)[light.pmt][:, None]
        width = torch.cat([spread.width[:, :1] * own, spread.width[:, 1:]], dim=1)
        begin = (light.candidate + offset[:, None])[:, :, None]
        time = Mixture(
            (chosen[:, :, None] + spread.log_weight[:, None]).flatten(1),
            (begin + spread.mean[:, None]).flatten(1),
            width[:, None].expand(-1, CANDIDATES, -1).flatten(1),
        )
        return PulseDensity(logit[:, 0], Mixture.of(charge), time, gain, self.walk)

    def dark_charge(self, pmt: Int[Tensor, " row"]) -> Mixture:
        """Density of the charge of dark hits of these PMTs."""
        return Mixture.of(self.dark[self.large[pmt].long()])


def log_second_time(
    second: PulseDensity, time: Float[Tensor, " row"], after: Float[Tensor, " row"]
) -> Float[Tensor, " row"]:
    """Logarithm of the density of a second pulse's time, which cannot come in the dead time.

    Both times are residuals before walk, ns.
    """
    limit = after + DEAD_TIME
    beyond = second.time.log_beyond(limit).clamp(min=-20)
    return torch.where(time > limit, second.time.log_prob(time) - beyond, -20.0)


def sampled_charge(
    density: Mixture, gain: Float[Tensor, " row"], *, generator: torch.Generator
) -> Float[Tensor, " row"]:
    """Charges of PMTs with this gain, p.e."""
    return charge_of(density.sample(generator=generator)) * gain
