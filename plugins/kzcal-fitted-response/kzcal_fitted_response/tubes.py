"""What one comparison of data and translation says of every PMT."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from kzcal.calibrate.population import population_of
from kzcal.response.charge import ChargeShape, detection_efficiency
from kzcal_fitted_response.constants import Constants, Tubes
from kzcal_fitted_response.scoring import score_step
from kzcal_fitted_response.slopes import Slopes
from kzcal_fitted_response.statistics import Counts, HitTable, medians, pooled

LEARNED = ("qe", "gain", "spe_width", "time_offset", "tts")
"""Constants of PMTs that a population draws in."""
DEAD_SHARE = 0.02
"""Share of its type's median efficiency below which a PMT is dead."""
FEWEST_HITS = 30
"""Hits below which charge and time say nothing of a PMT."""
UNKNOWN = 1e6
"""Variance of what is not known."""
LARGEST_STEP = (0.5, 0.1, 0.1, 3.0, 0.5)
"""Of each constant in one turn; relative but for the offset, ns."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Data and translation side by side.

    Args:
        data: statistics of the data.
        found: of the translation.
        scale: events of the data over those translated.
        drawn: photoelectrons of each PMT at the ceiling.
    """

    data: Counts
    found: Counts
    scale: float
    drawn: Float[Tensor, " pmt"]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Constants of each PMT as its own hits give them, no population asked.

    Args:
        value: in the order of ``LEARNED``.
        variance: of each value.
    """

    value: Float[Tensor, "constant pmt"]
    variance: Float[Tensor, "constant pmt"]


def aligned(tubes: Tubes, data: HitTable, found: HitTable) -> Tubes:
    """The PMTs with gains and offsets that bring the medians of charge and time together."""
    n = len(tubes.gain)
    charge, time = (
        [medians(getattr(h, name)[h.light], h.pmt[h.light], n) for h in (data, found)]
        for name in ("charge", "residual")
    )
    counts = [torch.bincount(h.pmt[h.light], minlength=n) for h in (data, found)]
    many = torch.minimum(*counts) >= FEWEST_HITS
    ratio = torch.where(many, charge[0] / charge[1], 1.0).clamp(0.5, 2.0)
    shift = torch.where(many, time[0] - time[1], 0.0)
    return replace(tubes, gain=tubes.gain * ratio, time_offset=tubes.time_offset + shift)


def estimates(
    tubes: Tubes, both: Comparison, by: Slopes, kind: Int[Tensor, " pmt"], *, copies: float
) -> Estimates:
    """One step of every constant of every PMT.

    Args:
        tubes: that the translation was made with.
        both: data and translation.
        by: slopes of the histograms.
        kind: type of each PMT.
        copies: turns whose estimates are averaged, this one among them. Random numbers of the
            response are new in each, photoelectrons are the same, so that times, which are
            theirs for the most part, gain no more than what thinning leaves out.
    """
    now = torch.stack([getattr(tubes, name) for name in LEARNED]).double()
    ratio, relative = _efficiency(both, copies)
    thinning = float(both.drawn.sum() / both.found.light.sum())
    data, found = both.data, both.found
    shares = [pooled(c, kind, int(kind.max()) + 1)[kind] for c in (found.charge, found.time)]
    charge = score_step(data.charge, found.charge, shares[0], by.charge[:, :2], copies=copies)
    fewer = min(copies, thinning)
    time = score_step(data.time, found.time, shares[1], by.time, copies=fewer)
    own = torch.stack([ratio - 1, *charge.delta.T, time.delta[:, 0], time.delta[:, 1]])
    scale = now.clone()
    scale[3] = 1.0
    limit = torch.tensor(LARGEST_STEP, device=now.device)[:, None]
    variance = torch.stack([relative, *charge.variance.T, *time.variance.T]) * scale**2
    few = [
        counts.sum(1) < FEWEST_HITS
        for counts in (both.data.charge, both.data.charge, both.data.time, both.data.time)
    ]
    unknown = torch.stack([both.data.light < FEWEST_HITS, *few]) | ~tubes.alive
    value = now + torch.where(unknown, 0.0, own.clamp(-limit, limit)) * scale
    return Estimates(value, torch.where(unknown, UNKNOWN, variance.clamp(min=1e-12)))


def _efficiency(both: Comparison, copies: float = 1.0) -> tuple[Tensor, Tensor]:
    """Light of the data over that of the translation, and the relative variance of the ratio.

    Photoelectrons at the ceiling are the same in every turn, their thinning is not.
    """
    of_data, of_found = both.data.signal, both.found.signal
    ratio = of_data / (both.scale * of_found).clamp(min=1.0)
    drawn = 1 / both.drawn.clamp(min=1.0)
    thinning = (both.found.light / of_found.clamp(min=1.0) ** 2 - drawn).clamp(min=0.0)
    noise = both.data.light / of_data.clamp(min=1.0) ** 2 + drawn + thinning / copies
    return ratio, noise


def averaged(before: Estimates, now: Estimates, share: float) -> Estimates:
    """Estimates of several turns.

    Args:
        before: of earlier turns.
        now: of this one.
        share: of this one in the mean.
    """
    value = torch.lerp(before.value, now.value, share)
    return Estimates(value, now.variance)


def drawn_in(
    tubes: Tubes, found: Estimates, kind: Int[Tensor, " pmt"], ceiling: float
) -> tuple[Tubes, Float[Tensor, "constant pmt"]]:
    """PMTs with estimates that lean on the population of their type as much as their errors ask.

    Args:
        tubes: before.
        found: estimates.
        kind: type of each PMT.
        ceiling: largest efficiency that light was drawn for.

    Returns:
        The PMTs, and one standard deviation of each constant.
    """
    values, errors = [], []
    for value, variance in zip(found.value, found.variance, strict=True):
        chosen = tubes.alive & (variance < UNKNOWN)
        leant, error = _leant(value, variance, kind, chosen)
        values.append(leant)
        errors.append(error)
    floor = (1e-3, 0.05, 0.02, -torch.inf, 0.05)
    bounded = [v.clamp(min=low).float() for v, low in zip(values, floor, strict=True)]
    changed = dict(zip(LEARNED, bounded, strict=True))
    changed["qe"] = changed["qe"].clamp(max=ceiling)
    return replace(tubes, **changed), torch.stack(errors)


def _leant(
    value: Float[Tensor, " pmt"],
    variance: Float[Tensor, " pmt"],
    kind: Int[Tensor, " pmt"],
    chosen: Bool[Tensor, " pmt"],
) -> tuple[Float[Tensor, " pmt"], Float[Tensor, " pmt"]]:
    """Estimates with the prior of their population, and their errors.

    A type of fewer than ten PMTs is no population.
    """
    population = population_of(value, variance, kind, chosen)
    prior = population.prior(1 / variance, kind)
    spread = 1 / (1 / variance + 1 / prior.variance)
    leant = spread * (value / variance + prior.mean / prior.variance)
    error = spread * (1 / variance + prior.population / prior.variance**2).sqrt()
    known = torch.isfinite(leant)
    error = torch.where(known & (variance < UNKNOWN), error, variance.sqrt())
    return torch.where(known, leant, value), error


def living(tubes: Tubes, both: Comparison, kind: Int[Tensor, " pmt"]) -> Tubes:
    """The PMTs, those dead that have hardly any light."""
    ratio, _ = _efficiency(both)
    alive = torch.ones_like(tubes.alive)
    for k in torch.unique(kind):
        rows = kind == k
        alive[rows] = ratio[rows] > DEAD_SHARE * ratio[rows].median()
    return replace(tubes, alive=alive)


def with_dark_rate(constants: Constants, both: Comparison, kind: Int[Tensor, " pmt"]) -> Tubes:
    """The PMTs with dark rates before threshold that give the rates of the data above it.

    The share of dark pulses that pass is that of the PMT's charge model, scaled to what passed in
    the translation of all PMTs of the type.
    """
    tubes, shapes = constants.tubes, constants.shapes
    shape = ChargeShape(
        *(
            getattr(shapes, name)[kind]
            for name in ("low_share", "low_scale", "threshold", "threshold_width")
        )
    )
    passing = detection_efficiency(tubes.gain, tubes.spe_width, shape)[0].double()
    drawn = tubes.dark_rate.double() * 1e-9 * both.found.dark_live * tubes.alive
    rate = torch.zeros_like(passing)
    for k in torch.unique(kind):
        rows = kind == k
        passed = both.found.dark[rows].sum() / (drawn * passing)[rows].sum().clamp(min=1e-9)
        share = passing[rows] * (passed if bool(passed > 0) else 1.0)
        rate[rows] = both.data.dark_rate[rows] / share
    return replace(tubes, dark_rate=rate.float())
