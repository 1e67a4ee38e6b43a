"""Cycles and identity on sparse hits, as likelihoods instead of distances.

A distance between a hit and what comes back from photoelectrons and a second look punishes every
random choice: it is least without noise. The cycle here asks how likely the hit was, given the
photoelectron that the other generator guessed. Both cycles together are the two phases of the
wake-sleep algorithm. Efficiencies are left to the adversary: a photoelectron that was lost leaves
nothing behind from which a cycle could tell that it was there.

Source: Zhu et al. (2017), arXiv:1703.10593, section 3.2, for the cycle; Hinton et al. (1995),
doi:10.1126/science.7761831, for wake and sleep.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal_cyclegan.backward import Backward, Guess
from kzcal_cyclegan.forward import Drawn, Forward
from kzcal_cyclegan.runs import Batch


def gtq_cycle(backward: Backward, drawn: Drawn) -> Float[Tensor, ""]:
    """Photoelectrons to hits and back: surprise of the backward generator, per hit."""
    weight = drawn.passing.detach()
    surprise = backward.told(drawn.hits.fixed(), drawn.light, drawn.began.detach())
    return (weight * surprise).sum() / weight.sum().clamp(min=1.0)


def dtq_cycle(forward: Forward, hits: Batch, guess: Guess) -> Float[Tensor, ""]:
    """Hits to photoelectrons and back: surprise of the forward generator, per hit.

    Args:
        forward: learns from this.
        hits: of data.
        guess: photoelectrons guessed of them.
    """
    light = guess.opinion.light.detach().sigmoid()
    more = guess.opinion.more.detach()
    parts = (
        _timed(forward, hits, guess, light),
        _charged(forward, hits, light * torch.exp(-more) + (1.0 - light)),
        _dark(forward, hits, light),
    )
    return torch.stack(parts).sum() / max(len(hits.pmt), 1)


def identity(forward: Forward) -> Float[Tensor, ""]:
    """How far PMTs are from reporting a lone photoelectron as it is: delay [ns] and log gain."""
    return forward.offset.abs().mean() + forward.gain.abs().mean()


def _timed(
    forward: Forward, hits: Batch, guess: Guess, light: Float[Tensor, " hit"]
) -> Float[Tensor, ""]:
    """Surprise at the times of hits of light."""
    pmt, begun = hits.pmt, guess.light.time[: len(hits.pmt)].detach()
    late = hits.time - begun - forward.walk_of(hits.charge, pmt) - forward.offset[pmt]
    density = forward.times.log_prob(late, forward.kind[pmt], forward.spread[pmt].exp())
    return -(light * density).sum()


def _charged(forward: Forward, hits: Batch, single: Float[Tensor, " hit"]) -> Float[Tensor, ""]:
    """Surprise at the charges of hits of one photoelectron that are above the threshold."""
    above = hits.charge > forward.level.detach()[forward.kind[hits.pmt]]
    pmt, charge = hits.pmt[above], hits.charge[above]
    log_charge = charge.log() - forward.gain[pmt]
    density = forward.charges.log_prob(log_charge, forward.kind[pmt], forward.width[pmt].exp())
    passed = forward.single_pe_passing().clamp(min=1e-3).log()[pmt]
    return -(single[above] * (density - passed)).sum()


def _dark(forward: Forward, hits: Batch, light: Float[Tensor, " hit"]) -> Float[Tensor, ""]:
    """Surprise at the number of dark hits of every PMT."""
    passed = forward.single_pe_passing().detach().clamp(min=1e-3)
    number = torch.zeros_like(passed).index_add(0, hits.pmt, 1.0 - light)
    span = (hits.events.end - hits.events.begin).sum()
    expected = forward.dark_rate() * passed * span
    return (expected - number * (forward.log_dark() + passed.log())).sum()
