"""Gain and single-p.e. width of every PMT from charge spectra.

The hits of a PMT are sorted by the mean number of further photoelectrons that the light model
expects within the merging time after them; hits of forced triggers have none. Gain and width are
fitted for all PMTs at once by Fisher scoring, together with what the PMTs of a type share: the
shape, and the means of the Gaussian populations that gains and widths are drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from kzcal.calibrate.charge_likelihood import (
    GLOBAL_NAMES,
    charge_values,
    score_charges,
    shape_of,
)
from kzcal.calibrate.charge_spectra import LOW_LIGHT, PILE_UP_EDGES, ChargeSpectra
from kzcal.calibrate.marginal import marginal, marginal_value
from kzcal.calibrate.population import (
    Alone,
    Population,
    Prior,
    population_from_scores,
    population_of,
    unpooled,
)
from kzcal.calibrate.scoring import (
    RIDGE,
    SharedPrior,
    SharedScoring,
    Sharing,
    follow,
    own_inverse,
    shared_step,
    spared_volume,
    within,
)
from kzcal.calibrate.single_pe import median_charge
from kzcal.calibrate.valley import Place, valley_mean
from kzcal.response.charge import ChargeShape, detection_efficiency

Populations = tuple[Population, Population]
"""Of the gain and of the width."""
GLOBAL_START = (0.15, 0.3, 0.3, 0.06, *(1.15 for _ in PILE_UP_EDGES))
GLOBAL_SIGMA = (0.1, 0.08, 0.1, 0.03, *(0.3 for _ in PILE_UP_EDGES))
"""Weak priors of the shape about its start: an exponential that hides below the threshold has any
fraction."""
WIDTH_START = (0.4, 0.55)
N_SHAPE = len(GLOBAL_NAMES)
"""Shared parameters of the shape; the mean gain and the mean width of the type come after."""
ALIKE_STEPS, SETTLING_STEPS = 6, 2
"""Steps in which all PMTs of a type have one width; steps after these in which nothing shared
moves."""
AVERAGES = 8
"""Times at most that averages over gains and widths are taken; each is followed by two steps."""
TAKEN, NEARLY, STILL = 0.7, 0.3, 0.1
"""Share of a shared step that is taken, since whole ones swing to and fro with few hits; changes,
in errors, below which nearly enough and enough steps are done."""
VALLEY_STEPS = 2
"""Steps at every place along the scale of the exponential."""
OWN_BOUNDS = ((0.2, 5.0), (0.1, 1.5))
SINGLE_BOUNDS = ((0.005, 0.6), (0.05, 1.0), (0.02, 0.8), (0.01, 0.4))
GLOBAL_BOUNDS = SINGLE_BOUNDS + tuple((0.3, 3.0) for _ in PILE_UP_EDGES)
SHARED_BOUNDS = GLOBAL_BOUNDS + OWN_BOUNDS
SCALE = GLOBAL_NAMES.index("exponential_scale")


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
        passing_error: of the mean share above threshold of a type's PMTs, relative; what hides
            below the threshold is known from what shows above it alone. The shape is the one at
            which that share has its posterior mean.
        alone: gain and width from the charges of each PMT alone, the shape being known.
    """

    gain: Float[Tensor, " pmt"]
    width: Float[Tensor, " pmt"]
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
    state, scoring, _ = _stepped(spectra, state, population, ALIKE_STEPS, NEARLY)
    population = _populations(state, scoring, population)
    state, _, _ = _stepped(spectra, state, population, SETTLING_STEPS, 0.0, taken=0.0)
    state, _, _ = _stepped(spectra, state, population, iterations, NEARLY)
    for _ in range(AVERAGES):
        slope, population = _averaged(spectra, state, population)
        state, _, change = _stepped(spectra, state, population, 1, STILL, slope=slope)
        if change < STILL:
            break
        state, _, _ = _stepped(spectra, state, population, 1, STILL, slope=slope)
    state, passing_error = _mean_passing(spectra, state, population, slope)
    scoring, expected = score_charges(spectra, state)
    alone = _alone(state, scoring)
    scoring = _pooled(scoring, state, population)
    own, shared = scoring.covariance(state, _shape_prior(kind.device))
    nothing = torch.where(fitted, 0.0, torch.nan)
    return ChargeFit(
        state.own[:, 0] + nothing,
        state.own[:, 1] + nothing,
        own,
        state.shared[:, :N_SHAPE],
        shared[:, :N_SHAPE, :N_SHAPE],
        expected,
        passing_error,
        alone,
    )


def _mean_passing(
    spectra: ChargeSpectra,
    state: Sharing,
    population: Populations,
    slope: Float[Tensor, "type shared"],
) -> tuple[Sharing, Float[Tensor, " type"]]:
    """Values at which the share above threshold has its mean, and its relative error.

    A little more of a short exponential, or less of a long one, leave nearly the same charges and
    hide differently many photoelectrons.
    """
    prior, rows = _shape_prior(state.own.device), state.fitted & state.counting

    best = _pooled(score_charges(spectra, state)[0], state, population)
    _, covariance = best.covariance(state, prior)
    variance = covariance[:, SCALE, SCALE].clamp(min=1e-12)
    course = covariance[:, :, SCALE] / variance[:, None]

    def reach(start: Sharing, scale: Float[Tensor, " type"]) -> Place:
        change = course * (scale - start.shared[:, SCALE])[:, None]
        near = follow(start, best, change)
        shared = within(near.shared, SHARED_BOUNDS)
        shared[:, SCALE] = scale
        at = replace(near, own=within(near.own, OWN_BOUNDS), shared=shared)
        at, _, _ = _stepped(
            spectra, at, population, VALLEY_STEPS, 0.0, slope=slope, taken=1.0, held=SCALE
        )
        scoring = _pooled(score_charges(spectra, at)[0], at, population)

        def valued(own: Tensor) -> Tensor:
            there = replace(at, own=own)
            return charge_values(spectra, there) + _population_value(there, population)

        height = prior.value(at.shared) + spared_volume(at, scoring, prior, SCALE)
        likelihood = marginal_value(at, own_inverse(scoring), valued, OWN_BOUNDS)
        height.index_add_(0, at.kind[rows], likelihood[rows])
        return Place(at, height, _passing(at, rows))

    found = valley_mean(state, SCALE, variance.sqrt(), SINGLE_BOUNDS[SCALE], reach)
    nobody = torch.bincount(state.kind[rows], minlength=len(variance)) == 0
    scale = torch.where(nobody, state.shared[:, SCALE], found.parameter)
    return reach(state, scale).state, torch.where(nobody, 0.0, found.sigma)


