"""Gain and single-p.e. width of every PMT from charge spectra.

The hits of a PMT are sorted by the mean number of further photoelectrons that the light model
expects within the merging time after them; hits of forced triggers have none. Gain and width are
fitted for all PMTs at once by Fisher scoring, together with the shape that the PMTs of a type
share. Both have the Gaussian population of their type as prior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.charge_likelihood import score_charges, shape_of
from kzcal.calibrate.charge_spectra import LOW_LIGHT, ChargeSpectra
from kzcal.calibrate.population import (
    Population,
    population_from_scores,
    population_of,
    recentred,
    unpooled,
)
from kzcal.calibrate.scoring import (
    RIDGE,
    SharedScoring,
    Sharing,
    follow,
    log_volume,
    shared_step,
)
from kzcal.calibrate.single_pe import median_charge
from kzcal.response.charge import ChargeShape, detection_efficiency

Populations = tuple[Population, Population]
"""Of the gain and of the width."""
GLOBAL_START = (0.15, 0.3, 0.3, 0.06, 1.15)
ALIKE_ROUNDS, ALIKE_STEPS = 2, 4
"""Rounds of steps in which all PMTs of a type have one width, which each round corrects."""
WIDTH_START = (0.4, 0.55)
GLOBAL_BOUNDS = ((0.005, 0.6), (0.05, 1.0), (0.02, 0.8), (0.01, 0.4), (0.3, 3.0))


@dataclass(frozen=True, slots=True)
class ChargeFit:
    """Charge response of every PMT.

    Args:
        gain: mean of the Gaussian part of the single-p.e. charge, nominal gains.
        width: its standard deviation over its mean.
        covariance: of (gain, width) of each PMT, that of the shared shape included.
        shared: the shape by type, in the order of GLOBAL_NAMES.
        shared_covariance: its covariance for each type.
        expected: expected hits by bin, in the classes of little light together.
    """

    gain: Float[Tensor, " pmt"]
    width: Float[Tensor, " pmt"]
    covariance: Float[Tensor, "pmt 2 2"]
    shared: Float[Tensor, "type shared"]
    shared_covariance: Float[Tensor, "type shared shared"]
    expected: Float[Tensor, "pmt bin"]

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
        counting: PMTs that make up the shared shape and the population of widths.
        iterations: scoring steps at most.
        width_start: where the width of each type starts.
    """
    device = kind.device
    n_pmt, n_type = len(kind), 2
    own = torch.ones(n_pmt, 2, dtype=torch.float64, device=device)
    own[:, 1] = torch.tensor(width_start, dtype=torch.float64, device=device)[kind]
    own[:, 0] = median_charge(spectra.counts[:, :LOW_LIGHT].sum(1), spectra.charge)
    start = torch.tensor(GLOBAL_START, dtype=torch.float64, device=device)
    state = Sharing(own, start.repeat(n_type, 1), kind, fitted, counting)
    means = torch.tensor(width_start, dtype=torch.float64, device=device)
    population = (Population.wide(torch.ones_like(means)), Population.pinned(means))
    for _ in range(ALIKE_ROUNDS):
        state, scoring, _ = _stepped(spectra, state, population, ALIKE_STEPS)
        found = _populations(state, scoring, population)
        population = (population[0], Population.pinned(found[1].mean))
    state, population = _converged(spectra, state, found, iterations)
    slope = _volume_slope(spectra, state, population)
    state, population = _converged(spectra, state, population, iterations, slope)
    scoring, expected = score_charges(spectra, state)
    scoring = _pooled(scoring, state, population)
    own_covariance, shared_covariance = scoring.covariance(state)
    nothing = torch.where(fitted, 0.0, torch.nan)
    return ChargeFit(
        state.own[:, 0] + nothing,
        state.own[:, 1] + nothing,
        own_covariance,
        state.shared,
        shared_covariance,
        expected,
    )


def nominal_efficiency(kind: Tensor) -> Float[Tensor, " pmt"]:
    """Share of photoelectrons above threshold with the shape from which the fit starts."""
    width = torch.tensor(WIDTH_START, dtype=torch.float64, device=kind.device)[kind]
    shared = torch.tensor([GLOBAL_START] * 2, dtype=torch.float64, device=kind.device)
    return detection_efficiency(torch.ones_like(width), width, shape_of(shared, kind))[0]


