"""The generator from photoelectrons to reported hits: a hit part, a charge part and a time part.

Whether a photoelectron is kept, how many dark pulses come and which term of a density acts are
choices that no gradient passes. Where a verdict is a sum over hits, as that of HitCritic is, each
choice needs the verdict of its own PMT only: a hit's weight is the likelihood ratio of the choices
of its PMT and event, which is 1 in value and has the exact derivative of the sum's expectation
(Williams 1992). A verdict that is no such sum, as that of SphereCritic, is taken to first order:
each hit counts by its slope there, and what choices do together is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from kzcal.calibrate.config import CalibrationConfig
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.merging import by_group_then_time, merged
from kzcal_cyclegan.mixtures import Mixture
from kzcal_cyclegan.runs import Batch, Tubes

MERGING_TIME = CalibrationConfig().merging_time
"""ns; pulses of a PMT closer than this are one hit."""

START_DARK = 1e-5
"""Dark pulses of a PMT per ns before anything is learned; Assumption: 10 kHz."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Hits that a generator made, those that the threshold will drop included.

    Args:
        hits: by event, PMT and time.
        weight: the likelihood ratio of the choices behind a hit; 1, with a derivative.
        passing: probability of each hit to pass the threshold; 0 outside the recording.
        light: photoelectrons of light in the hit.
        began: residual of the photoelectron that began it, ns, before the transit; that of the
            hit where dark noise did.
    """

    hits: Batch
    weight: Float[Tensor, " hit"]
    passing: Float[Tensor, " hit"]
    light: Float[Tensor, " hit"]
    began: Float[Tensor, " hit"]

    def first(self, n: int) -> Drawn:
        """The hits of the first so many events."""
        rows = torch.nonzero(self.hits.event < n)[:, 0]
        columns = (self.weight, self.passing, self.light, self.began)
        return Drawn(self.hits.first(n), *(column[rows] for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Arrivals:
    """Photoelectrons at the first dynode, of light and dark ones."""

    event: Int[Tensor, " pe"]
    pmt: Int[Tensor, " pe"]
    time: Float[Tensor, " pe"]
    first: Float[Tensor, " pe"]
    light: Bool[Tensor, " pe"]


class Forward(nn.Module):
    """Every PMT has an efficiency, gain, charge width, delay, spread and dark rate of its own.

    Efficiencies and dark rates of all PMTs of a type can also move together. The shapes of the
    time and charge densities, the threshold and the time walk are shared by all PMTs of a type.

    Args:
        tubes: the PMTs.
        alive: those that report anything.
    """

    kind: Tensor
    alive: Tensor

    def __init__(self, tubes: Tubes, alive: Bool[Tensor, " pmt"]) -> None:
        super().__init__()
        zero = torch.zeros(len(tubes), device=tubes.kind.device)
        self.register_buffer("kind", tubes.kind)
        self.register_buffer("alive", alive)
        self.keep = nn.Parameter(zero.clone())
        self.gain = nn.Parameter(zero.clone())
        self.width = nn.Parameter(zero.clone())
        self.offset = nn.Parameter(zero.clone())
        self.spread = nn.Parameter(zero.clone())
        self.dark = nn.Parameter(zero + torch.tensor(START_DARK).log().item())
        self.keep_all = nn.Parameter(zero.new_zeros(2))
        self.dark_all = nn.Parameter(zero.new_zeros(2))
        self.level = nn.Parameter(zero.new_full((2,), 0.3))
        self.softness = nn.Parameter(zero.new_full((2,), 0.06).log())
        self.walk = nn.Parameter(zero.new_full((2,), 1.0))
        self.times = Mixture(
            (0.75, 0.2, 0.03, 0.015, 0.005),
            (0.0, 0.0, 15.0, 45.0, -15.0),
            (1.5, 2.5, 8.0, 20.0, 4.0),
        ).to(zero.device)
        self.charges = Mixture((0.6, 0.3, 0.1), (0.0, -0.15, -1.3), (0.3, 0.4, 0.8)).to(
            zero.device
        )

    def draw(self, light: Batch, tubes: Tubes, generator: torch.Generator) -> Drawn:
        """Hits of photoelectrons and of dark noise.

        Args:
            light: photoelectrons.
            tubes: the PMTs.
            generator: source of randomness.
        """
        n_pmt = len(tubes)
        arrivals, chosen = self._arrivals(light, tubes, generator)
        pmt, kind = arrivals.pmt, self.kind[arrivals.pmt]
        log_charge, log_share = self.charges.draw(kind, self.width[pmt].exp(), generator)
        charge = torch.exp(self.gain[pmt] + log_charge)
        chosen = chosen.index_add(0, arrivals.event * n_pmt + pmt, log_share)
        order, begin, pulse = _pulses(arrivals, n_pmt)
        total = charge.new_zeros(len(begin)).index_add(0, pulse, charge[order])
        n_light = charge.new_zeros(len(begin)).index_add(0, pulse, arrivals.light[order].float())
        first = order[begin]
        event, pmt = arrivals.event[first], pmt[first]
        time = arrivals.time[first] + self.walk_of(total, pmt)
        group = event * n_pmt + pmt
        span = (light.events.end - light.events.begin)[event]
        ratio = chosen[group] - self.dark_rate()[pmt] * span
        hits = Batch(light.events, event, pmt, time, total)
        passing = self.passing(total, pmt) * _recorded(hits, tubes)
        began = torch.where(arrivals.light[first], arrivals.first[first], time.detach())
        return Drawn(hits, torch.exp(ratio - ratio.detach()), passing, n_light, began)

    def keep_odds(self) -> Float[Tensor, " pmt"]:
        """Log-odds that a photoelectron is kept."""
        return self.keep + self.keep_all[self.kind]

    def log_dark(self) -> Float[Tensor, " pmt"]:
        """Logarithm of the dark pulses per ns before the threshold."""
        return self.dark + self.dark_all[self.kind]

    def dark_rate(self) -> Float[Tensor, " pmt"]:
        """Dark pulses per ns before the threshold; none of a dead PMT."""
        return self.log_dark().exp() * self.alive

    def passing(
        self, charge: Float[Tensor, " hit"], pmt: Int[Tensor, " hit"]
    ) -> Float[Tensor, " hit"]:
        """Probability of a charge [p.e.] to pass the threshold of its PMT's type."""
        kind = self.kind[pmt]
        return torch.sigmoid((charge - self.level[kind]) / self.softness[kind].exp())

    def single_pe_passing(self) -> Float[Tensor, " pmt"]:
        """Share of each PMT's single photoelectrons that pass a threshold without softness.

        The threshold is taken as given: charges above it cannot tell where it should be.
        """
        level = self.level.detach()[self.kind].clamp(min=0.02).log() - self.gain
        return self.charges.above(level, self.kind, self.width.exp())

    def walk_of(
        self, charge: Float[Tensor, " hit"], pmt: Int[Tensor, " hit"]
    ) -> Float[Tensor, " hit"]:
        """By how much a pulse of this charge reads late, ns."""
        return self.walk[self.kind[pmt]] * (charge.clamp(min=0.05) ** -0.5 - 1.0)

    def _arrivals(
        self, light: Batch, tubes: Tubes, generator: torch.Generator
    ) -> tuple[_Arrivals, Float[Tensor, " event_pmt"]]:
        """Kept photoelectrons and dark pulses, and the log-likelihood of what was chosen."""
        chance = torch.rand(light.pmt.shape, generator=generator, device=light.pmt.device)
        odds, alive = self.keep_odds()[light.pmt], self.alive[light.pmt]
        kept = (chance < odds.sigmoid()) & alive
        decided = nn.functional.logsigmoid(torch.where(kept, odds, -odds)) * alive
        event, pmt, time = light.event[kept], light.pmt[kept], light.time[kept]
        kick, log_share = self.times.draw(self.kind[pmt], self.spread[pmt].exp(), generator)
        dark_event, dark_pmt, dark_time = self._dark(light, tubes, generator)
        n_pmt = len(tubes)
        chosen = decided.new_zeros(len(light.events) * n_pmt)
        chosen = chosen.index_add(0, light.event * n_pmt + light.pmt, decided)
        chosen = chosen.index_add(0, event * n_pmt + pmt, log_share)
        chosen = chosen.index_add(0, dark_event * n_pmt + dark_pmt, self.log_dark()[dark_pmt])
        is_light = torch.ones(len(event) + len(dark_event), dtype=torch.bool, device=event.device)
        is_light[len(event) :] = False
        arrivals = _Arrivals(
            torch.cat([event, dark_event]),
            torch.cat([pmt, dark_pmt]),
            torch.cat([time + self.offset[pmt] + kick, dark_time]),
            torch.cat([time, dark_time]),
            is_light,
        )
        return arrivals, chosen

    def _dark(
        self, light: Batch, tubes: Tubes, generator: torch.Generator
    ) -> tuple[Int[Tensor, " dark"], Int[Tensor, " dark"], Float[Tensor, " dark"]]:
        """Event, PMT and residual [ns] of dark pulses."""
        events = light.events
        rate = self.dark_rate().detach().double().cumsum(0)
        mean = (events.end - events.begin).double() * rate[-1]
        event = torch.repeat_interleave(torch.poisson(mean, generator=generator).long())
        uniform = torch.rand((2, len(event)), generator=generator, device=rate.device)
        pmt = torch.searchsorted(rate, uniform[0].double() * rate[-1], right=True)
        pmt = pmt.clamp(max=len(rate) - 1)
        time = torch.lerp(events.begin[event], events.end[event], uniform[1])
        return event, pmt, time - events.expected(event, pmt, tubes)


def _recorded(hits: Batch, tubes: Tubes) -> Bool[Tensor, " hit"]:
    """Which hits are within the recording of their event."""
    events = hits.events
    time = hits.time.detach() + events.expected(hits.event, hits.pmt, tubes)
    return (time >= events.begin[hits.event]) & (time <= events.end[hits.event])


def _pulses(
    arrivals: _Arrivals, n_pmt: int
) -> tuple[Int[Tensor, " pe"], Int[Tensor, " pulse"], Int[Tensor, " pe"]]:
    """Order of arrivals, the place in it where each pulse begins, and the pulse of each place."""
    time = arrivals.time.detach()
    order = by_group_then_time(arrivals.event * n_pmt + arrivals.pmt, time)
    ones = torch.ones_like(time)
    together = merged(
        Photoelectrons(arrivals.event, arrivals.pmt, time), ones, MERGING_TIME, n_pmt
    )
    size = together.charge.long()
    begin = size.cumsum(0) - size
    return order, begin, torch.repeat_interleave(torch.arange(len(size), device=size.device), size)