def _passing(at: Sharing, rows: Bool[Tensor, " pmt"]) -> Float[Tensor, " type"]:
    """Logarithm of the sum of some PMTs' shares above threshold."""
    gain, width = at.own.T
    share = detection_efficiency(gain, width, shape_of(at.shared, at.kind))[0]
    total = torch.zeros(len(at.shared), dtype=share.dtype, device=share.device)
    return total.index_add_(0, at.kind[rows], share[rows]).log()


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
    """Median gains, and widths that are alike in every type."""
    device = kind.device
    means = torch.tensor(width_start, dtype=torch.float64, device=device)
    gain = median_charge(spectra.counts[:, :LOW_LIGHT].sum(1), spectra.charge)
    shape = torch.tensor(GLOBAL_START, dtype=torch.float64, device=device)
    ones = torch.ones_like(means)
    shared = torch.cat([shape.repeat(len(means), 1), ones[:, None], means[:, None]], dim=1)
    state = Sharing(torch.stack([gain, means[kind]], dim=1), shared, kind, fitted, counting)
    return state, (Population.wide(ones), Population.pinned(means))


def nominal_efficiency(kind: Tensor) -> Float[Tensor, " pmt"]:
    """Share of photoelectrons above threshold with the shape from which the fit starts."""
    width = torch.tensor(WIDTH_START, dtype=torch.float64, device=kind.device)[kind]
    shared = torch.tensor([GLOBAL_START] * 2, dtype=torch.float64, device=kind.device)
    return detection_efficiency(torch.ones_like(width), width, shape_of(shared, kind))[0]


def _shape_prior(device: torch.device) -> SharedPrior:
    """Weak priors of the shape, none of the populations' means."""
    mean = torch.tensor((*GLOBAL_START, 0.0, 0.0), dtype=torch.float64, device=device)
    sigma = torch.tensor((*GLOBAL_SIGMA, torch.inf, torch.inf), dtype=torch.float64, device=device)
    return SharedPrior(mean, sigma**-2)


def _stepped(
    spectra: ChargeSpectra,
    state: Sharing,
    population: Populations,
    steps: int,
    enough: float,
    *,
    slope: Float[Tensor, "type shared"] | None = None,
    taken: float = TAKEN,
    held: int | None = None,
) -> tuple[Sharing, SharedScoring, float]:
    """Scoring steps until the largest change is small enough; the last scoring and change."""
    largest = torch.inf
    for _ in range(steps):
        scoring, _ = score_charges(spectra, state)
        state, largest = shared_step(
            state,
            _pooled(scoring, state, population),
            own_bounds=OWN_BOUNDS,
            shared_bounds=SHARED_BOUNDS,
            shared_slope=slope,
            prior=_shape_prior(state.own.device),
            taken=taken,
            held=held,
        )
        if largest < enough:
            break
    return state, scoring, largest


def _averaged(
    spectra: ChargeSpectra, state: Sharing, population: Populations
) -> tuple[Float[Tensor, "type shared"], Populations]:
    """What the average over gains and widths adds to the shared slope, and their populations."""
    centre = state.shared[state.kind, N_SHAPE:]

    def scored(own: Tensor) -> SharedScoring:
        there = replace(state, own=own)
        return _pooled(score_charges(spectra, there)[0], there, population)

    found = marginal(state, scored, centre, OWN_BOUNDS)
    rows = state.fitted & state.counting
    gain, width = (
        quantity.towards(found.square[:, k], found.variance[:, k], state.kind, rows)
        for k, quantity in enumerate(population)
    )
    return found.slope, (gain, width)


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


def _pooled(scoring: SharedScoring, state: Sharing, population: Populations) -> SharedScoring:
    """Scoring by (gain, width, shape, mean gain, mean width), the populations as prior."""
    score = torch.nn.functional.pad(scoring.score, (0, 2))
    value = scoring.value.clone()
    information = torch.nn.functional.pad(scoring.information, (0, 2, 0, 2))
    for k, quantity in enumerate(population):
        mean, own = 2 + N_SHAPE + k, state.own[:, k]
        variance = quantity.variance[state.kind]
        prior = Prior(state.shared[state.kind, N_SHAPE + k], variance, variance)
        score, information = prior.added(score, information, own, k)
        score[:, mean] += (own - prior.mean) / variance
        information[:, mean, mean] += 1 / variance
        information[:, k, mean] -= 1 / variance
        information[:, mean, k] -= 1 / variance
    value += _population_value(state, population)
    return replace(scoring, score=score, information=information, value=value)


def _population_value(state: Sharing, population: Populations) -> Float[Tensor, " pmt"]:
    """Log density of the populations at each PMT's gain and width, but for a constant."""
    off = state.own - state.shared[state.kind, N_SHAPE:]
    variance = torch.stack([quantity.variance[state.kind] for quantity in population], dim=1)
    return -0.5 * (off**2 / variance).sum(1)
