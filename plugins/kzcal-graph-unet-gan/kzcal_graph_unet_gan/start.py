"""Where the numbers of each PMT begin: means over its pairs, beside those of all PMTs."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.geometry import Detector
from kzcal.translate.maps import HitMaps
from kzcal_graph_unet_gan.generator import Generator
from kzcal_graph_unet_gan.light import Light
from kzcal_graph_unet_gan.likelihood import Reported
from kzcal_graph_unet_gan.pairs import Pairs

NEAR = 10.0
"""Hits so near the first photoelectron tell the time offset, ns."""
EVENTS_AT_ONCE = 64
PRIOR = 30.0
"""Weight of the mean of all PMTs, in hits or PMTs with light."""


@torch.no_grad()
def start_from_means(network: Generator, pairs: Pairs, detector: Detector) -> None:
    """Give every PMT the odds, offset and gain that its hits show, relative to all PMTs.

    The odds are those that a PMT with light reports a hit; offset and gain come from the first
    hits near the first photoelectron, the gain from those of single photoelectrons. Each sees few
    hits of a batch, and would be learned from them slowly.

    Args:
        network: the generator that begins.
        pairs: all that it will learn from.
        detector: of the pairs.
    """
    lit, hit, late, log_charge, near, single = _sums(pairs, detector, network.offset.device)
    odds = _relative(hit, lit)
    share = hit.sum() / lit.sum().clamp(min=1)
    network.efficiency.copy_(torch.logit(share + odds, eps=1e-3) - torch.logit(share, eps=1e-3))
    network.offset.copy_(_relative(late, near))
    network.log_gain.copy_(_relative(log_charge, single))


def _relative(total: Float[Tensor, " pmt"], number: Float[Tensor, " pmt"]) -> Tensor:
    """Each PMT's mean less that of all, drawn towards it as far as there are few."""
    mean = total.sum() / number.sum().clamp(min=1)
    return (total - number * mean) / (number + PRIOR)


def _sums(pairs: Pairs, detector: Detector, device: torch.device) -> Float[Tensor, "6 pmt"]:
    """Times with light and with a hit; delays, logarithms of charges, and how many there are."""
    sums = torch.zeros(6, detector.n_pmt, device=device)
    for start in range(0, len(pairs.source), EVENTS_AT_ONCE):
        rows = slice(start, start + EVENTS_AT_ONCE)
        light = Light.of(pairs.source[rows], detector, device)
        hits = Reported.of(HitMaps.of(pairs.target[rows], detector, 2, device=device), light)
        there = hits.present[:, 0].float()
        delay = hits.time[:, 0] - light.candidate[:, 0]
        near = there * (delay.abs() < NEAR)
        single = near * (light.count[:, 0] == 1)
        log_charge = torch.log(hits.charge[:, 0].clamp(min=0.05))
        values = [torch.ones_like(there), there, near * delay, single * log_charge, near, single]
        sums.index_add_(1, light.pmt, torch.stack(values))
    return sums
