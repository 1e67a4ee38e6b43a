"""Efficiencies and dark rates by counting hits, as a place to begin.

A game of two networks learns the shapes of distributions; numbers of hits are means, which need
no game. What is counted here ignores merging and the threshold, which the training then mends.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal_cyclegan.forward import Forward
from kzcal_cyclegan.runs import RunTensors, Tubes

EARLY = -20.0
"""Hits of a residual below are dark, ns."""

EVENTS_AT_ONCE = 256
"""Events whose times of flight to all PMTs are held in memory."""

PRIOR = 2.0
"""Dark hits that the mean rate of all PMTs counts for."""


def alive_in(target: RunTensors, n_pmt: int) -> Bool[Tensor, " pmt"]:
    """PMTs that report any hit."""
    return torch.bincount(target.all.pmt, minlength=n_pmt) > 0


def begin_at_counts(
    forward: Forward, source: RunTensors, target: RunTensors, tubes: Tubes
) -> None:
    """Set efficiencies and dark rates to what was counted.

    Args:
        forward: the generator, changed in place.
        source: photoelectrons.
        target: reported hits.
        tubes: the PMTs.
    """
    n_pmt, alive = len(tubes), forward.alive
    early, exposure = _early(target, tubes)
    mean = early.sum() / exposure.sum().clamp(min=1.0)
    dark = (early + PRIOR * alive) / (exposure + PRIOR / mean.clamp(min=1e-8))
    counts = _of_physics(target, n_pmt) - dark * _recorded(target)
    each = counts / max(len(target.physics), 1)
    given = (_of_physics(source, n_pmt) / max(len(source.physics), 1)).clamp(min=1e-6)
    kept = (each / given).clamp(0.02, 0.98)
    with torch.no_grad():
        forward.dark.copy_(dark.clamp(min=1e-8).log())
        forward.keep.copy_(torch.where(alive, kept.logit(), forward.keep))


def _early(run: RunTensors, tubes: Tubes) -> tuple[Float[Tensor, " pmt"], Float[Tensor, " pmt"]]:
    """Hits that can only be dark, and how long they could come, ns, of every PMT.

    They are those of forced triggers and those before the light of a known vertex. A physics
    trigger without a vertex or t0 has light at a time that nobody knows, and tells nothing.
    """
    events, hits, n_pmt = run.all.events, run.all, len(tubes)
    before = events.known[hits.event] & (hits.time < EARLY)
    dark = events.forced[hits.event] | before
    number = torch.bincount(hits.pmt[dark], minlength=n_pmt).float()
    span = events.end - events.begin
    time = span[events.forced].sum().expand(n_pmt).clone()
    every = torch.arange(n_pmt, device=time.device)
    for start in range(0, len(run.physics), EVENTS_AT_ONCE):
        rows = run.physics[start : start + EVENTS_AT_ONCE]
        some = events.take(rows)
        event = torch.arange(len(rows), device=time.device).repeat_interleave(n_pmt)
        arrival = some.expected(event, every.repeat(len(rows)), tubes)
        time += (arrival + EARLY - some.begin[event]).clamp(min=0.0).view(-1, n_pmt).sum(0)
    return number, time


def _of_physics(run: RunTensors, n_pmt: int) -> Float[Tensor, " pmt"]:
    """Hits of every PMT in the events that are learned from."""
    pmt: Int[Tensor, " hit"] = run.all.pmt[run.all.events.known[run.all.event]]
    return torch.bincount(pmt, minlength=n_pmt).float()


def _recorded(run: RunTensors) -> Float[Tensor, ""]:
    """How long the events that are learned from were recorded, ns."""
    events = run.all.events.take(run.physics)
    return (events.end - events.begin).sum()
