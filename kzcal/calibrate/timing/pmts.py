"""Newton iteration for the time offset and transit-time spread of all PMTs.

Derivatives of the log density of each hit come from tables over (spread, cell, time). The spread
has a Gaussian prior, the population of its type or wider: with few hits a PMT leans on its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.population import (
    Alone,
    Population,
    drawn_covariance,
    population_from_scores,
    profiled,
)
from kzcal.calibrate.spool import Spool
from kzcal.calibrate.timing.cells import FIRST, N_BINS, N_CELLS, N_CHARGE, STEP
from kzcal.calibrate.timing.templates import Templates
from kzcal.response.charge import PeClasses

SPREADS = (0.5, 0.65, 0.8, 0.9, 1.0, 1.1, 1.25, 1.45, 1.8)
"""Transit-time spreads of the tables, in units of the mean of the type."""
LONGEST_STEP = 1.0


@dataclass(frozen=True, slots=True)
class SlopeTables:
    """Derivatives of the log density of a hit's time.

    Args:
        tts: mean spread of each type, ns.
        by_time: by time, 1/ns.
        by_tts: by the transit-time spread, 1/ns.
        classes: of charge.
    """

    tts: Float[Tensor, " type"]
    by_time: Float[Tensor, " flat"]
    by_tts: Float[Tensor, " flat"]
    classes: PeClasses

    def cell(self, hits: Mapping[str, Tensor]) -> Tensor:
        """Cell of spooled hits, charges told apart."""
        size = self.classes.of(hits["charge"], hits["pmt"].long())
        return hits["cell"].long() * N_CHARGE + size

    @classmethod
    def of(cls, templates: Templates, classes: PeClasses) -> SlopeTables:
        """Tables of the templates."""
        tts = templates.simple.tts
        spread = torch.tensor(SPREADS, device=tts.device)
        log_density = torch.stack(
            [torch.log(templates.table(tts * s, classes)) for s in SPREADS], dim=0
        )
        by_spread = torch.gradient(log_density, spacing=(spread,), dim=0)[0]
        by_tts = by_spread / tts.float().reshape(1, -1, *[1] * (log_density.ndim - 2))
        by_time = torch.gradient(log_density, spacing=STEP, dim=-1)[0]
        return cls(tts.float(), by_time.reshape(-1), by_tts.reshape(-1), classes)

    def at(self, cell: Tensor, kind: Tensor, time: Tensor, tts: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives by time and by spread at the times [ns] of hits."""
        spreads = torch.tensor(SPREADS, device=tts.device)
        ratio = (tts / self.tts[kind]).clamp(SPREADS[0], SPREADS[-1])
        row = (torch.bucketize(ratio, spreads) - 1).clamp(0, len(SPREADS) - 2)
        across = (ratio - spreads[row]) / (spreads[row + 1] - spreads[row])
        position = ((time - FIRST) / STEP - 0.5).clamp(0, N_BINS - 1.001)
        low = position.long()
        along = position - low
        index = (row * N_CELLS + cell) * N_BINS + low
        above = index + N_CELLS * N_BINS
        by_time, by_tts = (
            torch.lerp(
                torch.lerp(t[index], t[index + 1], along),
                torch.lerp(t[above], t[above + 1], along),
                across,
            )
            for t in (self.by_time, self.by_tts)
        )
        return by_time, by_tts


@dataclass(frozen=True, slots=True)
class PmtTimes:
    """Time response of every PMT.

    Args:
        offset: ns, positive when the PMT reads late.
        tts: transit-time spread, standard deviation, ns.
        covariance: of (offset, tts), ns^2.
        population: of the spreads of each type.
        alone: (offset, tts) from the hits of each PMT alone.
    """

    offset: Float[Tensor, " pmt"]
    tts: Float[Tensor, " pmt"]
    covariance: Float[Tensor, "pmt 2 2"]
    population: Population
    alone: Alone


def fit_pmts(
    spool: Spool,
    tables: SlopeTables,
    kind: Tensor,
    start: tuple[Float[Tensor, " pmt"], Float[Tensor, " pmt"]],
    fitted: Tensor,
    counting: Tensor,
    *,
    steps: int,
    alike: int,
) -> PmtTimes:
    """Offsets and spreads of largest posterior, and their errors over the population.

    Args:
        spool: the hits.
        tables: derivatives of their log density.
        kind: type of each PMT.
        start: offsets and spreads to start from, ns.
        fitted: PMTs with enough hits; the others keep the start.
        counting: PMTs that make up the mean spread of their type, which is the tables'.
        steps: Newton steps, each of one pass over the spool.
        alike: how many of them keep all spreads of a type alike.
    """
    offset, tts = start
    population = Population.pinned(tables.tts.double())
    lowest, highest = SPREADS[0] * tables.tts[kind], SPREADS[-1] * tables.tts[kind]
    for step in range(steps):
        score, information = _sums(spool, tables, kind, offset, tts)
        if step == alike:
            mean = population.mean
            population = population_from_scores(score, information, mean, kind, fitted)
        alone = Alone.of(torch.stack([offset, tts], dim=1).double(), score, information)
        prior = population.prior(profiled(information), kind)
        pooled_score, pooled = prior.added(score, information, tts.double(), 1)
        inverse = torch.linalg.inv(pooled)
        move = (inverse @ pooled_score[..., None])[..., 0]
        move = torch.where(fitted[:, None], move, 0.0).clamp(-LONGEST_STEP, LONGEST_STEP).float()
        offset = offset + move[:, 0]
        tts = torch.minimum(torch.maximum(tts + move[:, 1], lowest), highest)
    anchored = _anchored(tts, tables.tts, population, kind, fitted & counting, fitted)
    alone.value[:, 1] += (anchored - tts).double()
    return PmtTimes(offset, anchored, drawn_covariance(inverse, {1: prior}), population, alone)


def _anchored(
    tts: Tensor,
    mean: Float[Tensor, " type"],
    population: Population,
    kind: Tensor,
    counting: Tensor,
    fitted: Tensor,
) -> Tensor:
    """Spreads whose root mean square over each type is the tables' mean.

    A spread that few hits measure comes out too small on average, by half its relative variance.
    """
    tts = tts.clone()
    for k in range(len(mean)):
        rows = kind == k
        if bool((rows & counting).any()):
            centre = (mean[k] ** 2 - population.variance[k].float()).clamp(min=0.01).sqrt()
            tts[rows & fitted] += centre - tts[rows & counting].mean()
    return tts


def _sums(
    spool: Spool, tables: SlopeTables, kind: Tensor, offset: Tensor, tts: Tensor
) -> tuple[Float[Tensor, "pmt 2"], Float[Tensor, "pmt 2 2"]]:
    """Score and empirical information of every PMT by (offset, tts)."""
    n_pmt = len(offset)
    sums = torch.zeros(5, n_pmt, dtype=torch.float64, device=offset.device)
    for hits in spool:
        pmt = hits["pmt"].long()
        time = hits["time"] - offset[pmt]
        by_time, by_tts = tables.at(tables.cell(hits), kind[pmt], time, tts[pmt])
        terms = (-by_time, by_tts, by_time**2, -by_time * by_tts, by_tts**2)
        for row, term in zip(sums, terms, strict=True):
            row += torch.bincount(pmt, term.double(), n_pmt)
    information = torch.stack([sums[2], sums[3], sums[3], sums[4]], dim=1).reshape(-1, 2, 2)
    ridge = 1e-6 * torch.eye(2, dtype=torch.float64, device=offset.device)
    return sums[:2].T, information + ridge
