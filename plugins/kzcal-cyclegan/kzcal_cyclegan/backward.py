"""The generator from reported hits back to photoelectrons, which closes the cycle.

A hit may be light or dark, and stands for one photoelectron or for several; others were lost. The
network tells the probability, the number and where in time the first photoelectron was, as a
density: what is lost in the detector cannot be undone, only be told with what is left to know.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from kzcal_cyclegan.features import Features
from kzcal_cyclegan.mixtures import HALF_LOG_2PI, Mixture
from kzcal_cyclegan.runs import Batch, Tubes


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What the network thinks of hits.

    Args:
        light: log-odds that light began the hit.
        more: expected photoelectrons beyond the first one.
        mean: by how much the first photoelectron was earlier, ns.
        log_width: of its uncertainty, ns.
    """

    light: Float[Tensor, " hit"]
    more: Float[Tensor, " hit"]
    mean: Float[Tensor, " hit"]
    log_width: Float[Tensor, " hit"]


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """Photoelectrons that may have been.

    Args:
        light: one for each hit, then the lost ones.
        weight: how many each stands for.
        opinion: that it was drawn from.
    """

    light: Batch
    weight: Float[Tensor, " pe"]
    opinion: Opinion


class Backward(nn.Module):
    """Hits of each PMT to photoelectrons.

    Args:
        tubes: the PMTs.
        width: of the hidden layer.
    """

    kind: Tensor

    def __init__(self, tubes: Tubes, width: int = 32) -> None:
        super().__init__()
        zero = torch.zeros(len(tubes), device=tubes.kind.device)
        self.register_buffer("kind", tubes.kind)
        self.offset = nn.Parameter(zero.clone())
        self.gain = nn.Parameter(zero.clone())
        self.purity = nn.Parameter(zero.clone())
        self.lost = nn.Parameter(zero - 1.0)
        self.features = Features().to(zero.device)
        self.network = nn.Sequential(
            nn.Linear(self.features.size, width), nn.SiLU(), nn.Linear(width, 4)
        ).to(zero.device)
        self.times = Mixture((0.5, 0.3, 0.2), (0.0, 8.0, 40.0), (3.0, 8.0, 30.0)).to(zero.device)

    def opinion(self, hits: Batch) -> Opinion:
        """What hits tell."""
        time = hits.time - self.offset[hits.pmt]
        charge = hits.charge * torch.exp(-self.gain[hits.pmt])
        features = self.features(time, charge, self.kind[hits.pmt])
        light, more, mean, log_width = self.network(features).unbind(1)
        return Opinion(
            light + self.purity[hits.pmt] + 2.0,
            nn.functional.softplus(more - 2.0),
            mean + self.offset[hits.pmt],
            log_width.clamp(-3.0, 4.0),
        )

    def guess(self, hits: Batch, generator: torch.Generator) -> Guess:
        """Photoelectrons of hits, and those that were lost."""
        opinion = self.opinion(hits)
        noise = torch.randn(hits.pmt.shape, generator=generator, device=hits.pmt.device)
        time = hits.time - opinion.mean + opinion.log_width.exp() * noise
        event, pmt, late, ratio = self._lost(hits, generator)
        light = Batch(
            hits.events,
            torch.cat([hits.event, event]),
            torch.cat([hits.pmt, pmt]),
            torch.cat([time, late]),
            hits.charge.new_ones(len(pmt) + len(hits.pmt)),
        )
        weight = opinion.light.sigmoid() * (1.0 + opinion.more)
        return Guess(light, torch.cat([weight, ratio]), opinion)

    def told(
        self, hits: Batch, light: Float[Tensor, " hit"], first: Float[Tensor, " hit"]
    ) -> Float[Tensor, " hit"]:
        """Minus log-likelihood of what is known of hits that a generator made.

        Args:
            hits: the hits.
            light: photoelectrons of light in each.
            first: residual of the one that began it, ns.
        """
        opinion = self.opinion(hits)
        is_light = (light > 0).float()
        begun = nn.functional.binary_cross_entropy_with_logits(
            opinion.light, is_light, reduction="none"
        )
        more = (light - 1.0).clamp(min=0.0)
        counted = opinion.more - more * opinion.more.log()
        pull = (hits.time - first - opinion.mean) * torch.exp(-opinion.log_width)
        timed = 0.5 * pull.clamp(-10.0, 10.0) ** 2 + opinion.log_width + HALF_LOG_2PI
        return begun + is_light * (counted + timed)

    def _lost(
        self, hits: Batch, generator: torch.Generator
    ) -> tuple[
        Int[Tensor, " lost"], Int[Tensor, " lost"], Float[Tensor, " lost"], Float[Tensor, " lost"]
    ]:
        """Event, PMT, residual and weight of photoelectrons that left no hit.

        Their number follows that of the event's hits.
        """
        n_pmt = len(self.kind)
        share = self.lost.exp() / n_pmt
        rate = share.detach().double().cumsum(0)
        number = torch.bincount(hits.event, minlength=len(hits.events)).double() * rate[-1]
        event = torch.repeat_interleave(torch.poisson(number, generator=generator).long())
        uniform = torch.rand(event.shape, generator=generator, device=event.device)
        pmt = torch.searchsorted(rate, uniform.double() * rate[-1], right=True)
        pmt = pmt.clamp(max=n_pmt - 1)
        kind = self.kind[pmt]
        time, log_share = self.times.draw(kind, torch.ones_like(uniform), generator)
        ratio = log_share + self.lost[pmt]
        return event, pmt, time, torch.exp(ratio - ratio.detach())
