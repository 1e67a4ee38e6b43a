"""Scoring steps of gains, widths and what the charges of a type's PMTs have in common."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal.calibrate.charge_likelihood import GLOBAL_NAMES, score_charges
from kzcal.calibrate.charge_spectra import PILE_UP_EDGES, ChargeSpectra
from kzcal.calibrate.marginal import Marginal, marginal
from kzcal.calibrate.population import Population, Prior
from kzcal.calibrate.scoring import SharedPrior, SharedScoring, Sharing, shared_step

Populations = tuple[Population, Population]
"""Of the gain and of the width."""
PILE_UP_START = (1.4, 1.25, *(1.2 for _ in PILE_UP_EDGES[2:]))
"""As simulated runs have them; where little is expected events of a class differ most."""
GLOBAL_START = (0.15, 0.3, 0.3, 0.06, *PILE_UP_START)
GLOBAL_SIGMA = (0.1, 0.08, 0.1, 0.03, *(0.3 for _ in PILE_UP_EDGES))
"""Weak priors of the shape: an exponential that hides below the threshold has any fraction."""
N_SHAPE = len(GLOBAL_NAMES)
"""Shared parameters of the shape; the mean gain and the mean width of the type come after."""
THRESHOLD = GLOBAL_NAMES.index("threshold")
TAKEN = 0.45
"""Share of a shared step that is taken, since longer ones swing to and fro along the exponential's
scale: 0.7 takes half as many steps again."""
OWN_BOUNDS = ((0.2, 5.0), (0.1, 1.5))
SINGLE_BOUNDS = ((0.005, 0.6), (0.05, 1.0), (0.02, 0.8), (0.01, 0.4))
GLOBAL_BOUNDS = SINGLE_BOUNDS + tuple((0.3, 3.0) for _ in PILE_UP_EDGES)
SHARED_BOUNDS = GLOBAL_BOUNDS + OWN_BOUNDS


def shape_prior(device: torch.device) -> SharedPrior:
    """Weak priors of the shape, none of the populations' means."""
    mean = torch.tensor((*GLOBAL_START, 0.0, 0.0), dtype=torch.float64, device=device)
    sigma = torch.tensor((*GLOBAL_SIGMA, torch.inf, torch.inf), dtype=torch.float64, device=device)
    return SharedPrior(mean, sigma**-2)


def stepped(
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
    """Scoring steps until the largest change is small enough; the last scoring and change.

    Args:
        spectra: charge histograms.
        state: where the steps start.
        population: that gains and widths are drawn from.
        steps: at most; at least one.
        enough: change, in errors, below which no further step is taken.
        slope: added to the slope of the log likelihood by the shared parameters.
        taken: share of each shared step that is taken.
        held: a shared parameter that does not move; None for none.
    """
    largest = torch.inf
    for _ in range(steps):
        scoring, _ = score_charges(spectra, state)
        state, largest = shared_step(
            state,
            pooled(scoring, state, population),
            own_bounds=OWN_BOUNDS,
            shared_bounds=SHARED_BOUNDS,
            shared_slope=slope,
            prior=shape_prior(state.own.device),
            taken=taken,
            held=held,
        )
        if largest < enough:
            break
    return state, scoring, largest


def averaged(
    spectra: ChargeSpectra, state: Sharing, population: Populations
) -> tuple[Marginal, Populations]:
    """Averages over what is possible for gains and widths, and their populations by these."""
    centre = state.shared[state.kind, N_SHAPE:]

    def scored(own: Tensor) -> SharedScoring:
        there = replace(state, own=own)
        return pooled(score_charges(spectra, there)[0], there, population)

    found = marginal(state, scored, centre, OWN_BOUNDS)
    rows = state.fitted & state.counting
    gain, width = (
        quantity.towards(found.square[:, k], found.variance[:, k], state.kind, rows)
        for k, quantity in enumerate(population)
    )
    return found, (gain, width)


def pooled(scoring: SharedScoring, state: Sharing, population: Populations) -> SharedScoring:
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
    value += population_value(state, population)
    return replace(scoring, score=score, information=information, value=value)


def population_value(state: Sharing, population: Populations) -> Float[Tensor, " pmt"]:
    """Log density of the populations at each PMT's gain and width, but for a constant."""
    off = state.own - state.shared[state.kind, N_SHAPE:]
    variance = torch.stack([quantity.variance[state.kind] for quantity in population], dim=1)
    return -0.5 * (off**2 / variance).sum(1)