def _converged(
    spectra: ChargeSpectra,
    state: Sharing,
    population: Populations,
    iterations: int,
    shared_slope: Tensor | None = None,
) -> tuple[Sharing, Populations]:
    """Steps of the PMTs and of the populations' means in turn, until both stand still."""
    rows = state.fitted & state.counting
    for _ in range(iterations):
        state, scoring, largest = _stepped(spectra, state, population, 1, shared_slope)
        variance = _variance_alone(scoring)
        before = population
        population = (
            recentred(before[0], state.own[:, 0], variance[:, 0], state.kind, rows),
            recentred(before[1], state.own[:, 1], variance[:, 1], state.kind, rows),
        )
        shifts = [
            float(((new.mean - old.mean).abs() / old.variance.sqrt()).max())
            for new, old in zip(population, before, strict=True)
        ]
        if largest < 0.05 and max(shifts) < 0.02:
            break
    return state, population


def _variance_alone(scoring: SharedScoring) -> Float[Tensor, "pmt 2"]:
    """Variances of gain and width of each PMT without their populations."""
    ridge = RIDGE * torch.eye(2, dtype=torch.float64, device=scoring.score.device)
    covariance: Tensor = torch.linalg.inv(scoring.information[:, :2, :2] + ridge)
    return torch.diagonal(covariance, dim1=1, dim2=2)


def _stepped(
    spectra: ChargeSpectra,
    state: Sharing,
    population: Populations,
    steps: int,
    shared_slope: Tensor | None = None,
) -> tuple[Sharing, SharedScoring, float]:
    """Some scoring steps, the last scoring, and the largest of its moves in errors."""
    for _ in range(steps):
        scoring, _ = score_charges(spectra, state)
        state, largest = shared_step(
            state,
            _pooled(scoring, state, population),
            own_bounds=((0.2, 5.0), (0.1, 1.5)),
            shared_bounds=GLOBAL_BOUNDS,
            shared_slope=shared_slope,
        )
    return state, scoring, largest


def _volume_slope(
    spectra: ChargeSpectra, state: Sharing, population: Populations, step: float = 0.02
) -> Float[Tensor, "type shared"]:
    """Slope by the shared parameters of the volume that each PMT's own ones are confined to.

    The likelihood of the shared parameters alone is that of the best own ones times this volume
    (Laplace). Without it the shared shape is biased by as many nuisance pairs as there are PMTs.
    Source: D. R. Cox and N. Reid (1987), J. R. Stat. Soc. B 49, 1.
    """
    here = _pooled(score_charges(spectra, state)[0], state, population)
    slope = torch.zeros_like(state.shared)
    rows = state.fitted & state.counting
    for column in range(state.shared.shape[1]):
        there = follow(state, here, column, step)
        moved = _pooled(score_charges(spectra, there)[0], there, population)
        gain = torch.where(rows, log_volume(moved) - log_volume(here), 0.0)
        by_type = torch.zeros_like(slope[:, 0]).index_add_(0, state.kind, gain)
        slope[:, column] = by_type / (step * state.shared[:, column])
    return slope


def _populations(state: Sharing, scoring: SharedScoring, before: Populations) -> Populations:
    """Populations of gain and width, from a fit in which all widths of a type are alike."""
    rows = state.fitted & state.counting
    score, information = scoring.score[:, :2], scoring.information[:, :2, :2]
    width = population_from_scores(score, information, before[1].mean, state.kind, rows)
    variance = 1 / information[:, 0, 0].clamp(min=RIDGE)
    gain = unpooled(state.own[:, 0], variance, before[0], state.kind)
    return population_of(gain, variance, state.kind, rows), width


def _pooled(scoring: SharedScoring, state: Sharing, population: Populations) -> SharedScoring:
    score, information = scoring.score, scoring.information
    for k, quantity in enumerate(population):
        prior = quantity.exact_prior(state.kind)
        score, information = prior.added(score, information, state.own[:, k], k)
    return replace(scoring, score=score, information=information)
