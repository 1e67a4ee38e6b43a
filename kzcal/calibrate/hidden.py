"""How many photoelectrons hide below the threshold: a mean over all that charges allow."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.calibrate.charge_likelihood import (
    GLOBAL_NAMES,
    charge_values,
    score_charges,
    shape_of,
)
from kzcal.calibrate.charge_spectra import ChargeSpectra
from kzcal.calibrate.marginal import marginal_value
from kzcal.calibrate.pulse_steps import (
    GLOBAL_START,
    N_SHAPE,
    OWN_BOUNDS,
    SHARED_BOUNDS,
    SINGLE_BOUNDS,
    THRESHOLD,
    Populations,
    pooled,
    population_value,
    shape_prior,
    stepped,
)
from kzcal.calibrate.scoring import (
    SharedPrior,
    SharedScoring,
    Sharing,
    follow,
    own_inverse,
    spared_volume,
    within,
)
from kzcal.calibrate.valley import Place, valley_mean
from kzcal.response.charge import detection_efficiency

VALLEY_STEPS = 2
"""Steps at every place along the scale of the exponential."""
FRACTION, SCALE = (GLOBAL_NAMES.index(f"exponential_{name}") for name in ("fraction", "scale"))
MOST_HIDDEN = GLOBAL_START[FRACTION]
"""Up to this fraction places keep what shows above threshold; beyond, the prior decides."""
SMALL = 0.01
"""Relative step of a shared parameter by which the slope of the share above threshold is found."""


def mean_passing(
    spectra: ChargeSpectra,
    state: Sharing,
    population: Populations,
    slope: Float[Tensor, "type shared"],
) -> tuple[Sharing, Float[Tensor, " type"]]:
    """Values at which the share above threshold has its mean, and its relative error.

    A little more of a short exponential, or less of a long one, leave nearly the same charges and
    hide differently many photoelectrons. Where little shows above threshold, there may be none, or
    much that is so short that it hides; both are tried. The error is that along the valley, and
    across it that of the other shared values where the scale is known.

    Args:
        spectra: charge histograms.
        state: where gains, widths and shape are most likely.
        population: that gains and widths are drawn from.
        slope: of the marginal likelihood over that at the best gains and widths.
    """
    prior, rows = shape_prior(state.own.device), state.fitted & state.counting
    best = pooled(score_charges(spectra, state)[0], state, population)
    _, covariance = best.covariance(state, prior)
    variance = covariance[:, SCALE, SCALE].clamp(min=1e-12)
    course = covariance[:, :, SCALE] / variance[:, None]

    def moved(start: Sharing, scale: Float[Tensor, " type"]) -> Sharing:
        fraction = start.shared[:, FRACTION]
        alike = fraction / _visible(start.shared, scale)
        change = course * (scale - start.shared[:, SCALE])[:, None]
        change[:, FRACTION] = torch.minimum(alike, fraction.clamp(min=MOST_HIDDEN)) - fraction
        near = follow(start, best, change)
        shared = within(near.shared, SHARED_BOUNDS)
        shared[:, SCALE] = scale
        at = replace(near, own=within(near.own, OWN_BOUNDS), shared=shared)
        more = slope.clone()
        more[:, FRACTION] *= _visible(state.shared, scale)
        return stepped(
            spectra, at, population, VALLEY_STEPS, 0.0, slope=more, taken=1.0, held=SCALE
        )[0]

    def reach(start: Sharing, scale: Float[Tensor, " type"]) -> Place:
        at = moved(start, scale)
        scoring = pooled(score_charges(spectra, at)[0], at, population)

        def valued(own: Tensor) -> Tensor:
            there = replace(at, own=own)
            return charge_values(spectra, there) + population_value(there, population)

        height = prior.value(at.shared) + spared_volume(at, scoring, prior, SCALE)
        likelihood = marginal_value(at, own_inverse(scoring), valued, OWN_BOUNDS)
        height.index_add_(0, at.kind[rows], likelihood[rows])
        return Place(at, height, _passing(at, rows), _variance(at, scoring, rows, prior))

    found = valley_mean(state, SCALE, variance.sqrt(), SINGLE_BOUNDS[SCALE], reach)
    nobody = torch.bincount(state.kind[rows], minlength=len(variance)) == 0
    scale = torch.where(nobody, state.shared[:, SCALE], found.parameter)
    return moved(found.nearest, scale), torch.where(nobody, 0.0, found.sigma)


def _visible(
    shared: Float[Tensor, "type shared"], scale: Float[Tensor, " type"]
) -> Float[Tensor, " type"]:
    """Of an exponential of this scale, the share above threshold over that of the present one."""
    threshold = shared[:, THRESHOLD] / shared[:, N_SHAPE]
    return torch.exp(threshold * (1 / shared[:, SCALE] - 1 / scale))


def _variance(
    state: Sharing, scoring: SharedScoring, rows: Bool[Tensor, " pmt"], prior: SharedPrior
) -> Float[Tensor, " type"]:
    """Relative variance of the share above threshold where the scale is known."""
    _, covariance = scoring.covariance(state, prior)
    of_scale = covariance[:, :, SCALE]
    known = covariance[:, SCALE, SCALE].clamp(min=1e-12)[:, None, None]
    covariance = covariance - of_scale[:, :, None] * of_scale[:, None] / known
    slopes = []
    for column in range(covariance.shape[1]):
        change = torch.zeros_like(state.shared)
        change[:, column] = SMALL * state.shared[:, column]
        there = _passing(follow(state, scoring, change), rows) - _passing(state, rows)
        slopes.append(there / change[:, column])
    slope = torch.stack(slopes, dim=1)
    return torch.einsum("ti,tij,tj->t", slope, covariance, slope).clamp(min=0.0)


def _passing(at: Sharing, rows: Bool[Tensor, " pmt"]) -> Float[Tensor, " type"]:
    """Logarithm of the sum of some PMTs' shares above threshold."""
    gain, width = at.own.T
    share = detection_efficiency(gain, width, shape_of(at.shared, at.kind))[0]
    total = torch.zeros(len(at.shared), dtype=share.dtype, device=share.device)
    return total.index_add_(0, at.kind[rows], share[rows]).log()
