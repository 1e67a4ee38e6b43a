"""Offsets and transit-time spreads, from rough offsets to the last Newton step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.occupancy import LightModel
from kzcal.calibrate.spool import Spool
from kzcal.calibrate.stream import RunStream
from kzcal.calibrate.survey import Survey
from kzcal.calibrate.timing.cells import (
    FIRST,
    N_BINS,
    N_CELLS,
    STEP,
    ChargeResponse,
    histogram,
    spool_hits,
)
from kzcal.calibrate.timing.pmts import PmtTimes, SlopeTables, fit_pmts
from kzcal.calibrate.timing.simple import SimpleLight, Smearing, fit_simple_light
from kzcal.calibrate.timing.templates import Templates, fit_templates

STEPS = (3, 4)
"""Newton steps of the PMTs in each round."""


@dataclass(frozen=True, slots=True)
class TimingResult:
    """Time response of every PMT and what it rests on.

    Args:
        offset: ns, mean zero over the counting PMTs, positive when the PMT reads late.
        tts: transit-time spread, standard deviation, ns.
        covariance: of (offset, tts) of each PMT, ns^2.
        population_width: standard deviation of the spread over the PMTs of each type, ns.
        simple: mean spreads and decay times, from simple light.
        residual: hits of each PMT by time bin, its offset taken off.
        expected: expected hits by time bin.
    """

    offset: Float[Tensor, " pmt"]
    tts: Float[Tensor, " pmt"]
    covariance: Float[Tensor, "pmt 2 2"]
    population_width: Float[Tensor, " type"]
    simple: SimpleLight
    residual: Float[Tensor, "pmt bin"]
    expected: Float[Tensor, "pmt bin"]


def fit_timing(
    stream: RunStream,
    first_look: Survey,
    light: LightModel,
    response: ChargeResponse,
    counting: Tensor,
    fitted: Tensor,
) -> TimingResult:
    """Fit templates and PMTs in turn.

    Args:
        stream: the run.
        first_look: rough offsets and dark rates.
        light: expected photoelectrons above threshold.
        response: efficiencies, charge classes and walk.
        counting: PMTs that make up means and templates.
        fitted: PMTs that are fitted.
    """
    config, kind = stream.config, stream.detector.kind
    offset, values = first_look.offset, None
    with Spool(kind.device) as spool:
        dark = first_look.dark.rate
        cells = spool_hits(stream, light, response, offset, dark, counting, spool)
        smearing = Smearing(config.vertex_resolution, config.t0_resolution)
        variance = smearing.variance(cells.energy, config.light_speed)
        for steps in STEPS:
            counts = histogram(spool, offset, counting)
            simple = fit_simple_light(counts, cells, variance, config.merging_time)
            templates = fit_templates(
                counts, cells, simple, variance, config.merging_time, values
            )
            values = templates.values
            tables = SlopeTables.of(templates, response)
            start = (offset, simple.tts[kind].float())
            times = fit_pmts(spool, tables, kind, start, fitted, steps=steps)
            offset = times.offset - times.offset[counting].mean()
        tts = _anchored(times, simple, kind, counting)
        residual, expected = compare(spool, templates, response, offset, tts, kind)
    return TimingResult(
        offset,
        tts,
        times.covariance,
        times.population.variance.sqrt(),
        simple,
        residual,
        expected,
    )


def _anchored(times: PmtTimes, simple: SimpleLight, kind: Tensor, counting: Tensor) -> Tensor:
    """Spreads whose root mean square over each type is that of simple light."""
    tts = times.tts.clone()
    for k, mean in enumerate(simple.tts):
        rows = kind == k
        if bool((rows & counting).any()):
            scatter = tts[rows & counting].var(unbiased=False)
            centre = (mean.float() ** 2 - scatter).clamp(min=0.01).sqrt()
            tts[rows] += centre - tts[rows & counting].mean()
    return tts


def compare(
    spool: Spool,
    templates: Templates,
    response: ChargeResponse,
    offset: Tensor,
    tts: Tensor,
    kind: Tensor,
) -> tuple[Float[Tensor, "pmt bin"], Float[Tensor, "pmt bin"]]:
    """Hits of every PMT by time bin, offset taken off, and what its cells and spread expect."""
    n_pmt, device = len(offset), offset.device
    residual = torch.zeros(n_pmt * N_BINS, dtype=torch.float64, device=device)
    in_cell = torch.zeros(n_pmt * N_CELLS, device=device)
    for hits in spool:
        pmt, cell = hits["pmt"].long(), hits["cell"].long()
        position = ((hits["time"] - offset[pmt] - FIRST) / STEP).floor().long()
        inside = (position >= 0) & (position < N_BINS)
        residual += torch.bincount((pmt * N_BINS + position)[inside], minlength=len(residual))
        in_cell += torch.bincount((pmt * N_CELLS + cell)[inside], minlength=len(in_cell))
    mean, step = templates.simple.tts, 0.1
    table = templates.table(mean, response).reshape(N_CELLS, N_BINS)
    wider = templates.table(mean * (1 + step), response).reshape(N_CELLS, N_BINS)
    counts = in_cell.reshape(n_pmt, N_CELLS)
    excess = (tts / mean.float()[kind] - 1) / step
    expected = counts @ table + excess[:, None] * (counts @ (wider - table))
    return residual.reshape(n_pmt, N_BINS), expected.double().clamp(min=0)
