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
    """Give every PMT the odds, offset, spread and gain that its hits show, beside all PMTs.

    The odds are those that a PMT with light reports a hit; the others come from first hits near
    the first photoelectron, spread and gain from those of single photoelectrons. Each sees few
    hits of a batch, and would be learned from them slowly.

    Args:
        network: the generator that begins.
        pairs: all that it will learn from.
        detector: of the pairs.
    """
    sums = _sums(pairs, detector, network.offset.device)
    lit, hit, late, log_charge, near, delay, square, single = sums
    odds = _relative(hit, lit)
    share = hit.sum() / lit.sum().clamp(min=1)
    network.efficiency.copy_(torch.logit(share + odds, eps=1e-3) - torch.logit(share, eps=1e-3))
    network.offset.copy_(_relative(late, near))
    network.log_gain.copy_(_relative(log_charge, single))
    scatter = square - delay**2 / single.clamp(min=1)
    variance = (scatter.sum() / single.sum().clamp(min=1)).clamp(min=0.1)
    relative = (scatter / variance + PRIOR) / (single + PRIOR)
    network.log_spread.copy_(0.5 * torch.log(relative))


def _relative(total: Float[Tensor, " pmt"], number: Float[Tensor, " pmt"]) -> Tensor:
    """Each PMT's mean less that of all, drawn towards it as far as there are few."""
    mean = total.sum() / number.sum().clamp(min=1)
    return (total - number * mean) / (number + PRIOR)


def _sums(pairs: Pairs, detector: Detector, device: torch.device) -> Float[Tensor, "8 pmt"]:
    """Times with light, with a hit; delays and their squares, charges, and how many there are."""
    sums = torch.zeros(8, detector.n_pmt, device=device)
    for start in range(0, len(pairs.source), EVENTS_AT_ONCE):
        rows = slice(start, start + EVENTS_AT_ONCE)
        light = Light.of(pairs.source[rows], detector, device)
        hits = Reported.of(HitMaps.of(pairs.target[rows], detector, 2, device=device), light)
        there = hits.present[:, 0].float()
        delay = hits.time[:, 0] - light.candidate[:, 0]
        near = there * (delay.abs() < NEAR)
        single = near * (light.count[:, 0] == 1)
        log_charge = torch.log(hits.charge[:, 0].clamp(min=0.05))
        values = [torch.ones_like(there), there, near * delay, single * log_charge, near]
        values += [single * delay, single * delay**2, single]
        sums.index_add_(1, light.pmt, torch.stack(values))
    return sums
