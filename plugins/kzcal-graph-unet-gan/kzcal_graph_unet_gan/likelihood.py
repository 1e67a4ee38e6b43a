"""How probable the reported hits are, given the photoelectrons of the same event."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from kzcal.translate.maps import HitMaps
from kzcal_graph_unet_gan.generator import (
    Generator,
    PulseDensity,
    log_charge,
    log_second_time,
)
from kzcal_graph_unet_gan.light import Light


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """The first two hits of each PMT that light reaches, a row for each as in ``Light``.

    Args:
        present: whether there are so many hits.
        charge: p.e.
        time: residual, ns.
    """

    present: Bool[Tensor, "lit 2"]
    charge: Float[Tensor, "lit 2"]
    time: Float[Tensor, "lit 2"]

    @classmethod
    def of(cls, maps: HitMaps, light: Light) -> Reported:
        """The hits of the PMTs that light reaches."""
        event, pmt = light.event, light.pmt
        return cls(maps.present[event, pmt], maps.charge[event, pmt], maps.time[event, pmt])

    def __getitem__(self, rows: Bool[Tensor, " lit"]) -> Reported:
        """Some of the rows."""
        return Reported(self.present[rows], self.charge[rows], self.time[rows])


def log_likelihood(
    generator: Generator,
    light: Light,
    densities: tuple[PulseDensity, PulseDensity],
    maps: HitMaps,
    log_dark: Float[Tensor, " pmt"],
) -> Float[Tensor, ""]:
    """Mean logarithm of the probability density of what a PMT with light reports.

    Every hit is a pulse of light or a dark one; at most one of a PMT's hits in an event is dark,
    for more come at a share of rate times window, some per mille. Dark hits of PMTs without light
    count too, for the charge of dark hits is learned from them. What the dark rates alone decide
    is left out: these are counted, not learned.

    Args:
        generator: whose dark charge is asked.
        light: photoelectrons of the batch.
        densities: of the first and the second pulse.
        maps: reported hits of the batch, two pulses.
        log_dark: logarithm of every PMT's dark rate, per ns.
    """
    hits = Reported.of(maps, light)
    first, second = densities
    n = hits.present.sum(1)
    gain = torch.exp(generator.log_gain)
    total = functional.logsigmoid(-first.logit[n == 0]).sum()
    for many, log_density in ((1, log_one_hit), (2, log_two_hits)):
        rows = torch.nonzero(n == many)[:, 0]
        pmt = light.pmt[rows]
        dark = generator.dark_charge(pmt)
        seen = hits[n == many]
        log_darks = torch.stack(
            [log_dark[pmt] + log_charge(dark, seen.charge[:, i], gain[pmt]) for i in range(many)]
        )
        total = total + log_density(first[rows], second[rows], seen, log_darks).sum()
    total = total + _unlit(generator, light, maps, gain)
    return total / max(len(light.node), 1)


def _log_first(first: PulseDensity, hits: Reported, i: int) -> Tensor:
    """Of hit i as the first pulse of light."""
    charge, time = hits.charge[:, i], hits.time[:, i]
    return first.log_charge(charge) + first.time.log_prob(time - first.delay(charge))


def log_one_hit(
    first: PulseDensity, second: PulseDensity, hits: Reported, log_darks: Float[Tensor, "1 row"]
) -> Float[Tensor, " row"]:
    """One hit: the only pulse of light, or a dark one."""
    log_light = (
        functional.logsigmoid(first.logit)
        + functional.logsigmoid(-second.logit)
        + _log_first(first, hits, 0)
    )
    return torch.logaddexp(log_light, functional.logsigmoid(-first.logit) + log_darks[0])


def log_two_hits(
    first: PulseDensity, second: PulseDensity, hits: Reported, log_darks: Float[Tensor, "2 row"]
) -> Float[Tensor, " row"]:
    """Two hits: two pulses of light, or one of them and a dark one on either side."""
    seen = functional.logsigmoid(first.logit)
    as_first = [_log_first(first, hits, i) for i in range(2)]
    begun = [hits.time[:, i] - first.delay(hits.charge[:, i]) for i in range(2)]
    both = (
        functional.logsigmoid(second.logit)
        + as_first[0]
        + second.log_charge(hits.charge[:, 1])
        + log_second_time(second, begun[1], begun[0])
    )
    single = functional.logsigmoid(-second.logit)
    ways = [both, single + as_first[0] + log_darks[1], single + as_first[1] + log_darks[0]]
    return seen + torch.logsumexp(torch.stack(ways), dim=0)


def _unlit(generator: Generator, light: Light, maps: HitMaps, gain: Tensor) -> Tensor:
    """Charges of hits on PMTs that no light reaches."""
    dark = maps.present[:, :, 0].clone()
    dark[light.event, light.pmt] = False
    event, pmt = torch.nonzero(dark, as_tuple=True)
    charge = maps.charge[event, pmt, 0]
    return log_charge(generator.dark_charge(pmt), charge, gain[pmt]).sum()
