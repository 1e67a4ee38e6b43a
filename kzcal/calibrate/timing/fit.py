"""Offsets and transit-time spreads, from rough offsets to the last Newton step.

First the arrival times of all PMTs together, for which charges need not be known; the charge fit
uses them. Then the PMTs, with charges that tell how many photoelectrons a pulse had.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.spool import Spool
from kzcal.calibrate.stream import RunStream
from kzcal.calibrate.timing.cells import FIRST, N_BINS, N_CELLS, STEP, Cells, histogram
from kzcal.calibrate.timing.pmts import SlopeTables, fit_pmts
from kzcal.calibrate.timing.simple import SimpleLight, Smearing, fit_simple_light
from kzcal.calibrate.timing.templates import Templates, fit_templates
from kzcal.response.charge import PeClasses

STEPS = ((4, 2), (4, 1))
"""Newton steps of the PMTs before and after the templates are fitted anew, and how many of them
keep all spreads of a type alike."""


@dataclass(frozen=True, slots=True)
class TimingResult:
    """Time response of every PMT and what it rests on.

    Args:
        offset: ns, mean zero over the counting PMTs, positive when the PMT reads late.
        tts: transit-time spread, standard deviation, ns.
        covariance: of (offset, tts) of each PMT, ns^2.
        simple: mean spreads and decay times, from simple light; with a global fit its means.
        residual: hits of each PMT by time bin, its offset taken off.
        expected: expected hits by time bin.
        tts_alone: value and variance of the spread from the hits of each PMT alone, ns, ns^2.
    """

    offset: Float[Tensor, " pmt"]
    tts: Float[Tensor, " pmt"]
    covariance: Float[Tensor, "pmt 2 2"]
    simple: SimpleLight
    residual: Float[Tensor, "pmt bin"]
    expected: Float[Tensor, "pmt bin"]
    tts_alone: tuple[Float[Tensor, " pmt"], Float[Tensor, " pmt"]]

    def with_mean_spreads(
        self, mean: Float[Tensor, " type"], kind: Tensor, counting: Tensor
    ) -> TimingResult:
        """The same with other mean spreads: all PMTs of a type move alike.

        What hits fix is the variance of a time, from which a wrong delay of light takes as much
        of every PMT; the move is that of a PMT in the middle of its type. Errors are at a fixed
        mean and stay, and so do the hits that the former spreads expect.

        Args:
            mean: root mean square over the counting PMTs of each type, ns.
            kind: type of each PMT.
            counting: PMTs that make up the means.
        """
        tts, (alone, variance) = self.tts.clone(), self.tts_alone
        alone = alone.clone()
        for k, wanted in enumerate(mean):
            rows = kind == k
            if bool((rows & counting).any()):
                centre = self.tts[rows & counting].double().mean()
                change = wanted.double() ** 2 - self.simple.tts[k].double() ** 2
                move = (centre**2 + change).clamp(min=0.01).sqrt() - centre
                tts[rows] += move.to(tts.dtype)
                alone[rows] += move.to(alone.dtype)
        simple = replace(self.simple, tts=mean.to(self.simple.tts))
        return replace(self, tts=tts, simple=simple, tts_alone=(alone, variance))


def fit_arrivals(
    stream: RunStream,
    spool: Spool,
    cells: Cells,
    offset: Float[Tensor, " pmt"],
    counting: Tensor,
    before: Templates | None = None,
) -> Templates:
    """Fit simple light and then the templates.

    Args:
        stream: the run.
        spool: its hits by cell.
        cells: what the cells hold.
        offset: time offsets, ns.
        counting: PMTs that take part.
        before: templates of an earlier fit, to start from.
    """
    config = stream.config
    smearing = Smearing(config.vertex_resolution, config.t0_resolution)
    variance = smearing.variance(cells.energy, config.light_speed)
    counts = histogram(spool, offset, counting)
    simple = fit_simple_light(counts, cells, variance, config.merging_time)
    start = before.values if before is not None else None
    return fit_templates(counts, cells, simple, variance, config.merging_time, start)


def fit_timing(
    stream: RunStream,
    spool: Spool,
    templates: Templates,
    classes: PeClasses,
    offset: Float[Tensor, " pmt"],
    counting: Tensor,
    fitted: Tensor,
) -> TimingResult:
    """Fit the PMTs, the templates anew, and the PMTs again.

    Args:
        stream: the run.
        spool: its hits by cell.
        templates: arrival times with the rough offsets.
        classes: of charge.
        offset: rough offsets, ns.
        counting: PMTs that make up means and templates.
        fitted: PMTs that are fitted.
    """
    kind = stream.detector.kind
    for number, (steps, alike) in enumerate(STEPS):
        if number:
            templates = fit_arrivals(stream, spool, templates.cells, offset, counting, templates)
        tables = SlopeTables.of(templates, classes)
        start = (offset, templates.simple.tts[kind].float())
        times = fit_pmts(spool, tables, kind, start, fitted, counting, steps=steps, alike=alike)
        offset = times.offset - times.offset[counting].mean()
    residual, expected = _compared(spool, templates, tables, offset, times.tts, kind)
    alone = times.alone.value[:, 1], times.alone.variance[:, 1]
    return TimingResult(
        offset, times.tts, times.covariance, templates.simple, residual, expected, alone
    )


def _compared(
    spool: Spool,
    templates: Templates,
    tables: SlopeTables,
    offset: Tensor,
    tts: Tensor,
    kind: Tensor,
) -> tuple[Float[Tensor, "pmt bin"], Float[Tensor, "pmt bin"]]:
    """Hits of every PMT by time bin, offset taken off, and what its cells and spread expect."""
    n_pmt, device = len(offset), offset.device
    residual = torch.zeros(n_pmt * N_BINS, dtype=torch.float64, device=device)
    in_cell = torch.zeros(n_pmt * N_CELLS, device=device)
    for hits in spool:
        pmt, cell = hits["pmt"].long(), tables.cell(hits)
        position = ((hits["time"] - offset[pmt] - FIRST) / STEP).floor().long()
        inside = (position >= 0) & (position < N_BINS)
        residual += torch.bincount((pmt * N_BINS + position)[inside], minlength=len(residual))
        in_cell += torch.bincount((pmt * N_CELLS + cell)[inside], minlength=len(in_cell))
    mean, step = templates.simple.tts, 0.1
    table = templates.table(mean, tables.classes).reshape(N_CELLS, N_BINS)
    wider = templates.table(mean * (1 + step), tables.classes).reshape(N_CELLS, N_BINS)
    counts = in_cell.reshape(n_pmt, N_CELLS)
    excess = (tts / mean.float()[kind] - 1) / step
    expected = counts @ table + excess[:, None] * (counts @ (wider - table))
    return residual.reshape(n_pmt, N_BINS), expected.double().clamp(min=0)
