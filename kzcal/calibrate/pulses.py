"""Gain and single-p.e. width of every PMT from charge spectra.

The hits of a PMT are sorted by the mean number of further photoelectrons that the light model
expects within the merging time after them; hits of forced triggers have none. Gain and width are
fitted for all PMTs at once by Fisher scoring, together with what the PMTs of a type share: the
shape, and the means of the Gaussian populations that gains and widths are drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.charge_likelihood import score_charges, shape_of
from kzcal.calibrate.charge_spectra import LOW_LIGHT, ChargeSpectra
from kzcal.calibrate.hidden import mean_passing
from kzcal.calibrate.population import (
    Alone,
    Population,
    population_from_scores,
    population_of,
    unpooled,
)
from kzcal.calibrate.pulse_steps import (
    GLOBAL_START,
    N_SHAPE,
    SINGLE_BOUNDS,
    THRESHOLD,
    Populations,
    averaged,
    pooled,
    shape_prior,
    stepped,
)
from kzcal.calibrate.scoring import RIDGE, SharedScoring, Sharing
from kzcal.calibrate.single_pe import median_charge
from kzcal.response.charge import ChargeShape, detection_efficiency

WIDTH_START = (0.4, 0.55)
BELOW_THRESHOLD = 0.01
"""Share of hits below the threshold from which the fit starts: from one far off, steps end with
all of the shape at its bounds."""
ALIKE_STEPS, SETTLING_STEPS = 6, 2
"""Steps in which all PMTs of a type have one width; steps after these in which nothing shared
moves."""
AVERAGES = 8
"""Times at most that averages over gains and widths are taken; each is followed by two steps."""
NEARLY, STILL = 0.3, 0.1
"""Changes, in errors, below which nearly enough and enough steps are done."""


@dataclass(frozen=True, slots=True)
class ChargeFit:
    """Charge response of every PMT.

    Args:
        gain: mean of the Gaussian part of the single-p.e. charge, nominal gains. The mean of what
            is possible for it, as is the width: of 600 hits the most likely width is 0.6 % low.
        width: its standard deviation over its mean.
        likely: most likely gain and width, which say best how the very charges are spread that
            they were found from.
        covariance: of (gain, width) of each PMT, that of the shared shape included.
        shared: the shape by type, in the order of GLOBAL_NAMES.
        shared_covariance: its covariance for each type.
        expected: expected hits by bin, in the classes of little light together.
        passing_error: of the mean share above threshold of a type's PMTs, relative; what hides
            below the threshold is known from what shows above it alone. The shape is the one at
            which that share has its posterior mean.
        alone: gain and width from the charges of each PMT alone, the shape being known.
    """

    gain: Float[Tensor, " pmt"]
    width: Float[Tensor, " pmt"]
    likely: Float[Tensor, "pmt 2"]
    covariance: Float[Tensor, "pmt 2 2"]
    shared: Float[Tensor, "type shared"]
    shared_covariance: Float[Tensor, "type shared shared"]
    expected: Float[Tensor, "pmt bin"]
    passing_error: Float[Tensor, " type"]
    alone: Alone

    def shape(self, kind: Tensor) -> ChargeShape:
        """The shared shape for each PMT."""
        return shape_of(self.shared, kind)


def fit_charge(
    spectra: ChargeSpectra,
    kind: Tensor,
    fitted: Tensor,
    counting: Tensor,
    *,
    iterations: int = 30,
    width_start: tuple[float, ...] = WIDTH_START,
) -> ChargeFit:
    """Fit the PMTs that ``fitted`` marks; the others get NaN.

    Args:
        spectra: charge histograms.
        kind: type of each PMT, 0 or 1.
        fitted: PMTs with enough hits.
        counting: PMTs that make up the shared shape and the populations.
        iterations: scoring steps at most.
        width_start: where the width of each type starts.
    """
    state, population = _started(spectra, kind, fitted, counting, width_start)
    state, scoring, _ = stepped(spectra, state, population, ALIKE_STEPS, NEARLY)
    population = _populations(state, scoring, population)
    state, _, _ = stepped(spectra, state, population, SETTLING_STEPS, 0.0, taken=0.0)
    state, _, _ = stepped(spectra, state, population, iterations, NEARLY)
    for _ in range(AVERAGES):
        average, population = averaged(spectra, state, population)
        state, _, change = stepped(spectra, state, population, 1, STILL, slope=average.slope)
        if change < STILL:
            break
        state, _, _ = stepped(spectra, state, population, 1, STILL, slope=average.slope)
    state, passing_error = mean_passing(spectra, state, population, average.slope)
    own_mean = averaged(spectra, state, population)[0].mean
    scoring, expected = score_charges(spectra, state)
    alone = _alone(state, scoring)
    scoring = pooled(scoring, state, population)
    own, shared = scoring.covariance(state, shape_prior(kind.device))
    nothing = torch.where(fitted, 0.0, torch.nan)
    return ChargeFit(
        own_mean[:, 0] + nothing,
        own_mean[:, 1] + nothing,
        state.own + nothing[:, None],
        own,
        state.shared[:, :N_SHAPE],
        shared[:, :N_SHAPE, :N_SHAPE],
        expected,
        passing_error,
        alone,
    )


def _alone(state: Sharing, scoring: SharedScoring) -> Alone:
    """Gain and width of each PMT without the populations; the ridge is for those without hits."""
    ridge = RIDGE * torch.eye(2, dtype=torch.float64, device=state.own.device)
    return Alone.of(state.own, scoring.score[:, :2], scoring.information[:, :2, :2] + ridge)


def _started(
    spectra: ChargeSpectra,
    kind: Tensor,
    fitted: Tensor,
    counting: Tensor,
    width_start: tuple[float, ...],
) -> tuple[Sharing, Populations]:
    """Median gains, widths that are alike in every type, and thresholds where charges begin."""
    device = kind.device
    means = torch.tensor(width_start, dtype=torch.float64, device=device)
    counts = spectra.counts[:, :LOW_LIGHT].sum(1)
    gain = median_charge(counts, spectra.charge)
    shape = torch.tensor(GLOBAL_START, dtype=torch.float64, device=device)
    ones = torch.ones_like(means)
    shared = torch.cat([shape.repeat(len(means), 1), ones[:, None], means[:, None]], dim=1)
    rows = fitted & counting
    of_type = counts.new_zeros(len(means), counts.shape[1]).index_add_(0, kind[rows], counts[rows])
    seen = of_type.sum(1) > 0
    shared[seen, THRESHOLD] = _threshold_start(of_type[seen], spectra.charge)
    state = Sharing(torch.stack([gain, means[kind]], dim=1), shared, kind, fitted, counting)
    return state, (Population.wide(ones), Population.pinned(means))


def _threshold_start(
    counts: Float[Tensor, "type bin"], charge: Float[Tensor, " bin"]
) -> Float[Tensor, " type"]:
    """Charge below which hardly any hits lie: about the threshold."""
    share = counts.cumsum(1) / counts.sum(1, keepdim=True)
    return charge[(share < BELOW_THRESHOLD).sum(1)].clamp(*SINGLE_BOUNDS[THRESHOLD])


def nominal_efficiency(kind: Tensor) -> Float[Tensor, " pmt"]:
    """Share of photoelectrons above threshold with the shape that the priors are about."""
    width = torch.tensor(WIDTH_START, dtype=torch.float64, device=kind.device)[kind]
    shared = torch.tensor([GLOBAL_START] * 2, dtype=torch.float64, device=kind.device)
    return detection_efficiency(torch.ones_like(width), width, shape_of(shared, kind))[0]


def _populations(state: Sharing, scoring: SharedScoring, before: Populations) -> Populations:
    """Populations of gain and width, from a fit in which all widths of a type are alike.

    The gains of a type with hardly any PMTs keep the wide population that they had.
    """
    rows = state.fitted & state.counting
    score, information = scoring.score[:, :2], scoring.information[:, :2, :2]
    mean = state.shared[:, N_SHAPE:]
    width = population_from_scores(score, information, mean[:, 1], state.kind, rows)
    variance = 1 / information[:, 0, 0].clamp(min=RIDGE)
    drawn = replace(before[0], mean=mean[:, 0])
    gain = unpooled(state.own[:, 0], variance, drawn, state.kind)
    found = population_of(gain, variance, state.kind, rows).variance
    spread = drawn.variance.clone()
    spread[: len(found)] = torch.where(torch.isfinite(found), found, spread[: len(found)])
    return replace(drawn, variance=spread), width
